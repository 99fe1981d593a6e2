from __future__ import annotations

import pytest

from desktop.domain.benchmark import (
    BenchmarkEvent,
    BenchmarkOrder,
    Closing,
    Commitment,
    EnergyWindow,
    Opening,
    Part,
    Phase,
    Unit,
)
from desktop.domain.errors import FrameError
from desktop.worker.benchmark.words import event_of, form_of
from desktop.worker.frames import HEADER_BYTES
from desktop.worker.messages import Measure, Told, decode_from_node, decode_from_worker, encode

EVENTS: tuple[BenchmarkEvent, ...] = (
    Phase("Warming up", 0.25),
    Part("p", Unit.BYTES, 5, 4, 6, 10, unsteady=True),
    Part("p", Unit.BYTES, note="There is none."),
    EnergyWindow(ended=True, tokens=9, batch=8),
    Commitment(16, (b"\1" * 32,)),
    Opening(0, 3, b"\2" * 64, (b"\3" * 32,) * 4),
    Closing("2.13.0", 1, "float32", 4, settled=True, outputs={"p": "ab" * 32}),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_passes_unchanged(event: BenchmarkEvent) -> None:
    word = decode_from_worker(encode(Told("job", form_of(event)))[HEADER_BYTES:])
    assert isinstance(word, Told)
    assert event_of(word.event) == event


def test_an_order_passes_unchanged() -> None:
    order = BenchmarkOrder("job", "tiny", "0f" * 32, 50_000, 1 << 30, 2, 10_500, 600_000)
    word = decode_from_node(encode(Measure.of(order))[HEADER_BYTES:])
    assert isinstance(word, Measure)
    assert word.order() == order


@pytest.mark.parametrize(
    "event",
    [
        '{"event":"part","name":"p","unit":"ns","median":7,"low":8,"high":9}',
        '{"event":"part","name":"p","unit":"ns","median":7}',
        '{"event":"part","name":"p","unit":"parsec"}',
        '{"event":"part","name":"p","unit":"ns","median":1e400,"low":1,"high":1}',
        '{"event":"phase","words":"x","share_done":1.5}',
        '{"event":"phase","words":"x","share_done":NaN}',
        '{"event":"opening","number":0,"row":0,"values":"AAAA","path":["AA=="]}',
        '{"event":"commitment","size":16,"roots":[]}',
        '{"event":"gossip"}',
    ],
)
def test_what_is_out_of_range_is_no_word(event: str) -> None:
    with pytest.raises(FrameError):
        decode_from_worker(f'{{"word":"told","job_id":"job","event":{event}}}'.encode())
