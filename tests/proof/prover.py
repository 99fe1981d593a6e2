"""An honest prover in plain Python, for sizes where that takes no time; cheats begin with its product."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Literal

from desktop.domain.benchmark import Commitment, Opening
from desktop.domain.merkle import Tree, leaf
from desktop.domain.products import LIFT, SHIFT, challenge, factor_row

Matrix = list[list[int]]


def factor(seed: bytes, number: int, matrix: Literal["A", "B"], size: int) -> Matrix:
    return [[(x >> SHIFT) - LIFT for x in factor_row(seed, number, matrix, row, size)] for row in range(size)]


def product(seed: bytes, number: int, size: int) -> Matrix:
    columns = list(zip(*factor(seed, number, "B", size), strict=True))
    return [[sum(map(int.__mul__, row, column)) for column in columns] for row in factor(seed, number, "A", size)]


def prove(
    seed: bytes, size: int, rounds: int, spoil: Callable[[list[Matrix]], None] = lambda _: None
) -> tuple[Commitment, list[Opening]]:
    """Commitment and openings for the products as `spoil` leaves them."""
    products = [product(seed, number, size) for number in range(rounds)]
    spoil(products)
    rows = [[array("i", row).tobytes() for row in each] for each in products]
    trees = [Tree([leaf(row) for row in each]) for each in rows]
    roots = tuple(tree.root for tree in trees)
    openings = [
        Opening(number, row, rows[number][row], trees[number].path(row)) for number, row in challenge(seed, size, roots)
    ]
    return Commitment(size, roots), openings
