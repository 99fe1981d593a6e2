"""Whether the sandbox holds, asked of the sandbox itself and of the kernel before any stranger's work comes in."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from desktop.domain.errors import FrameError, SandboxBroken, SandboxUnavailable
from desktop.worker.channel import Channel
from desktop.worker.sandbox import trial
from desktop.worker.sandbox.cell import Cell, Start
from desktop.worker.sandbox.family import facts_of
from desktop.worker.sandbox.line import Order
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.probes import Finding, Targets
from desktop.worker.sandbox.runtime import Runtime

_TRIAL_WITHIN_S: Final = 60.0
_UNKNOWN: Final = "unknown"
_FILTERED: Final = "2"
_TO_READ: Final = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, one of which `descend.py` may keep."""
_CONNECTED: Final = "Connect to a program on this computer"


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One thing that was tried: what, what should have come of it, what did, and whether that is good."""

    name: str
    expected: str
    outcome: str
    passed: bool


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What a check found, for people. `not_available` says of each stronger mode why it does not work here."""

    mode: SandboxMode
    lines: tuple[ReportLine, ...]
    not_available: dict[SandboxMode, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether everything came out as it should."""
        return all(line.passed for line in self.lines)

    def require(self) -> None:
        """SandboxBroken, naming what got out, unless everything came out as it should."""
        failed = "; ".join(f"{line.name}: {line.outcome}" for line in self.lines if not line.passed)
        if failed:
            raise SandboxBroken(
                "The sandbox does not hold, so nothing runs in it.",
                why=f"{failed}.",
                now="Update Linux and bubblewrap, then run `hearth doctor`; please report it if it stays so.",
            )


class Bait:
    """What is put up to be attacked: a listening loopback port and two files, one private and one for everybody."""

    def __init__(self, listener: socket.socket, canaries: tuple[str, ...]) -> None:
        self._listener = listener
        self.targets = Targets(port=listener.getsockname()[1], canaries=canaries, node_pid=os.getpid())

    def touched(self) -> bool:
        """Whether somebody connected: seen from here, whatever those inside say."""
        with contextlib.suppress(BlockingIOError):
            self._listener.accept()[0].close()
            return True
        return False


@contextlib.contextmanager
def bait(home: Path) -> Iterator[Bait]:
    """Put up targets, take them away afterwards. `home` is the node's own folder, which no worker may read."""
    public = Path(tempfile.mkdtemp(prefix="hearth-canary-"))
    private = home / f"canary-{secrets.token_hex(8)}"
    listener = socket.socket()
    try:
        public.chmod(0o755)
        readable = public / "canary"
        readable.write_text("Nobody inside should read this.", encoding="utf-8")
        readable.chmod(0o644)
        private.touch(mode=0o600)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)  # noqa: FBT003 - the standard library's own
        yield Bait(listener, (str(private), str(readable)))
    finally:
        listener.close()
        private.unlink(missing_ok=True)
        shutil.rmtree(public, ignore_errors=True)


def judge(findings: Iterable[Finding], when: str, targets: Bait) -> list[ReportLine]:
    """One line per attempt; a connection that arrived counts as one that worked, whatever was said of it."""
    lines = [
        ReportLine(f"{finding.attempt} ({when})", "refused", finding.outcome, passed=not finding.escaped)
        for finding in findings
    ]
    if targets.touched():
        lines.append(ReportLine(f"{_CONNECTED} ({when})", "refused", "a connection arrived", passed=False))
    return lines


def judge_from_outside(cell: Cell) -> list[ReportLine]:
    """What the kernel says of the worker, which is the last of its family."""
    family = cell.family()
    facts = facts_of(family[-1]) if family else {}
    user = facts.get("Uid", _UNKNOWN).split()[0]
    rights = facts.get("CapEff", _UNKNOWN)
    allowed = _TO_READ if cell.line.reads_any else 0
    filters = facts.get("Seccomp", _UNKNOWN)
    fixed = facts.get("NoNewPrivs", _UNKNOWN)
    return [
        ReportLine("Who it runs as", "not the administrator", f"user {user}", passed=user.isdigit() and user != "0"),
        ReportLine(
            "Special rights",
            "none but to read the program's own folders" if allowed else "none",
            rights,
            passed=rights != _UNKNOWN and not int(rights, 16) & ~allowed,
        ),
        ReportLine("System calls", "filtered", f"mode {filters}", passed=filters == _FILTERED),
        ReportLine("Rights it may gain", "none", f"no_new_privs {fixed}", passed=fixed == "1"),
    ]


def require_known_system(system: str = sys.platform) -> None:
    """Raise SandboxUnavailable on a system there is no sandbox for: nothing of a stranger's may be touched there."""
    if system != "linux":
        raise SandboxUnavailable(
            "There is no sandbox for this system yet, so this computer cannot work for others.",
            now="Run Hearth on Linux for now; Windows is to come.",
        )


async def find_mode(
    order: Order, policy: ModePolicy, runtime: Runtime, home: Path, *, compute: bool = False
) -> SandboxReport:
    """The strongest mode that starts here, found by trying, and how it did: the caller looks at `passed`.

    SandboxUnavailable, with the cause for each mode, when none starts.
    """
    require_known_system()
    not_available: dict[SandboxMode, str] = {}
    for mode in policy.in_order:
        try:
            report = await try_mode(Start(order, mode, runtime), home, compute=compute)
        except SandboxUnavailable as error:
            not_available[mode] = f"{error.why or error.what} {error.now}".strip()
            continue
        return replace(report, not_available=not_available)
    raise SandboxUnavailable(
        "No sandbox works on this computer, so no worker is started.",
        why=" ".join(f"{mode.value}: {why}" for mode, why in not_available.items()),
        now="Install bubblewrap and allow user namespaces, or use a kernel with Landlock (Linux 5.13 or later).",
    )


async def try_mode(start: Start, home: Path, *, compute: bool = False) -> SandboxReport:
    """Run a trial on that start's own line and report; its module and arguments are replaced by the trial's.

    SandboxUnavailable, with the cause, when the mode does not even start here.
    """
    with bait(home) as targets:
        arguments = (msgspec.json.encode(targets.targets).decode(), *(["compute"] if compute else []))
        order = replace(start.order, module=trial.__name__, arguments=arguments)
        try:
            cell = await Cell.open(replace(start, order=order), with_channel=True)
        except OSError as error:
            raise _unavailable(start.mode, str(error)) from error
        try:
            async with asyncio.timeout(_TRIAL_WITHIN_S):
                report = await _hear(cell)
            from_outside = judge_from_outside(cell)
        except (TimeoutError, FrameError) as error:
            raise _unavailable(start.mode, "The trial gave no answer.") from error
        finally:
            await cell.close()
        if report is None:
            raise _unavailable(start.mode, cell.log or "The trial ended without a word.")
        lines = judge(report.at_threshold, "while loading", targets)
        lines += judge(report.behind_door, "at work", targets)
        if start.mode is not SandboxMode.NONE:
            lines += from_outside
    if report.computes is not None:
        outcome = "it does" if report.computes else "wrong results"
        lines.append(ReportLine("Multiply two matrices", "right results", outcome, passed=report.computes))
    return SandboxReport(start.mode, tuple(lines))


async def _hear(cell: Cell) -> trial.TrialReport | None:
    if cell.channel is None:
        raise ValueError("a trial needs a channel")
    frame = await Channel(cell.channel).receive()
    if frame is None:
        return None
    try:
        return msgspec.json.decode(frame.payload, type=trial.TrialReport)
    except msgspec.DecodeError as error:
        raise FrameError("The trial's report cannot be read.") from error


def _unavailable(mode: SandboxMode, why: str) -> SandboxUnavailable:
    return SandboxUnavailable(f"The sandbox mode {mode.value!r} does not work here.", why=why)
