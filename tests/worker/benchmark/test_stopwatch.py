"""How a graphics card is timed, on one that only writes down what it is asked: none was at hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from desktop.worker.benchmark.device import GIB, MIB, no_room
from desktop.worker.benchmark.stopwatch import EventStopwatch, ProcessorStopwatch, stopwatch_for

CARDS = ["cuda:0", "xpu:0"]


@dataclass
class Module:
    """What torch has for the cards of one maker; an event is as late as there were things before it."""

    asked: list[str] = field(default_factory=list)

    def Event(self, *, enable_timing: bool) -> Event:  # noqa: N802 - torch's own name
        assert enable_timing
        return Event(self)

    def current_stream(self, device: torch.device) -> str:
        return f"stream of {device}"

    def synchronize(self, device: torch.device) -> None:
        self.asked.append(f"wait for {device}")


@dataclass
class Event:
    module: Module
    at_ms: float = -1.0

    def record(self, stream: str) -> None:
        self.module.asked.append(f"event in {stream}")
        self.at_ms = len(self.module.asked) * 250.0

    def synchronize(self) -> None:
        self.module.asked.append("wait for the event")

    def elapsed_time(self, later: Event) -> float:
        return later.at_ms - self.at_ms


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_timed_by_two_events_around_the_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, device = Module(), torch.device(name)
    monkeypatch.setattr(torch, "get_device_module", lambda asked: module if asked == device else None)
    stopwatch = stopwatch_for(device)
    assert isinstance(stopwatch, EventStopwatch)

    seconds = stopwatch.time(lambda: module.asked.append("the work"))

    assert module.asked == [
        f"wait for {name}",
        f"event in stream of {name}",
        "the work",
        f"event in stream of {name}",
        "wait for the event",
    ]
    assert seconds == 0.5  # of two things, the work and the second event, in milliseconds


@pytest.mark.parametrize("name", CARDS)
def test_torch_has_what_it_takes_for_cards_of_every_maker(name: str) -> None:
    module = torch.get_device_module(torch.device(name))

    for needed in ("Event", "current_stream", "synchronize"):
        assert callable(getattr(module, needed))


def test_the_processor_is_timed_by_the_clock() -> None:
    stopwatch = stopwatch_for(torch.device("cpu"))

    assert isinstance(stopwatch, ProcessorStopwatch)
    assert stopwatch.time(lambda: None) >= 0


@pytest.mark.parametrize("name", CARDS)
def test_a_card_needs_more_memory_to_be_measured_than_a_processor(name: str) -> None:
    assert no_room(torch.device("cpu"), 256 * MIB) == ""
    assert no_room(torch.device(name), GIB) == ""
    assert "1024 MiB of free memory" in no_room(torch.device(name), 512 * MIB)
