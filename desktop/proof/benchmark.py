"""Benchmark reports: what a node measured of itself, signed so that anybody can see who says it.

The signed bytes are JSON with sorted keys and no spaces, UTF-8, whole numbers only: one report has one form, and
`digest` is its sha256. The file beside it also carries the opened rows of the products (`desktop.proof.products`);
they need no signature, because they follow from what is signed.

Not covered: whether the numbers are true. A report proves who said it, and its products that most of those were
computed; times, names and temperatures are the node's own word.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from desktop.domain.benchmark import Commitment, Opening, Part, Unit
from desktop.domain.device import DeviceKind
from desktop.domain.errors import BenchmarkInvalid
from desktop.domain.products import MOST_ROUNDS, OPENED, bind
from desktop.proof.products import check_products
from desktop.proof.seal import Seal, holds

TAG: Final = b"hearth/benchmark/1"
MOST_BYTES: Final = 16 * 2**20
_MOST_REPORT: Final = 256 * 1024

_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
_Signature = Annotated[str, Meta(pattern="^[0-9a-f]{128}\\Z")]
_Name = Annotated[str, Meta(max_length=200)]
_Words = Annotated[str, Meta(max_length=500)]
_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # what every JSON reader keeps exact
_Celsius = Annotated[int, Meta(ge=-100, le=1000)]
_Bytes = Annotated[bytes, Meta(max_length=64 * 1024)]


class PartForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A `domain.benchmark.Part`, with the ranges it may take."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    unit: Unit
    median: _Count | None = None
    low: _Count | None = None
    high: _Count | None = None
    blocks: _Count = 0
    unsteady: bool = False
    note: _Words = ""

    def __post_init__(self) -> None:
        if (self.median is None, self.low is None, self.high is None) not in {(True,) * 3, (False,) * 3}:
            raise ValueError("a part has a median and an interval, or neither")
        if self.median is not None and not (self.low or 0) <= self.median <= (self.high or 0):
            raise ValueError("a median lies in its interval")


class DeviceForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The device as its driver describes it; its serial numbers are nobody's business and not here."""

    kind: DeviceKind
    name: _Name = ""
    memory_bytes: _Count | None = None
    driver: _Name = ""
    pcie: _Name = ""


class SoftwareForm(Struct, frozen=True, forbid_unknown_fields=True):
    """With what it was measured."""

    hearth: _Name
    torch: _Name
    threads: _Count


class ModelForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The model that was run: the catalogue's id and digest, and the number format it ran in."""

    id: _Name
    digest: _Hash
    dtype: _Name


class PreflightForm(Struct, frozen=True, forbid_unknown_fields=True):
    """How the device was before: `others` are other programs on it; None is unknown. `notes` are warnings in words."""

    idle_power_mw: _Count | None = None
    power_limit_mw: _Count | None = None
    temperature_c: _Celsius | None = None
    load_ppm: _Count | None = None
    memory_used_bytes: _Count | None = None
    others: _Count | None = None
    throttled: Annotated[tuple[_Name, ...], Meta(max_length=32)] = ()
    notes: Annotated[tuple[_Words, ...], Meta(max_length=32)] = ()


class WarmUpForm(Struct, frozen=True, forbid_unknown_fields=True):
    """How many windows it took, and whether the last three agreed."""

    windows: _Count
    settled: bool


class ProductsForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The commitment to products whose factors `seed` fixes, bound to the node of the report."""

    seed: _Hash
    size: _Count
    roots: Annotated[tuple[_Hash, ...], Meta(max_length=MOST_ROUNDS)]


class BenchmarkReport(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything one run said. `outputs` are sha256 of what the model wrote; rounding may differ between devices."""

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    node: _Hash
    at_ms: _Count
    took_ms: _Count
    device: DeviceForm
    software: SoftwareForm
    model: ModelForm
    preflight: PreflightForm
    warm_up: WarmUpForm
    parts: Annotated[tuple[PartForm, ...], Meta(max_length=64)]
    outputs: Annotated[dict[_Name, _Hash], Meta(max_length=64)]
    products: ProductsForm | None = None

    def canonical(self) -> bytes:
        """The bytes that are signed."""
        built = msgspec.to_builtins(self)
        return json.dumps(built, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class OpeningForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A `domain.benchmark.Opening`; bytes are base64 in JSON."""

    number: _Count
    row: _Count
    values: _Bytes
    path: Annotated[tuple[_Bytes, ...], Meta(max_length=32)]


class SignedBenchmark(Struct, frozen=True, forbid_unknown_fields=True):
    """A report, its signature by the node it names, and the opened rows."""

    report: BenchmarkReport
    signature: _Signature
    openings: Annotated[tuple[OpeningForm, ...], Meta(max_length=OPENED)] = ()

    @property
    def digest(self) -> str:
        """sha256 (hex) of the signed bytes: what the announcement names."""
        return sha256(self.report.canonical()).hexdigest()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts as values."""
        return tuple(msgspec.convert(part, Part, from_attributes=True) for part in self.report.parts)


class BenchmarkSigner:
    """Signs reports of one node."""

    def __init__(self, secret: bytes) -> None:
        self._seal = Seal(secret, TAG)

    @property
    def public_key(self) -> str:
        """What belongs into `BenchmarkReport.node`."""
        return self._seal.public_key

    def sign(self, report: BenchmarkReport, openings: Sequence[Opening]) -> SignedBenchmark:
        """The report, signed; ValueError if it names another node, or if nobody could read it."""
        if report.node != self.public_key:
            raise ValueError("a node signs its own reports only")
        forms = tuple(msgspec.convert(opening, OpeningForm, from_attributes=True) for opening in openings)
        signed = SignedBenchmark(report, self._seal.sign(report.canonical()), forms)
        try:
            return decode(encode(signed))
        except BenchmarkInvalid as invalid:
            raise ValueError(f"a report that nobody could check is not signed: {invalid.why}") from None


def encode(signed: SignedBenchmark) -> bytes:
    """The whole as JSON, for a file."""
    return msgspec.json.encode(signed)


def decode(data: bytes) -> SignedBenchmark:
    """Read what `encode` wrote, or somebody else did. Raises BenchmarkInvalid; nothing is verified here."""
    if len(data) > MOST_BYTES:
        raise _invalid("It is far too long.")
    try:
        signed = _decoder.decode(data)
        if len(signed.report.canonical()) > _MOST_REPORT:
            raise _invalid("Its report is far too long.")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _invalid(f"{error}.") from None
    return signed


def verify(signed: SignedBenchmark, *, seed: str | None = None, node: str | None = None) -> None:
    """Return if it is signed by the node it names and its products hold; BenchmarkInvalid, in words, if not.

    `seed` (hex) is the one a verifier gave, `node` (hex) whom it was given to: a report about another seed, of another
    node or without products does then not pass. Without `seed` a report without products passes: see `products`.
    """
    report = signed.report
    if not holds(TAG, report.canonical(), key=report.node, signature=signed.signature):
        raise _invalid("Its signature is not that of the node it names.", what="The benchmark report does not hold.")
    if node is not None and report.node != node:
        raise _invalid("It is the report of another node.", what="The benchmark report does not hold.")
    products = report.products
    if products is None:
        if signed.openings or seed is not None:
            raise _invalid("It commits to no products.", what="The benchmark report does not hold.")
        return
    if seed is not None and products.seed != seed:
        raise _invalid("It answers another seed.", what="The benchmark report does not hold.")
    check_products(
        bind(bytes.fromhex(products.seed), report.node),
        Commitment(products.size, tuple(map(bytes.fromhex, products.roots))),
        [Opening(each.number, each.row, each.values, each.path) for each in signed.openings],
    )


_decoder: Final = msgspec.json.Decoder(SignedBenchmark)


def _invalid(why: str, *, what: str = "This is no benchmark report.") -> BenchmarkInvalid:
    return BenchmarkInvalid(what, why=why)
