"""Which process uses which graphics card, as Linux tells in /proc/*/fdinfo (the kernel's "DRM client usage stats").

amdgpu, i915 and xe tell it; NVIDIA's own driver does not. Seen are the processes of this user, as root those of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desktop.domain.device import ProcessUse

_PREFIX: Final = "drm-"
_UNITS: Final = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# A process opens the card soon after it began, or much later: the young are looked at each time, the others in turns.
_YOUNG_LOOKS: Final = 10
_TURNS: Final = 5


@dataclass(slots=True)
class Client:
    """One open file of a card: what its owner has used of each engine since it was opened."""

    card: str
    id: str
    memory_bytes: int | None = None
    busy_ns: dict[str, int] = field(default_factory=dict)
    cycles: dict[str, int] = field(default_factory=dict)
    all_cycles: dict[str, int] = field(default_factory=dict)
    capacity: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """A process: how often it was looked at, and its files that are cards."""

    looks: int = 0
    files: list[str] = field(default_factory=list)


class GraphicsProcesses:
    """Follows the processes that hold a card open. One look costs little: only new processes are searched each time."""

    def __init__(self, root: Path) -> None:
        self._proc = root / "proc"
        self._known: dict[int, _Known] = {}
        self._before: dict[tuple[int, str, str], tuple[int, Client]] = {}
        self._turn = 0
        self._clients: list[tuple[int, Client]] = []

    def read(self, card: str, at_ms: int) -> tuple[ProcessUse, ...]:
        """Who uses the card with this PCI address now; loads are shares since the look before, None at the first."""
        memory: dict[int, int | None] = {}
        loads: dict[int, float | None] = {}
        seen = set()
        for pid, client in self._look():
            key = (pid, client.card, client.id)
            if client.card != card or key in seen:  # a file handed on, or duplicated, is the same client
                continue
            seen.add(key)
            before = self._before.get(key)
            self._before[key] = (at_ms, client)
            load = None if before is None else _load(before[1], client, (at_ms - before[0]) * 1_000_000)
            if client.memory_bytes is not None:
                memory[pid] = (memory.get(pid) or 0) + client.memory_bytes
            loads[pid] = _add(loads.get(pid), load)
        for key in [each for each in self._before if each[1] == card and each not in seen]:
            del self._before[key]
        return tuple(
            ProcessUse(pid, memory.get(pid), None if (load := loads[pid]) is None else min(load, 1.0))
            for pid in sorted(loads)
        )

    def _look(self) -> Iterator[tuple[int, Client]]:
        self._turn = (self._turn + 1) % _TURNS
        try:
            pids = {int(entry.name) for entry in self._proc.iterdir() if entry.name.isdecimal()}
        except OSError:
            pids = set()
        self._known = {pid: self._known.get(pid) or _Known() for pid in pids}
        for pid, known in self._known.items():
            if known.looks < _YOUNG_LOOKS or pid % _TURNS == self._turn:
                known.looks += 1
                known.files = self._cards_open(pid)
            for name in known.files:
                client = _parse(self._text(pid, name))
                if client is not None:
                    yield pid, client

    def _cards_open(self, pid: int) -> list[str]:
        folder = self._proc / str(pid) / "fd"
        found = []
        try:
            entries = list(folder.iterdir())
        except OSError:  # another user's, or gone
            return []
        for entry in entries:
            try:
                target = str(entry.readlink())
            except OSError:
                continue
            if target.startswith("/dev/dri/"):
                found.append(entry.name)
        return found

    def _text(self, pid: int, name: str) -> str:
        try:
            return (self._proc / str(pid) / "fdinfo" / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""


def _parse(text: str) -> Client | None:
    """The client a file is, or None if it is not one that tells its card."""
    values = {
        key: value.strip()
        for key, _, value in (line.partition(":") for line in text.splitlines())
        if key.startswith(_PREFIX)
    }
    card, number = values.get("drm-pdev"), values.get("drm-client-id")
    if not card or not number:
        return None
    client = Client(card, number)
    for key, value in values.items():
        amount = _amount(value)
        kind, _, name = key.removeprefix(_PREFIX).partition("-")
        if amount is None:
            continue
        if key.startswith("drm-engine-capacity-"):
            client.capacity[key.removeprefix("drm-engine-capacity-")] = amount
        elif kind == "engine":
            client.busy_ns[name] = amount
        elif key.startswith("drm-total-cycles-"):
            client.all_cycles[key.removeprefix("drm-total-cycles-")] = amount
        elif kind == "cycles":
            client.cycles[name] = amount
    client.memory_bytes = _memory(values)
    return client


def _memory(values: dict[str, str]) -> int | None:
    """The card's own memory: what is resident, under its newer or its older name."""
    for kind in ("drm-resident-", "drm-memory-", "drm-total-"):
        told = [_amount(value) for key, value in values.items() if key.startswith((kind + "vram", kind + "local"))]
        amounts = [each for each in told if each is not None]
        if amounts:
            return sum(amounts)
    return None


def _amount(text: str) -> int | None:
    number, _, unit = text.partition(" ")
    if not number.isdecimal():
        return None
    return int(number) * _UNITS.get(unit.strip(), 1)


def _load(before: Client, now: Client, passed_ns: int) -> float | None:
    """The busiest engine's share; counters may go back and catch up later, which counts as nothing meanwhile."""
    shares = []
    if passed_ns > 0:
        shares += [
            (busy - before.busy_ns[name]) / passed_ns / max(now.capacity.get(name, 1), 1)
            for name, busy in now.busy_ns.items()
            if name in before.busy_ns
        ]
    for name, cycles in now.cycles.items():
        passed = now.all_cycles.get(name, 0) - before.all_cycles.get(name, 0)
        if name in before.cycles and passed > 0:
            shares.append((cycles - before.cycles[name]) / passed / max(now.capacity.get(name, 1), 1))
    return min(max(*shares, 0.0), 1.0) if shares else None


def _add(sum_so_far: float | None, more: float | None) -> float | None:
    return sum_so_far if more is None else (sum_so_far or 0) + more
