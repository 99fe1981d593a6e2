"""Whether a node really multiplied what a seed told it to: Freivalds' check of the rows that were opened.

The rules of both sides stand in `desktop.domain.products`. For each opened row c_j of C = A·B the verifier makes sure
that it is the one that was committed to (Merkle path), and then that c_j·r = a_j·(B·r) for a random vector r. B·r costs
size² steps, computing B anew size³. Everything is whole numbers, so the check is exact: no tolerance to hide in.

What is caught, for a prover who does not know r (it is drawn here, from the system's randomness, after the file is
there):

- An opened row with one wrong element passes with a probability of at most 2**-61.
- Rows are opened after the commitment. Whoever left out or made up a share f of all rows passes with (1 - f)**128: half
  of them with 2**-128, a tenth with one in 700,000. A single wrong element somewhere is caught if its row is opened,
  which is 128 chances in rounds times size; always, where that is 128 or less.
- The rows follow from seed and roots alone, so a prover may try many commitments until the opened rows suit: every try
  multiplies these probabilities, at the cost of some hashes. Leaving out a quarter costs 10**16 tries, a tenth a
  million, which is nothing. What is excluded is that *most* of the work was made up, not that all of it was done.
- Factors depend on seed and node: another seed's products, or another node's, do not pass.

What is NOT covered: time. Nothing here shows when, how fast or on which device the work was done, or in which number
format: the times of a report are claims of whoever signed it. A verifier who sends a fresh seed and looks at its own
clock knows an upper bound of the time, and no more. Nor does it show that the node's owner did the work.
"""

from __future__ import annotations

import secrets
import sys
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import mul
from typing import Final

from desktop.domain.benchmark import Commitment, Opening
from desktop.domain.errors import BenchmarkInvalid
from desktop.domain.merkle import climb, leaf
from desktop.domain.products import LARGEST, LIFT, MOST_ROUNDS, SHIFT, SIZES, challenge, factor_row

R_BITS: Final = 61
_INT32_BYTES: Final = 4
_HASH_BYTES: Final = 32
_SHIFTED: Final = bytes(x >> SHIFT for x in range(256))


def check_products(
    seed: bytes,
    commitment: Commitment,
    openings: Sequence[Opening],
    *,
    draw: Callable[[int], int] = secrets.randbits,
) -> None:
    """Return if the opened rows are what they must be; BenchmarkInvalid, saying what is wrong, if not.

    Takes seconds for the largest sizes. `seed` is the bound one (`products.bind`); `draw` gives that many random bits.
    """
    size, roots = commitment.size, commitment.roots
    if size not in SIZES or not 1 <= len(roots) <= MOST_ROUNDS or any(len(root) != _HASH_BYTES for root in roots):
        raise _invalid("It commits to no products of a size that is allowed.")
    wanted = challenge(seed, size, roots)
    if len(openings) != len(wanted) or any(
        (opening.number, opening.row) != place for opening, place in zip(openings, wanted, strict=False)
    ):
        raise _invalid("Other rows are opened than seed and commitment ask for.")
    rows: defaultdict[int, list[tuple[int, array[int]]]] = defaultdict(list)
    for opening in openings:
        _require_committed(opening, size, roots)
        rows[opening.number].append((opening.row, _numbers(opening.values, size)))
    r = [draw(R_BITS) for _ in range(size)]
    lifted = LIFT * sum(r)
    for number, opened in rows.items():
        product = [_dot(factor_row(seed, number, "B", row, size), r) - lifted for row in range(size)]
        down = LIFT * sum(product)
        for row, numbers in opened:
            if sum(map(mul, numbers, r)) != _dot(factor_row(seed, number, "A", row, size), product) - down:
                raise _invalid(f"Row {row} of product {number} is not the product of what the seed asks for.")


def _require_committed(opening: Opening, size: int, roots: Sequence[bytes]) -> None:
    sound = (
        len(opening.values) == size * _INT32_BYTES
        and len(opening.path) == size.bit_length() - 1
        and all(len(beside) == _HASH_BYTES for beside in opening.path)
    )
    if not sound or climb(leaf(opening.values), opening.row, opening.path) != roots[opening.number]:
        raise _invalid(f"Row {opening.row} of product {opening.number} is not the one that was committed to.")


def _numbers(values: bytes, size: int) -> array[int]:
    numbers = array("i")
    if numbers.itemsize != _INT32_BYTES:
        raise AssertionError("an int has 32 bits on every system Hearth runs on")
    numbers.frombytes(values)
    if sys.byteorder == "big":
        numbers.byteswap()
    if max(numbers) > LARGEST * size or min(numbers) < -LARGEST * size:
        raise _invalid("A row holds a number that no such product can have.")
    return numbers


def _dot(row: bytes, vector: Sequence[int]) -> int:
    """Still lifted: what `LIFT` times the vector's sum is too much."""
    return sum(map(mul, row.translate(_SHIFTED), vector))


def _invalid(why: str) -> BenchmarkInvalid:
    return BenchmarkInvalid("The products of this benchmark do not hold.", why=why)
