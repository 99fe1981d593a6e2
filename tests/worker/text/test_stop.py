from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from desktop.worker.text.stop import StopFilter

# A small alphabet makes overlaps and near-misses common.
texts = st.text("ab\nc", max_size=40)
stops = st.lists(st.text("ab\nc", min_size=1, max_size=5), max_size=4).map(tuple)


def run(pieces: list[str], stops: tuple[str, ...]) -> tuple[list[str], bool]:
    stop_filter = StopFilter(stops)
    out = [stop_filter.push(piece) for piece in pieces]
    if not stop_filter.stopped:
        out.append(stop_filter.flush())
    return out, stop_filter.stopped


def expected(text: str, stops: tuple[str, ...]) -> tuple[str, bool]:
    """The rule itself, read off the whole text: cut at the stop that is complete first, the longest of those."""
    for end in range(1, len(text) + 1):
        fitting = [stop for stop in stops if text[:end].endswith(stop)]
        if fitting:
            return text[: end - max(map(len, fitting))], True
    return text, False


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(text=texts, stops=stops, places=st.lists(st.integers(0, 100), max_size=10))
@example(text="abc", stops=("abcb", "bc"), places=[1, 2])
@example(text="aab", stops=("ab",), places=[1, 2])
def test_the_answer_ends_before_the_first_stop_however_it_was_cut(
    text: str, stops: tuple[str, ...], places: list[int]
) -> None:
    out, stopped = run(cut(text, places), stops)
    assert ("".join(out), stopped) == expected(text, stops)


@given(text=texts, stops=stops)
def test_what_is_shown_is_never_taken_back(text: str, stops: tuple[str, ...]) -> None:
    out, _ = run(list(text), stops)
    assert expected(text, stops)[0].startswith("".join(out[: len(text)]))


@given(text=texts, stops=stops)
def test_nothing_is_held_back_without_need(text: str, stops: tuple[str, ...]) -> None:
    stop_filter = StopFilter(stops)
    shown = stop_filter.push(text)
    if not stop_filter.stopped:
        held = text[len(shown) :]
        assert not held or any(stop.startswith(held) for stop in stops)


def test_without_stops_text_passes_at_once() -> None:
    assert StopFilter(()).push("word") == "word"


@pytest.mark.parametrize("late", ["more", "END"])
def test_after_a_stop_nothing_comes_out(late: str) -> None:
    stop_filter = StopFilter(("END",))
    assert stop_filter.push("fine END hidden") == "fine "
    assert stop_filter.stopped
    assert stop_filter.push(late) + stop_filter.flush() == ""
