"""What a worker tells of a benchmark, in the ranges it may take: the forms of `domain.benchmark` on the wire."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from desktop.domain.benchmark import BenchmarkEvent, Closing, Commitment, EnergyWindow, Opening, Part, Phase, Unit
from desktop.domain.products import MOST_ROUNDS

_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Small = Annotated[int, Meta(ge=0, le=1 << 20)]
_Words = Annotated[str, Meta(max_length=500)]
_Name = Annotated[str, Meta(min_length=1, max_length=80)]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event"):
    """One event."""


class PhaseForm(_Form, frozen=True, tag="phase"):
    """See `Phase`."""

    words: _Words
    share_done: Annotated[float, Meta(ge=0, le=1)]


class PartForm(_Form, frozen=True, tag="part"):
    """See `Part`: a median in its interval, or none of them."""

    name: _Name
    unit: Unit
    median: _Count | None = None
    low: _Count | None = None
    high: _Count | None = None
    blocks: _Small = 0
    unsteady: bool = False
    note: _Words = ""

    def __post_init__(self) -> None:
        if self.median is None or self.low is None or self.high is None:
            if (self.median, self.low, self.high) != (None, None, None):
                raise ValueError("half an interval")
        elif not self.low <= self.median <= self.high:
            raise ValueError("a median lies in its interval")


class WindowForm(_Form, frozen=True, tag="window"):
    """See `EnergyWindow`."""

    ended: bool
    tokens: _Count
    batch: Annotated[int, Meta(ge=1, le=1 << 16)]


class CommitmentForm(_Form, frozen=True, tag="commitment"):
    """See `Commitment`."""

    size: _Small
    roots: Annotated[tuple[_Hash, ...], Meta(min_length=1, max_length=MOST_ROUNDS)]


class OpeningForm(_Form, frozen=True, tag="opening"):
    """See `Opening`."""

    number: _Small
    row: _Small
    values: Annotated[bytes, Meta(max_length=64 * 1024)]
    path: Annotated[tuple[_Hash, ...], Meta(max_length=32)]


class ClosingForm(_Form, frozen=True, tag="closing"):
    """See `Closing`."""

    torch: Annotated[str, Meta(max_length=200)]
    threads: _Small
    dtype: _Name
    windows: _Small
    settled: bool
    outputs: Annotated[dict[_Name, _Digest], Meta(max_length=64)]


EventForm = PhaseForm | PartForm | WindowForm | CommitmentForm | OpeningForm | ClosingForm

_PAIRS: Final[tuple[tuple[type[BenchmarkEvent], type[EventForm]], ...]] = (
    (Phase, PhaseForm),
    (Part, PartForm),
    (EnergyWindow, WindowForm),
    (Commitment, CommitmentForm),
    (Opening, OpeningForm),
    (Closing, ClosingForm),
)


def form_of(event: BenchmarkEvent) -> EventForm:
    """The form of an event."""
    form = next(form for kind, form in _PAIRS if isinstance(event, kind))
    return msgspec.convert(event, form, from_attributes=True)


def event_of(form: EventForm) -> BenchmarkEvent:
    """The event of a form."""
    kind = next(kind for kind, each in _PAIRS if isinstance(form, each))
    return msgspec.convert(form, kind, from_attributes=True)
