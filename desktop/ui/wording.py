"""What the node's states, reasons and outcomes are called: plain words, in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from desktop.control.answers import CheckSheet, Refusal
from desktop.control.snapshot import Snapshot, Status
from desktop.domain.job import JobKind, JobState
from desktop.domain.model import ModelKind
from desktop.domain.node_state import NodeState, Reason
from desktop.domain.told import Value, fill
from desktop.ui import formats
from desktop.ui.language import tr

_NUMBER: Final = re.compile(r"\b\d+\b")


class Mood(Enum):
    """How a state feels to its owner; colours, shapes and heights are chosen by it, always with a word beside them."""

    EARNING = "earning"
    READY = "ready"
    PAUSED = "paused"
    OFF = "off"


MOODS: Final[dict[NodeState, Mood]] = {
    NodeState.EARNING: Mood.EARNING,
    NodeState.READY: Mood.READY,
    NodeState.PAUSED: Mood.PAUSED,
    NodeState.OFF: Mood.OFF,
    NodeState.STARTING: Mood.OFF,
    NodeState.STOPPING: Mood.OFF,
    NodeState.OFFLINE: Mood.OFF,
    NodeState.FAULT: Mood.OFF,
}


def mood_now(state: NodeState) -> Mood | None:
    """The mood of the present. On the way up or down there is none yet; in the records that time was not worked."""
    return None if state in {NodeState.STARTING, NodeState.STOPPING} else MOODS[state]


def mood_word(mood: Mood) -> str:
    """The word beside a colour."""
    return {
        Mood.EARNING: tr("earning"),
        Mood.READY: tr("ready"),
        Mood.PAUSED: tr("paused"),
        Mood.OFF: tr("not working"),
    }[mood]


def state_word(state: NodeState) -> str:
    """The state as one word."""
    return {
        NodeState.OFF: tr("Off"),
        NodeState.STARTING: tr("Starting"),
        NodeState.READY: tr("Ready"),
        NodeState.EARNING: tr("Earning"),
        NodeState.PAUSED: tr("Paused"),
        NodeState.OFFLINE: tr("Offline"),
        NodeState.FAULT: tr("Stopped"),
        NodeState.STOPPING: tr("Stopping"),
    }[state]


def reason_words(reason: Reason) -> str:
    """The reason, as it follows the state."""
    return {
        Reason.STOPPED_BY_OWNER: tr("you quit Hearth"),
        Reason.ENDED_UNEXPECTEDLY: tr("Hearth ended unexpectedly"),
        Reason.ASLEEP: tr("the computer slept"),
        Reason.LOADING: tr("loading the model"),
        Reason.WAITING_FOR_REQUESTS: tr("waiting for requests"),
        Reason.SERVING: tr("answering a request"),
        Reason.PAUSED_BY_OWNER: tr("by you"),
        Reason.NO_RELAY: tr("no relay can be reached"),
        Reason.WORKER_RESTARTING: tr("the worker is restarting"),
        Reason.WORKER_FAILED: tr("the worker failed three times"),
        Reason.SANDBOX_UNAVAILABLE: tr("the sandbox does not work here"),
        Reason.SHUTTING_DOWN: tr("finishing and signing off"),
        Reason.WAITING_TO_JOIN: tr("waiting for you to join"),
        Reason.OWNER_ACTIVE: tr("you are using the computer"),
        Reason.FULLSCREEN: tr("a program fills the screen"),
        Reason.PRESENCE_UNKNOWN: tr("cannot tell whether you are here"),
        Reason.OTHER_PROGRAM: tr("another program uses the device"),
        Reason.MEMORY_WANTED: tr("another program needs the device's memory"),
        Reason.ON_BATTERY: tr("running on battery"),
        Reason.METERED: tr("the network is metered"),
        Reason.SCHEDULE: tr("not in your schedule"),
        Reason.TOO_HOT: tr("the device is too hot"),
        Reason.TOO_MUCH_POWER: tr("the device draws too much power"),
        Reason.NOT_WORTH_IT: tr("electricity would cost more than it earns"),
        Reason.DEVICE_SILENT: tr("the device does not answer"),
        Reason.MEASURING: tr("measuring how fast it is"),
        Reason.DEVICE_DISABLED: tr("you switched the device off"),
    }[reason]


def told(text: str, values: Mapping[str, Value]) -> str:
    """A sentence of the node (`desktop.domain.told`) in the owner's language and units."""
    return fill(tr(text), {name: _written(name, value) for name, value in values.items()})


def numbered(text: str) -> str:
    """A sentence of the benchmark, in which only whole numbers differ, in the owner's language."""
    numbers = _NUMBER.findall(text)
    places = iter(range(len(numbers)))
    known = tr(key := _NUMBER.sub(lambda _: f"{{{next(places)}}}", text))
    # What nobody translated stays as it is: it may hold braces of others.
    return text if known == key else known.format(*numbers)


def refusal_words(refusal: Refusal) -> str:
    """What was refused, why, and what now."""
    return " ".join(tr(part) for part in (refusal.what, refusal.why, refusal.now) if part)


def check_title(check: CheckSheet) -> str:
    """What a check of the doctor is about."""
    return f"{tr(check.name)} {check.subject}".strip()


def _written(name: str, value: Value) -> str:
    if isinstance(value, str):
        words = {"reason": lambda: reason_words(Reason(value)), "state": lambda: state_word(NodeState(value))}
        return words.get(name, lambda: tr(value) if value else "")()
    units: tuple[tuple[str, Callable[[float], str]], ...] = (
        ("share", lambda share: tr("{percent} %").format(percent=formats.percent(share, 1))),
        ("bytes", lambda size: formats.size(int(size))),
        ("msat", lambda msat: formats.money(int(msat))),
        ("ms", lambda length: formats.span(int(length))),
    )
    write = next((write for unit, write in units if name.endswith(unit)), None)
    return formats.number(value, 0 if isinstance(value, int) else 2) if write is None else write(value)


def status_line(snapshot: Snapshot, now_ms: int) -> str:
    """The state with its reason, as the pill says it."""
    status = snapshot.status
    if status.finishing:
        return tr("Finishing the running jobs, then pausing")
    if status.state is NodeState.EARNING:
        offered = [model.name for model in snapshot.models if model.offered]
        if len(offered) == 1:
            return tr("Earning · serving {model}").format(model=offered[0])
    if status.state is NodeState.PAUSED and status.paused_until_ms is not None:
        return tr("Paused until {time}").format(time=formats.moment(status.paused_until_ms, now_ms))
    if status.state is NodeState.OFFLINE:
        return tr("Offline · {reason} since {time}").format(
            reason=reason_words(status.reason), time=formats.moment(status.since_ms, now_ms)
        )
    return tr("{state} · {reason}").format(state=state_word(status.state), reason=reason_words(status.reason))


def tray_line(snapshot: Snapshot) -> str:
    """The first line of the tray: state and today's earnings."""
    word = state_word(snapshot.status.state)
    if snapshot.today is None:
        return word
    return tr("{state} · {amount} sat today").format(state=word, amount=formats.sats(snapshot.today.earned_msat))


def remedy(status: Status) -> str:
    """What the owner can do about a state that needs them; empty if nothing is asked of them."""
    if status.state is NodeState.FAULT:
        if status.reason is Reason.SANDBOX_UNAVAILABLE:
            return tr("Nothing runs without the sandbox. Diagnostics shows what it needs.")
        return tr("Start it again with Resume; Diagnostics shows what went wrong.")
    if status.state is NodeState.OFFLINE:
        return tr("Check the internet connection. Hearth keeps trying by itself.")
    return ""


def other_version() -> str:
    """What to do while a node of another version runs, which goes on with its work."""
    return tr(
        "A Hearth of another version is running and goes on working, but this window cannot speak with it. Restart the"
        " computer, and both are of one version. Nothing is lost."
    )


def choice_words(word: str) -> str:
    """What a word that a setting may be stands for."""
    known = {
        "strongest": tr("the strongest there is"),
        "require-namespaces": tr("only one with namespaces"),
        "quiet": tr("Quiet"),
        "balanced": tr("Balanced"),
        "full": tr("Full"),
        "fixed": tr("exactly my price"),
        "floor": tr("my price, more where electricity would cost more"),
        "demand": tr("also less when nobody asks, more when many do"),
        "default": tr("over the public relays"),
        "disabled": tr("on this computer only"),
        "listed": tr("over the relays I list"),
        "off": tr("only when I ask"),
        "tell": tr("look once a day and tell me"),
        "install": tr("look once a day and install"),
    }
    return known.get(word, word)


def job_word(state: JobState) -> str:
    """A job's state with its mark."""
    return {
        JobState.ACCEPTED: tr("… Waiting"),
        JobState.RUNNING: tr("▸ Running"),
        JobState.COMPLETED: tr("✓ Paid"),
        JobState.CANCELLED: tr("□ Cancelled"),
        JobState.FAILED: tr("✕ Failed"),
    }[state]


def kind_word(kind: JobKind) -> str:
    """What the job was about."""
    return {
        JobKind.CHAT: tr("Chat"),
        JobKind.COMPLETION: tr("Completion"),
        JobKind.EMBEDDING: tr("Embedding"),
    }[kind]


def model_kind_word(kind: ModelKind) -> str:
    """What a model does."""
    return {ModelKind.CHAT: tr("Chat"), ModelKind.EMBEDDING: tr("Embeddings")}[kind]


def ending_words(reason: str) -> str:
    """Why a job ended; what the node tells in a sentence of its own stays as it is."""
    known = {
        "stop": tr("the answer was complete"),
        "length": tr("the answer reached its greatest length"),
        "cancelled": tr("the buyer stopped it"),
        "cancelled by the buyer": tr("the buyer stopped it"),
    }
    return known.get(reason, reason)
