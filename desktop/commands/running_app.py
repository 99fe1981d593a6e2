"""The window and the node of this Hearth while its version changes: brought to rest, started, looked after."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from desktop.commands.departure import end_app
from desktop.compose import Composition
from desktop.control.address import door_in
from desktop.control.answers import BreakOutAnswer
from desktop.control.client import DoorClient, Refused
from desktop.control.messages import BreakOut, Pause, Resume, Watch
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import Busy, HearthError, Unavailable, UpdateFailed
from desktop.domain.node_state import NodeState, Reason
from desktop.machine.instance import WINDOW_LOCK_FILE, Instance
from desktop.renewal import home_option
from desktop.updates.changeover import Ran
from desktop.updates.units import systemctl, unit_of

DRAIN_S: Final = 600.0
# Should everything that could resume the node die, it works again by itself after this time.
PAUSE_MS: Final = 30 * 60_000
_LOOK_S: Final = 0.2
_OTHER_VERSION: Final = "OtherVersion"
WAIT_TO_JOIN: Final = "--wait-to-join"
_AT_WORK: Final = frozenset({NodeState.STARTING, NodeState.READY, NodeState.EARNING, NodeState.OFFLINE})
Said = TypeVar("Said")


class RunningApp:
    """As `desktop.updates.changeover.App`. `environ` is what the new version is started with."""

    def __init__(self, home: Composition, environ: Mapping[str, str], *, drain_s: float = DRAIN_S) -> None:
        self._home = home
        self._environ = {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "HEARTH_"))}
        self._drain_s = drain_s
        self._process: subprocess.Popen[bytes] | None = None

    def rest(self) -> Ran:
        """As `App.rest`."""
        window = Instance(self._home.paths.data, WINDOW_LOCK_FILE).is_held()
        ran = Ran(window=window)
        if self._home.instance().is_held():
            ran = asyncio.run(self._drain(window=window))
        try:
            end_app(self._home)
        except HearthError:
            self.resume(ran, _LOOK_S)
            raise
        return ran

    async def _drain(self, *, window: bool) -> Ran:
        async with DoorClient(door_in(self._home.paths.runtime)) as door:
            picture = await door.ask(lambda number: Watch(id=number))
            if not isinstance(picture, Snapshot):
                raise TypeError("watch is answered by a snapshot")
            shut_in = await _shut_in(door)
            unit = unit_of(door.welcome.pid, self._environ)
            reason, faulty = picture.status.reason, picture.status.state is NodeState.FAULT
            # A fault is told before everything else: whether its owner has joined is then seen by how it was started.
            waiting = reason is Reason.WAITING_TO_JOIN or (faulty and _never_joined(door.welcome.pid, picture))
            paused = reason is Reason.PAUSED_BY_OWNER
            resting = not (waiting or paused)
            if resting:
                until_ms = self._home.now_ms() + PAUSE_MS
                await door.ask(lambda number: Pause(id=number, until_ms=until_ms, finish_first=True))
            try:
                async with asyncio.timeout(self._drain_s):
                    await door.wait_until(lambda seen: not seen.status.finishing and _is_idle(seen))
            except TimeoutError:
                await door.ask(lambda number: Resume(id=number))
                raise Busy(
                    "The update waits: requests are being answered.", retry_after_s=3600, now="Try again later."
                ) from None
        return Ran(
            window=window, node=True, unit=unit, waiting=waiting, resting=resting, shut_in=shut_in, faulty=faulty
        )

    def start(self, ran: Ran, command: Path) -> None:
        """As `App.start`."""
        home = home_option(self._home.paths, self._environ)
        if ran.unit:
            systemctl(self._environ, "start", ran.unit)
        elif ran.node and not ran.window:
            self._spawn([str(command), "node", *([WAIT_TO_JOIN] if ran.waiting else []), *home])
        if ran.window:
            # A window starts the node that it finds missing.
            self._spawn([str(command), "--hidden", *home])

    def _spawn(self, line: list[str]) -> None:
        log = self._home.paths.log / "node-start.log"
        try:
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                self._process = subprocess.Popen(
                    line,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    cwd="/" if os.name == "posix" else None,
                )
        except OSError as error:
            raise UpdateFailed("Hearth could not be started.", why=f"{error}.") from error

    def ailment(self, ran: Ran, version: str, within_s: float) -> str:
        """As `App.ailment`: the door answers as that version, the node is at no fault, and its sandbox holds."""
        if not ran.node:
            return ""  # nothing ran: that it opens copies of ledger and wallet has been seen
        return self._patiently(lambda: self._examine(ran, version), within_s)

    async def _examine(self, ran: Ran, version: str) -> str:
        try:
            async with DoorClient(door_in(self._home.paths.runtime)) as door:
                if door.welcome.version != version:
                    return f"Version {door.welcome.version} answers."
                picture = await door.ask(lambda number: Watch(id=number))
                if isinstance(picture, Snapshot) and picture.status.state in _news(ran):
                    return f"It is {picture.status.state}: {picture.status.reason}. {picture.status.detail}".strip()
                if ran.shut_in and not await _shut_in(door):
                    return "Its sandbox does not hold."
                if ran.resting:
                    await door.ask(lambda number: Resume(id=number))
        except Refused as refusal:
            if refusal.kind == _OTHER_VERSION and f" {version}." in refusal.why:
                return ""  # it answers, in words this version does not know; its pause ends by itself
            return str(refusal)
        return ""

    def resume(self, ran: Ran, within_s: float) -> None:
        """As `App.resume`."""
        if ran.node and ran.resting:
            self._patiently(self._resume, within_s)

    async def _resume(self) -> str:
        async with DoorClient(door_in(self._home.paths.runtime)) as door:
            await door.ask(lambda number: Resume(id=number))
        return ""

    def end(self) -> None:
        """As `App.end`."""
        try:
            end_app(self._home)
        except HearthError:
            for lock in (Instance(self._home.paths.data, WINDOW_LOCK_FILE), self._home.instance()):
                _kill(lock)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK_S)
            self._process.kill()
            self._process.wait()

    def _patiently(self, attempt: Callable[[], Coroutine[Any, Any, str]], within_s: float) -> str:
        """Attempt until there is nothing to complain of; else the last complaint, when time is up or all has ended."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                complaint = asyncio.run(attempt())
            except HearthError as error:
                complaint = str(error)
            if not complaint or time.monotonic() > deadline:
                return complaint
            if self._process is not None and self._process.poll() is not None:
                return f"It ended with status {self._process.returncode}. {self._last_words()}".strip()
            time.sleep(_LOOK_S)

    def _last_words(self) -> str:
        try:
            text = (self._home.paths.log / "node-start.log").read_text("utf-8", errors="replace")
        except OSError:
            return ""
        return text.strip()[-500:]


def _is_idle(snapshot: Snapshot) -> bool:
    return snapshot.status.state not in _AT_WORK and not any(each.jobs for each in snapshot.devices)


def _news(ran: Ran) -> set[NodeState]:
    """The states that are an ailment, after what was before."""
    return {NodeState.STARTING} if ran.faulty else {NodeState.STARTING, NodeState.FAULT}


def _never_joined(pid: int, snapshot: Snapshot) -> bool:
    try:
        started = psutil.Process(pid).cmdline()
    except psutil.Error:
        started = []
    return WAIT_TO_JOIN in started and not any(each.enrolled for each in snapshot.relays)


async def _shut_in(door: DoorClient) -> bool:
    if "breakout" not in door.welcome.words:
        return False
    try:
        answer = await door.ask(lambda number: BreakOut(id=number))
    except Refused:
        return False
    return isinstance(answer, BreakOutAnswer) and answer.held


def _kill(lock: Instance) -> None:
    pid = lock.owner()
    if pid is not None:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    deadline = time.monotonic() + _LOOK_S * 50
    while lock.is_held():
        if time.monotonic() > deadline:
            raise Unavailable("Hearth does not end.", now="Restart this computer.")
        time.sleep(_LOOK_S)
