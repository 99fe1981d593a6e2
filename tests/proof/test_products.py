"""Freivalds' check: the honest pass always, and who made something up is caught as often as is promised."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from hashlib import shake_128

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.domain.benchmark import Commitment, Opening
from desktop.domain.errors import BenchmarkInvalid
from desktop.domain.merkle import Tree, climb, leaf
from desktop.domain.products import OPENED, SIZES, bind, challenge, factor_row
from desktop.proof.products import check_products
from tests.proof.prover import Matrix, prove

SEED = b"\x07" * 32
seeds = st.binary(min_size=32, max_size=32)


@given(seeds, st.sampled_from([16, 32]), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_honest_work_always_passes(seed: bytes, size: int, rounds: int) -> None:
    check_products(seed, *prove(seed, size, rounds))


@given(seeds, st.integers(0, 15), st.integers(0, 15), st.integers(-70_000, 70_000).filter(bool), st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_one_wrong_element_is_always_caught_where_all_rows_are_opened(
    seed: bytes, row: int, column: int, off: int, rounds: int
) -> None:
    assert 16 * rounds <= OPENED

    def spoil(products: list[Matrix]) -> None:
        products[-1][row][column] += off

    with pytest.raises(BenchmarkInvalid):
        check_products(seed, *prove(seed, 16, rounds, spoil))


def test_where_some_rows_are_opened_a_wrong_one_is_caught_as_often_as_is_promised() -> None:
    size, rounds, caught = 64, 4, 0
    commitment, openings = prove(SEED, size, rounds)
    check_products(SEED, commitment, openings)
    tries = 400
    for attempt in range(tries):
        # Other roots open other rows; whether row 0 of product 0 is among them is what decides.
        roots = tuple(bytes([attempt % 256, attempt // 256]) + root[2:] for root in commitment.roots)
        opened = challenge(SEED, size, roots)
        assert len(set(opened)) == len(opened) == OPENED
        caught += (0, 0) in opened
    # 128 of 256 rows: half the time. Five standard deviations of 400 throws are an eighth of them.
    assert abs(caught / tries - 0.5) < 0.125


def test_made_up_rows_are_caught() -> None:
    chance = random.Random(3)

    def half(products: list[Matrix]) -> None:
        for each in products:
            for row in range(0, len(each), 2):
                each[row] = [chance.randint(-1000, 1000) for _ in each[row]]

    with pytest.raises(BenchmarkInvalid, match="is not the product"):
        check_products(SEED, *prove(SEED, 64, 4, half))


def test_a_response_that_fits_one_vector_does_not_fit_another() -> None:
    """Two elements that are wrong against each other pass for the vector they were made for, and for no other."""

    def spoil(products: list[Matrix]) -> None:
        products[0][3][0] += 1
        products[0][3][1] -= 1

    work = prove(SEED, 16, 1, spoil)
    check_products(SEED, *work, draw=lambda _: 5)
    with pytest.raises(BenchmarkInvalid):
        check_products(SEED, *work)


@given(seeds, seeds)
@settings(max_examples=20, deadline=None)
def test_an_answer_to_another_seed_fails(seed: bytes, other: bytes) -> None:
    work = prove(seed, 16, 2)
    if seed != other:
        with pytest.raises(BenchmarkInvalid):
            check_products(other, *work)


def test_another_nodes_work_is_not_ours() -> None:
    assert len({bind(SEED, "ab" * 32), bind(SEED, "cd" * 32), bind(b"\x08" * 32, "ab" * 32), SEED}) == 4


C, OPENINGS = prove(SEED, 16, 2)
FIRST, *REST = OPENINGS
MALFORMED = {
    "no openings": (C, []),
    "one missing": (C, REST),
    "in another order": (C, [*REST, FIRST]),
    "one twice": (C, [REST[0], *REST]),
    "a short row": (C, [replace(FIRST, values=FIRST.values[:-4]), *REST]),
    "half a number": (C, [replace(FIRST, values=FIRST.values[:-1]), *REST]),
    "a long path": (C, [replace(FIRST, path=(*FIRST.path, b"\0" * 32)), *REST]),
    "a short hash": (C, [replace(FIRST, path=(b"", *FIRST.path[1:])), *REST]),
    "another row": (C, [replace(FIRST, values=REST[0].values), *REST]),
    "no roots": (Commitment(16, ()), OPENINGS),
    "many roots": (Commitment(16, C.roots * 40), OPENINGS),
    "a short root": (Commitment(16, (b"x", *C.roots[1:])), OPENINGS),
    "an odd size": (Commitment(17, C.roots), OPENINGS),
    "a huge size": (Commitment(1 << 40, C.roots), OPENINGS),
}


@pytest.mark.parametrize(("commitment", "openings"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_in_words(commitment: Commitment, openings: list[Opening]) -> None:
    with pytest.raises(BenchmarkInvalid) as refused:
        check_products(SEED, commitment, openings)
    assert refused.value.why


def test_numbers_no_product_can_have_are_refused() -> None:
    rows = [array("i", [2**31 - 1] * 16).tobytes()] * 16
    tree = Tree([leaf(row) for row in rows])
    openings = [Opening(0, row, rows[row], tree.path(row)) for _, row in challenge(SEED, 16, (tree.root,))]
    with pytest.raises(BenchmarkInvalid, match="no such product can have"):
        check_products(SEED, Commitment(16, (tree.root,)), openings)


def test_the_generator_is_the_one_that_is_written_down() -> None:
    place = (3).to_bytes(4, "big") + b"B" + (5).to_bytes(4, "big")
    assert factor_row(SEED, 3, "B", 5, 64) == shake_128(b"hearth/products/1" + SEED + place).digest(64)
    assert factor_row(bytes(32), 0, "A", 0, 8).hex() == "e1fb7589519e6238"


@given(st.sampled_from(SIZES[:4]), seeds)
def test_a_leaf_climbs_to_its_root_and_to_no_other(size: int, seed: bytes) -> None:
    leaves = [leaf(seed + bytes([row])) for row in range(size)]
    tree = Tree(leaves)
    for row in (0, size // 3, size - 1):
        assert climb(leaves[row], row, tree.path(row)) == tree.root
        assert climb(leaves[row], row ^ 1, tree.path(row)) != tree.root
    with pytest.raises(ValueError, match="power of two"):
        Tree(leaves[:-1])
