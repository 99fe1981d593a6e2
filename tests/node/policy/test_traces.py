"""What NVML told over minutes, played through the real reader of cards into the policy, by a clock of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.domain.limits import Limits
from desktop.domain.node_state import Reason
from desktop.machine.devices.devices import Devices
from desktop.machine.devices.nvidia import NvidiaSource
from desktop.node.policy.decision import Judgement
from desktop.node.policy.device import HOT_PATIENCE_MS, PATIENCE_MS
from desktop.node.policy.terms import Terms
from tests.fakes.nvml_trace import TRACES, TracedNvml
from tests.node.policy.looks import CALM, Looks, on, with_devices

OUR_PID = 2000
LOOK_MS = 1000
TERMS = Terms(calm_s=20, usual_limits=Limits(temperature_c=80.0))
CALM_MS = TERMS.calm_s * 1000
TEN_MINUTES_MS = 600_000


@dataclass
class Span:
    """A time in which a card worked, or did not and why."""

    start_ms: int
    end_ms: int
    reason: Reason | None


@dataclass
class Clock:
    ms: int = 0

    def __call__(self) -> int:
        return self.ms


@dataclass
class Story:
    """What was decided for each card, by its index, from look to look."""

    spans: dict[int, list[Span]] = field(default_factory=dict)

    def note(self, card: int, at_ms: int, judgement: Judgement) -> None:
        reason = None if judgement.may_work else judgement.decision.reason
        spans = self.spans.setdefault(card, [])
        if not spans or spans[-1].reason is not reason:
            spans.append(Span(at_ms, at_ms, reason))
        spans[-1].end_ms = at_ms + LOOK_MS

    def stops(self, card: int) -> list[Span]:
        return [span for span in self.spans[card] if span.reason is not None]


async def play(trace: Path, length_ms: int, *, first_ms: int = 0) -> Story:
    """Look every second, as a node does; work goes on under the worker's pid all the time, as in the traces."""
    clock = Clock(first_ms)
    nvml = TracedNvml(trace, clock)
    devices = Devices([NvidiaSource(nvml)], clock, read_within_s=0.05)
    looks, story = Looks(TERMS), Story()
    try:
        listed = devices.list()
        while clock.ms < length_ms:
            readings = [await devices.read(device.id) for device in listed]
            signals = with_devices(
                CALM,
                *(
                    on(device, reading, own_pids=frozenset({OUR_PID}), serving=True)
                    for device, reading in zip(listed, readings, strict=True)
                ),
            )
            judged = looks.look(signals, after_ms=LOOK_MS)
            for device in listed:
                story.note(device.index, clock.ms, judged.devices[device.id])
            clock.ms += LOOK_MS
    finally:
        nvml.release()
        devices.close()
    return story


async def test_a_game_on_one_of_two_identical_cards_yields_that_card_alone() -> None:
    story = await play(TRACES / "game_on_second_of_two.jsonl", 150_000)

    assert story.stops(0) == []
    (stop,) = story.stops(1)
    # It loads at 20 s, under what is allowed beside us, and plays from 25 s to 80 s.
    assert stop.reason is Reason.OTHER_PROGRAM
    assert 25_000 < stop.start_ms <= 25_000 + PATIENCE_MS + 2 * LOOK_MS
    assert 80_000 + CALM_MS <= stop.end_ms <= 80_000 + CALM_MS + 3 * LOOK_MS


async def test_a_card_that_is_lost_or_hangs_stops_and_its_twin_works_on() -> None:
    lost = await play(TRACES / "lost_card.jsonl", 60_000)
    hung = await play(TRACES / "hang.jsonl", 90_000)

    for story in (lost, hung):
        assert story.stops(1) == []
        assert story.stops(0)[0].reason is Reason.DEVICE_SILENT
        assert 10_000 < story.stops(0)[0].start_ms <= 10_000 + PATIENCE_MS + 2 * LOOK_MS
    assert lost.stops(0)[-1].end_ms == 60_000
    assert 40_000 + CALM_MS <= hung.stops(0)[-1].end_ms <= 40_000 + CALM_MS + 3 * LOOK_MS


async def test_errors_in_flight_and_heat_stop_it_each_for_its_own_reason() -> None:
    story = await play(TRACES / "errors.jsonl", 90_000)

    silent, hot = story.stops(0)
    assert (silent.reason, hot.reason) == (Reason.DEVICE_SILENT, Reason.TOO_HOT)
    # The heat begins before the calm after the errors is over; the stronger reason is told first.
    assert 30_000 < hot.start_ms <= 15_000 + CALM_MS + 2 * LOOK_MS
    assert hot.start_ms <= 30_000 + HOT_PATIENCE_MS + LOOK_MS
    assert 40_000 + CALM_MS <= hot.end_ms <= 40_000 + CALM_MS + 3 * LOOK_MS


async def test_a_desktop_that_draws_hard_for_a_second_now_and_then_stops_nothing() -> None:
    story = await play(TRACES / "spikes.jsonl", 110_000)

    assert story.stops(0) == []


@pytest.mark.parametrize("seed", range(4))
async def test_spikes_of_a_second_at_random_over_ten_minutes_stop_nothing(tmp_path: Path, seed: int) -> None:
    """Other programs take the whole card for a second, the desktop, a video, a page that loads: at any moments."""
    chance = random.Random(seed)
    lines, at_ms, spikes = [_line(0, 1)], 0, 0
    while at_ms < TEN_MINUTES_MS:
        at_ms += chance.randrange(2_000, 20_000)
        lines += [_line(at_ms, 100), _line(at_ms + 1000, 1)]
        at_ms += 1000
        spikes += 1
    trace = tmp_path / "spikes.jsonl"
    trace.write_text("\n".join(map(json.dumps, lines)))

    story = await play(trace, TEN_MINUTES_MS, first_ms=chance.randrange(LOOK_MS))

    assert spikes > 30
    assert story.stops(0) == []


async def test_the_same_program_that_stays_stops_it(tmp_path: Path) -> None:
    """What proves the test before: the policy does see these spikes."""
    trace = tmp_path / "stays.jsonl"
    trace.write_text("\n".join(map(json.dumps, [_line(0, 1), _line(60_000, 100)])))

    story = await play(trace, 80_000)

    assert [span.reason for span in story.stops(0)] == [Reason.OTHER_PROGRAM]


def _line(at_ms: int, load: int) -> dict[str, object]:
    processes: Sequence[dict[str, object]] = (
        {"pid": 900, "kind": "G", "memory_mib": 500, "load": load},
        {"pid": OUR_PID, "memory_mib": 5000, "load": 100 - load},
    )
    return {
        "at_ms": at_ms,
        "card": 0,
        "uuid": "GPU-a",
        "load": 100,
        "memory_used_mib": 5500,
        "processes": processes,
    }
