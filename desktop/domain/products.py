"""Matrix products whose factors a stranger's seed fixes, so that made-up ones are found out: the rules of both sides.

Round i multiplies A_i by B_i, both with `size` rows and columns. Row j of a factor is the SHAKE-128 stream of

    "hearth/products/1" || seed (32 bytes) || round (4, big-endian) || "A" or "B" || row (4, big-endian)

one byte x per element, standing for the integer (x >> 2) - 32: -32 … 31. A product's elements are then below 2**24 in
absolute value up to a size of 16384, and so is every partial sum in any order: fp32 computes them exactly, and so do
units of fewer bits that add up in fp32. Nothing has to be tolerated.

The prover computes every product and commits to each by a Merkle root over its rows (int32, little-endian). Which rows
are then opened follows from seed and roots, so nobody knows them before every root is fixed (Fiat-Shamir). The checking
itself, and what it proves and what not, stands in `desktop.proof.products`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256, shake_128, shake_256
from itertools import count
from typing import Final, Literal

TAG: Final = b"hearth/products/1"
LIFT: Final = 32
SHIFT: Final = 2
LARGEST: Final = 1024
"""The largest absolute value of one product of two elements."""
SIZES: Final = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
MOST_ROUNDS: Final = 32
OPENED: Final = 128


def bind(seed: bytes, node: str) -> bytes:
    """The seed of one node's factors: a product that another node computed for the same verifier is none of ours."""
    return sha256(TAG + b"/node" + seed + bytes.fromhex(node)).digest()


def factor_row(seed: bytes, number: int, matrix: Literal["A", "B"], row: int, size: int) -> bytes:
    """Row `row` of a factor of round `number`, one byte x per element; the element is (x >> 2) - 32."""
    place = number.to_bytes(4, "big") + matrix.encode() + row.to_bytes(4, "big")
    return shake_128(TAG + seed + place).digest(size)


def challenge(seed: bytes, size: int, roots: Sequence[bytes]) -> tuple[tuple[int, int], ...]:
    """Which (round, row) are opened, in order: `OPENED` different ones, or all where there are no more."""
    total = len(roots) * size
    wanted = min(OPENED, total)
    origin = TAG + b"/open" + seed + size.to_bytes(4, "big") + b"".join(roots)
    drawn: set[int] = set()
    for turn in count():
        stream = shake_256(origin + turn.to_bytes(4, "big")).digest(8 * wanted)
        for at in range(0, len(stream), 8):
            drawn.add(int.from_bytes(stream[at : at + 8], "big") % total)
            if len(drawn) == wanted:
                return tuple(divmod(place, size) for place in sorted(drawn))
    raise AssertionError("a count has no end")
