"""Why a node earns or does not: the minutes of a day and a week by reason, and what to do about the largest.

Pure: everything it says follows from the time per state and reason, the jobs that ended, and the present moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from desktop.domain.money import Money
from desktop.domain.node_state import Interval, NodeState, Reason
from desktop.domain.told import Told, told

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
STUCK: Final = frozenset({NodeState.FAULT, NodeState.OFFLINE})
WORTH_ADVICE_MS: Final = 15 * 60_000  # a start takes half a minute: nobody need change anything for that
NEARLY_ALL: Final = 0.99  # below this share of a span being known, that is said

# What the owner can do. A reason that is missing asks nothing of anybody.
ADVICE: Final[Mapping[Reason, Told]] = MappingProxyType(
    {
        Reason.STOPPED_BY_OWNER: told("Leave Hearth running, or let it start with the computer."),
        Reason.ENDED_UNEXPECTEDLY: told(
            "Hearth or the computer was ended from outside. If that happens again, write a problem report."
        ),
        Reason.ASLEEP: told("A sleeping computer earns nothing: let it stay awake while it may work."),
        Reason.LOADING: told("Loading takes long: offer fewer or smaller models, or keep them on a faster disk."),
        Reason.WAITING_FOR_REQUESTS: told(
            "Ready, and nobody asked. The doctor compares your price with what others ask; another model may be asked "
            "for more often."
        ),
        Reason.PAUSED_BY_OWNER: told("You paused it. A pause of an hour, or until tomorrow, ends by itself."),
        Reason.NO_RELAY: told("Nobody can find this computer: check the internet connection, or choose other relays."),
        Reason.WORKER_RESTARTING: told("The worker keeps failing: offer a smaller model, and look at the doctor."),
        Reason.WORKER_FAILED: told("Resume starts the worker anew; the doctor and the problem report say what failed."),
        Reason.SANDBOX_UNAVAILABLE: told("Nothing runs without the sandbox; the doctor says what it needs."),
        Reason.WAITING_TO_JOIN: told("Join the network, then requests can come."),
        Reason.OWNER_ACTIVE: told("You used the computer. A shorter calm time, or a schedule, gives it more hours."),
        Reason.FULLSCREEN: told("A program filled the screen. That pause ends with the program."),
        Reason.PRESENCE_UNKNOWN: told(
            "Hearth cannot see whether you are at the computer, so it does not work; the doctor says what is missing, "
            "and a schedule can allow hours in any case."
        ),
        Reason.OTHER_PROGRAM: told("Another program used the device. Close it, or let Hearth use another device."),
        Reason.MEMORY_WANTED: told("Another program needed the device's memory. Offer a smaller model beside it."),
        Reason.ON_BATTERY: told("It ran on battery. Plug the computer in."),
        Reason.METERED: told("The network was metered. Use another network, or allow metered ones."),
        Reason.SCHEDULE: told("Your schedule forbids these hours. Allow more of them."),
        Reason.TOO_HOT: told("The device was too hot. Clean its fans, give it air, or choose a lower power limit."),
        Reason.TOO_MUCH_POWER: told(
            "The device drew more than your limit. Raise the limit or choose a quieter preset."
        ),
        Reason.NOT_WORTH_IT: told("Electricity cost more than it earned. Raise the price, or work in cheaper hours."),
        Reason.DEVICE_SILENT: told("The device did not answer. Restart the computer, or update the device's driver."),
        Reason.DEVICE_DISABLED: told("You switched the device off. Switch it on to let it work."),
    }
)


@dataclass(frozen=True, slots=True)
class Work:
    """What a span brought: the jobs that ended in it, those of them that failed, and the earnings."""

    jobs: int = 0
    failed: int = 0
    earned: Money = Money()


@dataclass(frozen=True, slots=True)
class Part:
    """Time in one state for one reason; `share` is its part of the whole span, 0 … 1."""

    state: NodeState
    reason: Reason
    duration_ms: int
    share: float


@dataclass(frozen=True, slots=True)
class Span:
    """A span of the past: its parts, longest first, how much of it is known, and what it brought."""

    length_ms: int
    known_ms: int
    parts: tuple[Part, ...]
    work: Work

    @property
    def known_share(self) -> float:
        """How much of it is known, 0 … 1."""
        return self.known_ms / self.length_ms

    @property
    def earning_share(self) -> float:
        """How much of it was spent on requests."""
        return sum(part.share for part in self.parts if part.state is NodeState.EARNING)

    @property
    def largest(self) -> Part | None:
        """The longest time in which nothing was earned."""
        return next((part for part in self.parts if part.state is not NodeState.EARNING), None)


@dataclass(frozen=True, slots=True)
class Why:
    """The whole answer, in sentences and in numbers.

    `advice` is about what keeps it from working now, else about the last day's largest loss of time, if that is worth
    the words.
    """

    now: Interval | None
    sentences: tuple[Told, ...]
    day: Span
    week: Span
    advice: Told | None


Spent = Mapping[tuple[NodeState, Reason], int]


def span_of(spent: Spent, length_ms: int, work: Work) -> Span:
    """A span from the milliseconds per state and reason; together they are at most its length."""
    parts = [Part(*cause, duration, duration / length_ms) for cause, duration in spent.items() if duration > 0]
    parts.sort(key=lambda part: (-part.duration_ms, part.state, part.reason))
    return Span(length_ms, min(length_ms, sum(part.duration_ms for part in parts)), tuple(parts), work)


def explain(now: Interval | None, at_ms: int, day: Span, week: Span) -> Why:
    """Why, at `at_ms`, in the state `now` (None: this node never ran)."""
    if now is None or not week.parts:
        return Why(now, (told("This computer has not worked yet, so there is nothing to explain."),), day, week, None)
    largest = day.largest or week.largest
    sentences = [_present(now, max(0, at_ms - now.start_ms)), _brought(day)]
    if largest is not None:
        span = day if day.largest is not None else week
        sentences.append(_lost(largest, span))
    for span in (day, week):
        if span.known_share < NEARLY_ALL:
            sentences.append(_unknown(span))
            break
    worth_advice = largest is not None and largest.duration_ms >= WORTH_ADVICE_MS
    # What keeps it from working at this moment comes before what once did.
    cause = now.reason if now.state in STUCK else largest.reason if largest is not None and worth_advice else None
    return Why(now, tuple(sentences), day, week, None if cause is None else ADVICE.get(cause))


def _present(now: Interval, since_ms: int) -> Told:
    if now.state is NodeState.EARNING:
        return told("Earning now: requests are being answered.")
    if now.state is NodeState.READY:
        return told("Ready now, and waiting for requests for {since_ms}.", since_ms=since_ms)
    return told(
        "Not earning now: {state}, {reason}, for {since_ms}.",
        state=now.state.value,
        reason=now.reason.value,
        since_ms=since_ms,
    )


def _brought(day: Span) -> Told:
    if not day.work.jobs:
        return told("The last day brought no job.")
    if day.work.jobs == 1:
        return told(
            "The last day brought {earned_msat} for one job, in {earning_share} of its time.",
            earned_msat=day.work.earned.msat,
            earning_share=day.earning_share,
        )
    return told(
        "The last day brought {earned_msat} for {jobs} jobs, in {earning_share} of its time.",
        earned_msat=day.work.earned.msat,
        jobs=day.work.jobs,
        earning_share=day.earning_share,
    )


def _lost(largest: Part, span: Span) -> Told:
    text = (
        "Most of the other time of the last day, {share}, was: {state}, {reason}."
        if span.length_ms == DAY_MS
        else "Most of the other time of the last week, {share}, was: {state}, {reason}."
    )
    return told(text, share=largest.share, state=largest.state.value, reason=largest.reason.value)


def _unknown(span: Span) -> Told:
    text = (
        "Only {known_share} of the last day is known; before that Hearth was not there."
        if span.length_ms == DAY_MS
        else "Only {known_share} of the last week is known; before that Hearth was not there."
    )
    return told(text, known_share=span.known_share)
