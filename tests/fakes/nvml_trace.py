"""What NVML told over a span of time, written down in a small format, and a player of it.

A trace is JSON, one object a line; a line that begins with `#` is a remark. Each line says what is so from `at_ms` on,
until another line says otherwise:

    {"at_ms": 0, "card": 0, "uuid": "GPU-a", "power_w": 25.0, "load": 3, "memory_used_mib": 600}
    {"at_ms": 20000, "card": 1, "load": 97, "processes": [{"pid": 4321, "kind": "G", "memory_mib": 6000, "load": 95}]}

`card` is the position the driver gives it; its first line makes the card. The keys are those of `_Line`: `fails` names
an NVML error with which every call for this card fails, `hangs` makes every call block; false ends either. Lines come
in order of time. Energy follows from power.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec
import pynvml

from tests.fakes.nvml import FailsWith, FakeCard, FakeMemory, FakeNvml, FakeProcess, FakeSample, FakeUtilisation, Hang

TRACES: Final = Path(__file__).parent / "traces"
_MIB: Final = 1 << 20
# The driver looks at every process six times a second or so.
_SAMPLE_MS: Final = 160


class _Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`kind`: C computes, G draws. `load` in percent."""

    pid: int
    kind: Literal["C", "G"] = "C"
    memory_mib: int | None = None
    load: int = 0


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line; None: as before."""

    at_ms: int
    card: int
    uuid: str | None = None
    name: str | None = None
    power_w: float | None = None
    temperature_c: int | None = None
    load: int | None = None
    memory_used_mib: int | None = None
    memory_total_mib: int | None = None
    fan_percent: int | None = None
    processes: tuple[_Process, ...] | None = None
    throttle_reasons: int | None = None
    energy_j: float | None = None
    fails: str | Literal[False] | None = None
    hangs: bool | None = None


@dataclass
class _State:
    """One card of the trace as it plays."""

    card: FakeCard
    processes: tuple[_Process, ...] = ()
    energy_j: float = 5000.0
    counted_ms: int = 0
    sampled_ms: int = 0
    hang: Hang = field(default_factory=Hang)


class TracedNvml(FakeNvml):
    """An NVML that tells what the trace says for the time of `now_ms`, counted from `start_ms`.

    `ends_at_ms` is when the last line begins to hold, counted from the start.
    Call `release` at the end of a test with a hang, or its thread stays until the process ends.
    """

    def __init__(self, trace: Path, now_ms: Callable[[], int], *, start_ms: int = 0) -> None:
        super().__init__()
        self._now_ms = now_ms
        self._start_ms = start_ms
        self._lines = _read(trace)
        self.ends_at_ms = self._lines[-1].at_ms
        self._states: dict[int, _State] = {}
        self._advance()

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own name
        self._advance()
        super().nvmlInit()

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVML's own name
        self._advance()
        return super().nvmlDeviceGetCount()

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object:  # noqa: N802 - NVML's own name
        self._advance()
        return super().nvmlDeviceGetHandleByUUID(uuid)

    def release(self) -> None:
        """Let every call go that hangs."""
        for state in self._states.values():
            state.hang.over.set()

    def _advance(self) -> None:
        at_ms = self._now_ms() - self._start_ms
        while self._lines and self._lines[0].at_ms <= at_ms:
            line = self._lines.pop(0)
            self._measure(line.at_ms)
            self._apply(line)
        self._measure(at_ms)
        self.cards = [self._states[index].card for index in sorted(self._states)]

    def _measure(self, at_ms: int) -> None:
        """Count energy and take samples of the processes up to that time."""
        for state in self._states.values():
            power_mw = state.card.power_mw
            if isinstance(power_mw, int):
                state.energy_j += power_mw / 1000 * max(at_ms - state.counted_ms, 0) / 1000
            state.counted_ms = max(at_ms, state.counted_ms)
            state.card.energy_mj = int(state.energy_j * 1000)
            samples = state.card.samples
            assert isinstance(samples, list)
            while state.sampled_ms + _SAMPLE_MS <= at_ms:
                state.sampled_ms += _SAMPLE_MS
                samples += [
                    FakeSample(each.pid, state.sampled_ms * 1000, each.load) for each in state.processes if each.load
                ]
            del samples[:-120]  # a driver's buffer is not endless either

    def _apply(self, line: _Line) -> None:
        state = self._states.get(line.card)
        if state is None:
            state = self._states[line.card] = _State(FakeCard(), counted_ms=line.at_ms, sampled_ms=line.at_ms)
        card = state.card
        memory, rates = card.memory, card.utilisation
        assert isinstance(memory, FakeMemory)
        assert isinstance(rates, FakeUtilisation)
        card.uuid = line.uuid or card.uuid
        card.name = line.name or card.name
        card.power_mw = card.power_mw if line.power_w is None else int(line.power_w * 1000)
        card.temperature_c = card.temperature_c if line.temperature_c is None else line.temperature_c
        card.fan_percent = card.fan_percent if line.fan_percent is None else line.fan_percent
        card.throttle_reasons = card.throttle_reasons if line.throttle_reasons is None else line.throttle_reasons
        rates.gpu = rates.gpu if line.load is None else line.load
        memory.used = memory.used if line.memory_used_mib is None else line.memory_used_mib * _MIB
        memory.total = memory.total if line.memory_total_mib is None else line.memory_total_mib * _MIB
        state.energy_j = state.energy_j if line.energy_j is None else line.energy_j
        if line.processes is not None:
            state.processes = line.processes
            card.computing = [_running(each) for each in line.processes if each.kind == "C"]
            card.drawing = [_running(each) for each in line.processes if each.kind == "G"]
        if line.fails is not None:
            card.gone = None if line.fails is False else FailsWith(getattr(pynvml, f"NVML_ERROR_{line.fails}"))
        if line.hangs is not None:
            state.hang.over.set()
            state.hang = Hang()
            card.gone = state.hang if line.hangs else None


def _running(process: _Process) -> FakeProcess:
    return FakeProcess(process.pid, None if process.memory_mib is None else process.memory_mib * _MIB)


def _read(trace: Path) -> list[_Line]:
    texts = [text for text in trace.read_text(encoding="utf-8").splitlines() if text.strip() and text[0] != "#"]
    lines = [msgspec.json.decode(text, type=_Line) for text in texts]
    assert lines == sorted(lines, key=lambda line: line.at_ms), f"{trace.name} goes back in time"
    return lines
