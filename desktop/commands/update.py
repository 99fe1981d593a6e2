"""`hearth update`: look for a new version, and install it with a way back."""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Final

from desktop import __version__
from desktop.commands.console import UNKNOWN, Console, clock
from desktop.commands.pausing import pausing
from desktop.commands.running_app import RunningApp
from desktop.compose import Composition
from desktop.domain.errors import AlreadyRunning, UpdateFailed
from desktop.downloads.wanted import Progress
from desktop.machine.instance import Instance
from desktop.machine.paths import Paths
from desktop.renewal import CHANGE, Found, Renewal
from desktop.updates.decision import Verdict
from desktop.updates.memory import Outcome
from desktop.updates.records import rehearse
from desktop.updates.staging import REHEARSE, Phase, Staged

TAKE_BACK: Final = "--take-back"
_MIB: Final = 1 << 20
_TELL_EVERY: Final = 0.05  # of the whole
_LOCK_WITHIN_S: Final = 20.0
_POLL_S: Final = 0.1
_PHASES: Final = {
    Phase.DOWNLOADING: "Downloading.",
    Phase.UNPACKING: "Unpacking it beside the version in use.",
    Phase.PREPARING: "Making its environment.",
    Phase.REHEARSING: "Trying it on copies of ledger and wallet.",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; those without a help text are said by Hearth to itself."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="only look, and say what there is")
    what.add_argument(CHANGE, default="", help=argparse.SUPPRESS)
    what.add_argument(TAKE_BACK, action="store_true", help=argparse.SUPPRESS)
    what.add_argument(REHEARSE, default="", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, home: Composition, console: Console, renewal: Renewal | None = None) -> int:
    """Do what was asked; 1 if a version was found and could not be kept."""
    if arguments.rehearse:
        _rehearse(Path(arguments.rehearse))
        console.say(__version__)
        return 0
    renewal = renewal or Renewal(home, os.environ)
    if arguments.take_back:
        _take_back(home, renewal)
        return 0
    if arguments.change_to:
        return _change(home, renewal, arguments.change_to)
    found = asyncio.run(renewal.look())
    _show(found, renewal, console)
    if arguments.check or found.decision.verdict is not Verdict.READY:
        return 0
    return _install(found, renewal, console)


def _show(found: Found, renewal: Renewal, console: Console) -> None:
    decision, kind = found.decision, renewal.installation.kind
    version = decision.statement.version
    turn = clock(None if decision.turn_s is None else decision.turn_s * 1000)
    console.document(
        {
            "installed": renewal.installed,
            "version": version,
            "verdict": decision.verdict.value,
            "why": decision.why,
            "turn_s": decision.turn_s,
            "notes": decision.statement.notes,
            "installation": kind.value,
            "sources": [
                {"source": each.source, "version": each.version, "trouble": each.trouble} for each in found.answers
            ],
        }
    )
    console.say(
        {
            Verdict.CURRENT: f"Hearth {renewal.installed} is up to date.",
            Verdict.READY: f"Hearth {version} is there; this is {renewal.installed}.",
            Verdict.WAITING: f"Hearth {version} is handed out in steps; it is this computer's turn from {turn} on.",
            Verdict.UNWELL: f"Hearth {version} did not work here before, and is not tried again. {decision.why}",
            Verdict.NO_INSTALLER: f"Hearth {version} is there, but not for this installation ({kind}).",
        }[decision.verdict]
    )
    if decision.statement.notes and decision.verdict is not Verdict.CURRENT:
        console.say(decision.statement.notes)
    for each in found.answers:
        if each.trouble:
            console.note(f"  {each.source}: {each.trouble}")


def _install(found: Found, renewal: Renewal, console: Console) -> int:
    decision = found.decision
    if decision.artefact is None:
        raise TypeError("what is ready has an installer")
    stop = threading.Event()
    with pausing(stop):
        told = _Told(console).tell
        ready = renewal.make_ready(decision.statement.version, decision.artefact, stop, told)
    if ready.staged is None:
        console.document({"installer": str(ready.installer), "command": ready.command})
        console.say(f"It is downloaded and proved: {ready.installer}")
        console.say(
            f"Install it with:  {ready.command}" if ready.command else "Bring this checkout up to date yourself."
        )
        return 0
    before = renewal.memory.read().outcome
    console.note("Running requests are finished first, then the version is changed.")
    helper = renewal.hand_over(ready.staged)
    while helper.poll() is None:
        time.sleep(_POLL_S)
    outcome = renewal.memory.read().outcome
    if outcome is None or outcome == before:
        raise UpdateFailed("The version was not changed.", why=renewal.last_words(), now="Try again later.")
    return _tell(outcome, console)


def _tell(outcome: Outcome, console: Console) -> int:
    console.document(
        {"version": outcome.version, "before": outcome.before, "healthy": outcome.healthy, "words": outcome.words}
    )
    if outcome.healthy:
        console.say(f"Hearth {outcome.version} is in use.")
        return 0
    console.say(f"Hearth {outcome.version} did not come up healthy; {outcome.before} is in use again. {outcome.words}")
    return 1


def _change(home: Composition, renewal: Renewal, name: str) -> int:
    """What `Renewal.hand_over` starts. 1 if the version was taken back."""
    with _patiently(renewal.lock()):
        changeover = renewal.changeover(RunningApp(home, os.environ))
        changeover.take_back()
        staged = Staged(name, renewal.versions().version_of(name))
        return 0 if changeover.change(staged, renewal.installed).healthy else 1


def _take_back(home: Composition, renewal: Renewal) -> None:
    """What the installed command does when it finds a trial that nobody sees to its end."""
    with _patiently(renewal.lock()):
        trial = renewal.versions().trial()
        if trial is not None and trial.home:
            home = Composition(Paths.below(Path(trial.home)), home.settings)
            renewal = Renewal(home, os.environ)
        renewal.changeover(RunningApp(home, os.environ)).take_back()


def _rehearse(folder: Path) -> None:
    """What a version does to show that it works: load all of itself, and open copies of ledger and wallet."""
    import desktop.doorway  # noqa: F401 - what a node needs

    rehearse(folder)


def _patiently(lock: Instance) -> Instance:
    """The lock, as soon as whoever has it lets go. Raises AlreadyRunning."""
    deadline = time.monotonic() + _LOCK_WITHIN_S
    while True:
        try:
            lock.acquire()
        except AlreadyRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return lock


class _Told:
    """Prints each step once, and the download in parts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase: Phase | None = None
        self._share = -1.0

    def tell(self, phase: Phase, progress: Progress | None) -> None:
        """One step."""
        if phase is not self._phase:
            self._phase = phase
            self._console.note(_PHASES[phase])
        if progress is not None and progress.total_bytes:
            share = progress.done_bytes / progress.total_bytes
            if share - self._share >= _TELL_EVERY or share == 1:
                self._share = share
                left = UNKNOWN if progress.left_s is None else f"{progress.left_s:,.0f} s left"
                done, total = progress.done_bytes // _MIB, progress.total_bytes // _MIB
                self._console.note(f"  {done:,} of {total:,} MiB, {left}")
