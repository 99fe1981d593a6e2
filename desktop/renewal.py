"""The fifth part of the composition root: a newer version of Hearth, from the first look to its installation."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from desktop import __version__
from desktop.compose import Composition
from desktop.control.snapshot import Renewal as Picture
from desktop.control.snapshot import VersionChange
from desktop.domain.errors import AlreadyRunning, DownloadStopped, Unavailable, UpdateFailed
from desktop.downloads.transfer import Transfer
from desktop.downloads.wanted import Progress
from desktop.machine.instance import Instance
from desktop.machine.paths import Paths
from desktop.machine.private_file import write_private
from desktop.resources import resource
from desktop.updates.changeover import App, Changeover, settle
from desktop.updates.decision import Decision, Verdict, decide
from desktop.updates.installation import Installation, Kind, find_installation
from desktop.updates.look import Answer, look
from desktop.updates.memory import Memory, Outcome
from desktop.updates.publishers import Publishers
from desktop.updates.records import Records
from desktop.updates.sources import RelaySource, Source, WebSource
from desktop.updates.staging import Phase, Staged, Staging, Tell
from desktop.updates.statement import Artefact
from desktop.updates.units import in_unit_of_its_own
from desktop.updates.versions import LOCK, Versions

CHANGE: Final = "--change-to"
_LOOK_S: Final = 0.2
_PHASES: Final = {
    Verdict.CURRENT: "current",
    Verdict.READY: "ready",
    Verdict.WAITING: "waiting",
    Verdict.UNWELL: "unwell",
    Verdict.NO_INSTALLER: "no installer",
}
_WORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found: what is to be done about it, and what each source said."""

    decision: Decision
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """What was made ready: `staged` beside the version in use, or an `installer` with the `command` that installs it.

    An empty command means that there is no such way here.
    """

    staged: Staged | None
    installer: Path
    command: str = ""


class Renewal:
    """`environ` is that of this process; `publishers` whose word counts."""

    def __init__(
        self, home: Composition, environ: Mapping[str, str], publishers: Callable[[], Publishers] | None = None
    ) -> None:
        self._home = home
        self._environ = environ
        self._publishers = publishers or (lambda: Publishers.load(resource("publishers.toml")))
        self.installed = __version__
        self.installation: Installation = find_installation(environ)
        self.memory = Memory(home.paths.data, write_private)
        self.records = Records(home.paths.data)
        self._log = home.paths.log / "update.log"

    def versions(self, stop: threading.Event | None = None) -> Versions:
        """The versions side by side; `stop` as there. Raises UpdateFailed for an installation that has none."""
        folder = self.installation.folder
        if not self.installation.replaces_itself or folder is None:
            raise UpdateFailed(
                "This Hearth cannot replace itself.",
                why="It runs from a source checkout."
                if self.installation.kind is Kind.CHECKOUT
                else "It was installed by the system's package manager.",
                now="Bring it up to date the way it was installed.",
            )
        return Versions(folder.parent, self._environ, write_private, stop)

    def lock(self) -> Instance:
        """The right to change what is installed; one process at a time. Raises UpdateFailed as `versions` does."""
        return Instance(self.versions().root, LOCK)

    async def look(self) -> Found:
        """Ask every source, remember, decide. Raises NetworkError, UpdateInvalid or StorageUnusable."""
        settings, now_ms = self._home.settings, self._home.now_ms()
        publishers, remembered = self._publishers(), self.memory.read()
        async with self._home.relays() as relays:
            sources: list[Source] = [WebSource(url) for url in settings.update_sources]
            sources += [RelaySource(link, publishers.nostr) for link in relays.links]
            findings = await look(sources, publishers, remembered, now_ms // 1000)
        statement = findings.require()
        self.memory.saw(statement.issued_s, now_ms)
        decision = decide(
            statement,
            installed=self.installed,
            kind=self.installation.kind,
            machine=self.installation.machine,
            remembered=remembered,
            now_s=now_ms // 1000,
        )
        return Found(decision, findings.answers)

    def make_ready(self, version: str, artefact: Artefact, stop: threading.Event, tell: Tell) -> Ready:
        """Fetch it and, where this installation can replace itself, lay it down and rehearse it. Blocks for minutes.

        Raises DownloadFailed, DownloadStopped, UpdateFailed, StorageUnusable, or AlreadyRunning while somebody else
        changes what is installed.
        """
        staging = Staging(self._home.paths.cache / "updates", Transfer(stop))
        if not self.installation.replaces_itself:
            installer = staging.fetch(artefact, tell)
            return Ready(None, installer, self.installation.command(installer))
        with self._locked():
            installer = staging.fetch(artefact, tell)
            return Ready(staging.stage(installer, version, self.versions(stop), self.records, tell), installer)

    def hand_over(self, staged: Staged) -> subprocess.Popen[bytes]:
        """Start what changes the version: a process of the present version, which outlives this one."""
        versions = self.versions()
        line = [str(versions.root / versions.current() / "hearth"), "update", CHANGE, staged.name]
        line += home_option(self._home.paths, self._environ)
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            return subprocess.Popen(
                [*in_unit_of_its_own(os.getpid(), self._environ), *line],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd="/" if os.name == "posix" else None,
            )

    def last_words(self) -> str:
        """What the process that changes the version said last; empty if nothing."""
        try:
            return self._log.read_text("utf-8", errors="replace").strip()[-_WORDS:]
        except OSError:
            return ""

    def settle(self) -> None:
        """This version takes jobs: if it is on trial, it is so no more. Raises StorageUnusable."""
        if self.installation.replaces_itself:
            settle(self.versions(), self.records, self.installed)

    def changeover(self, app: App) -> Changeover:
        """What changes the version of `app`; call it with the lock held."""
        home = "".join(home_option(self._home.paths, self._environ)[1:])
        return Changeover(self.versions(), self.memory, self.records, app, home, self._home.now_ms)

    def _locked(self) -> Instance:
        lock = self.lock()
        try:
            lock.acquire()
        except AlreadyRunning:
            raise AlreadyRunning("Hearth is being updated already.", now="Wait until that is done.") from None
        return lock


class HomeVersions:
    """New versions for the door of a running node: a `Shop`. `automatic` reads the owner's wish as it is now."""

    def __init__(self, renewal: Renewal, automatic: Callable[[], str]) -> None:
        self._renewal = renewal
        self._automatic = automatic
        self._found: Found | None = None

    def standing(self) -> Picture:
        """As `Shop.standing`."""
        remembered = self._renewal.memory.read()
        return Picture(checked_at_ms=remembered.checked_at_ms, last_change=_last_change(remembered.outcome))

    async def look(self) -> Picture:
        """As `Shop.look`."""
        self._found = found = await self._renewal.look()
        decision, remembered = found.decision, self._renewal.memory.read()
        return Picture(
            phase=_PHASES[decision.verdict],
            version=decision.statement.version,
            notes=decision.statement.notes,
            size_bytes=None if decision.artefact is None else decision.artefact.bytes,
            turn_ms=None if decision.turn_s is None else decision.turn_s * 1000,
            checked_at_ms=remembered.checked_at_ms,
            detail=decision.why,
            troubles=tuple(f"{each.source}: {each.trouble}" for each in found.answers if each.trouble),
            last_change=_last_change(remembered.outcome),
        )

    def install(self, found: Picture, stop: threading.Event, tell: Callable[[Picture], None]) -> Picture:
        """As `Shop.install`."""
        decision = None if self._found is None else self._found.decision
        if decision is None or decision.artefact is None or decision.statement.version != found.version:
            raise Unavailable("There is no new version ready to install.", now="Look for one first.")

        def told(phase: Phase, progress: Progress | None) -> None:
            tell(
                replace(
                    found,
                    phase=phase.value,
                    running=True,
                    detail="",
                    done_bytes=0 if progress is None else progress.done_bytes,
                    left_s=None if progress is None else progress.left_s,
                )
            )

        ready = self._renewal.make_ready(found.version, decision.artefact, stop, told)
        if ready.staged is None:
            return replace(found, phase="downloaded", running=False, command=ready.command, detail=str(ready.installer))
        changing = replace(found, phase="changing", running=True, detail="")
        tell(changing)
        if stop.is_set():
            raise DownloadStopped("The update was stopped.")
        helper = self._renewal.hand_over(ready.staged)
        # It ends this node; if it gives up before, it says why.
        while helper.poll() is None and not stop.wait(_LOOK_S):
            pass
        if not helper.returncode:
            return changing
        return replace(found, phase="failed", running=False, detail=self._renewal.last_words())

    def automatic(self) -> str:
        """As `Shop.automatic`."""
        return self._automatic()


def _last_change(outcome: Outcome | None) -> VersionChange | None:
    if outcome is None:
        return None
    return VersionChange(
        version=outcome.version,
        before=outcome.before,
        healthy=outcome.healthy,
        at_ms=outcome.at_ms,
        words=outcome.words,
    )


def home_option(paths: Paths, environ: Mapping[str, str]) -> list[str]:
    """What to add to a command of Hearth so that it concerns these folders."""
    return [] if paths == Paths.of_user(environ, Path.home()) else ["--home", str(paths.data.parent)]
