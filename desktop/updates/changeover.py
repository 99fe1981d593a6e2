"""The change of version itself, and its way back. What is in use is whole at every instant of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from desktop.domain.errors import HearthError
from desktop.updates.memory import Memory, Outcome
from desktop.updates.records import Records
from desktop.updates.staging import Staged
from desktop.updates.versions import Trial, Versions

log = logging.getLogger(__name__)

HEALTHY_WITHIN_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran before, so that the same can run after.

    `unit` is the systemd unit that keeps the node. `waiting`: the node had not joined yet. `resting`: it was paused for
    this, and is to be resumed. `shut_in`: its sandbox held. `faulty`: it was at fault already, which is no news then.
    """

    window: bool = False
    node: bool = False
    unit: str = ""
    waiting: bool = False
    resting: bool = False
    shut_in: bool = False
    faulty: bool = False


class App(Protocol):
    """The window and the node of this Hearth, whichever version."""

    def rest(self) -> Ran:
        """Take no more jobs, let those at work end, then end all of it.

        Raises Busy with everything as it was where jobs do not end, and Unavailable where a process does not.
        """
        ...

    def start(self, ran: Ran, command: Path) -> None:
        """Start again what ran; it takes no jobs if it did not, or if it is to be resumed. Raises UpdateFailed."""
        ...

    def ailment(self, ran: Ran, version: str, within_s: float) -> str:
        """Wait until what was started is well, and then resume it: empty. Otherwise what is wrong, in words."""
        ...

    def resume(self, ran: Ran, within_s: float) -> None:
        """Have it work again if it was paused for this, as soon as it answers; a pause of ours ends by itself else."""
        ...

    def end(self) -> None:
        """End all of it, by force if need be. Raises Unavailable."""
        ...


class Changeover:
    """Whoever calls this holds the lock of `versions`. `home` is what `--home` names; empty for the usual folders."""

    def __init__(
        self, versions: Versions, memory: Memory, records: Records, app: App, home: str, now_ms: Callable[[], int]
    ) -> None:
        self._versions = versions
        self._memory = memory
        self._records = records
        self._app = app
        self._home = home
        self._now_ms = now_ms

    def change(self, staged: Staged, installed: str, within_s: float = HEALTHY_WITHIN_S) -> Outcome:
        """Change to a staged version; whatever goes wrong, to the one before again. The outcome is remembered.

        Raises, with everything as it was, what keeps it from being begun: Busy, Unavailable, UpdateFailed.
        """
        versions, app = self._versions, self._app
        before = versions.current()
        versions.prepare(staged.name)  # done long ago, unless somebody took it away
        ran = app.rest()
        ailment = ""
        try:
            self._memory.begun(staged.version)
            self._records.forget()  # what another change may have left must not be taken for ours
            versions.begin(Trial(before=before, version=staged.version, home=self._home))
            self._records.keep()
            versions.use(staged.name)
            app.start(ran, versions.command)
            ailment = app.ailment(ran, staged.version, within_s)
        except HearthError as error:
            ailment = str(error)
        if ailment:
            return self._give_up(staged.version, before, installed, ran, ailment)
        # In this order: a trial whose copies are gone could not be taken back any more.
        versions.end()
        self._records.forget()
        outcome = Outcome(version=staged.version, before=installed, healthy=True, at_ms=self._now_ms())
        self._memory.ended(outcome)
        versions.forget_all_but(before, staged.name)
        return outcome

    def take_back(self) -> bool:
        """Undo a change that nobody saw to its end; False if there is none. Doing it again is no harm.

        A version that took jobs is not on trial any more (`settle`). What is undone is not called unwell for it: it
        may have been a power cut. Raises StorageUnusable, UpdateFailed, Unavailable.
        """
        trial = self._versions.trial()
        if trial is None:
            return False
        log.warning("the change to %s was cut short, and is taken back", trial.version)
        self._app.end()
        self._versions.use(trial.before)
        self._records.put_back()
        self._versions.end()
        return True

    def _give_up(self, version: str, before: str, installed: str, ran: Ran, ailment: str) -> Outcome:
        self._app.end()
        self._versions.use(before)
        self._records.put_back()
        self._versions.end()
        outcome = Outcome(version=version, before=installed, healthy=False, at_ms=self._now_ms(), words=ailment)
        try:
            self._memory.ended(outcome)
        finally:
            self._app.start(ran, self._versions.command)
            self._app.resume(ran, HEALTHY_WITHIN_S)
        return outcome


def settle(versions: Versions, records: Records, version: str) -> None:
    """For a node that takes jobs: if it is on trial, it is so no more, whoever should have said so.

    From here on its records hold money that no copy knows of, so there is no way back. Raises StorageUnusable.
    """
    trial = versions.trial()
    if trial is not None and trial.version != version:
        return
    versions.end()
    records.forget()
