"""Tables where it is narrow: what is dispensable goes, the rest is shortened, numbers last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from desktop.ui.parts.table import Column, Row, Table
from desktop.ui.parts.widths import Need, share_out
from desktop.ui.theme import Appearance
from tests.ui.theatre import no_qt_warnings, until

NEEDS = st.lists(
    st.builds(
        lambda least, more, share, rank, all_of_it: Need(least + more, least, share, rank, least + more + all_of_it),
        st.integers(1, 300),
        st.integers(0, 300),
        st.integers(1, 30),
        st.integers(0, 3),
        st.integers(0, 300),
    ),
    min_size=1,
    max_size=8,
)


@given(NEEDS, st.integers(0, 2000))
def test_widths_add_up_and_nobody_is_narrower_than_need_be(needs: list[Need], width: int) -> None:
    given_widths = share_out(needs, width)
    assert sum(given_widths) == width
    assert min(given_widths) >= 0
    shown = [need for need, one in zip(needs, given_widths, strict=True) if one]
    if sum(need.wanted for need in needs) <= width:
        assert all(one >= need.wanted for need, one in zip(needs, given_widths, strict=True))
    elif shown and sum(need.least for need in shown) <= width:
        assert all(one >= need.least for need, one in zip(needs, given_widths, strict=True) if one)


@given(NEEDS, st.integers(0, 2000))
def test_what_is_dispensable_goes_before_anything_is_shortened(needs: list[Need], width: int) -> None:
    given_widths = share_out(needs, width)
    shown = [(need, one) for need, one in zip(needs, given_widths, strict=True) if one]
    if len(shown) > 1 and any(one < need.wanted for need, one in shown):
        assert {need.rank for need, _ in shown} == {0}


@pytest.fixture
def table(app: QApplication) -> Iterator[Table]:
    columns = (Column("Model"), Column("Kind", rank=1), Column("Reward", right=True), Column("State"))
    with no_qt_warnings():
        made = Table("Jobs", columns, Appearance(app))
        made.resize(800, 200)
        made.show()
        row = Row("1", ("A model with a rather long name", "Embedding", "1,234,567 sat", "✓ Paid"))
        made.rows.show_rows([row])
        yield made
        made.close()
        made.deleteLater()


def test_in_a_narrow_table_the_dispensable_column_is_hidden_and_numbers_stay_whole(table: Table) -> None:
    until(lambda: table.columnWidth(0) > table.fontMetrics().horizontalAdvance("A model with a rather long name"))
    assert not table.isColumnHidden(1)
    table.resize(280, 200)
    until(lambda: table.isColumnHidden(1))
    assert table.columnWidth(2) > table.fontMetrics().horizontalAdvance("1,234,567 sat")
    assert sum(table.columnWidth(place) for place in (0, 2, 3)) <= table.viewport().width()
    table.resize(800, 200)
    until(lambda: not table.isColumnHidden(1))


def test_prose_breaks_into_lines_and_the_table_is_as_tall_as_they_are(app: QApplication) -> None:
    with no_qt_warnings():
        made = Table("Attempts", (Column("Attempt"), Column("Verdict", whole=True)), Appearance(app), wrap=True)
        made.rows.show_rows([Row("1", ("Send a signal to the parent process, " * 3, "✓ held"))])
        made.fit_rows(10)
        made.resize(1200, made.height())
        made.show()

        def is_as_tall_as_its_row() -> bool:
            return made.height() == made.horizontalHeader().sizeHint().height() + made.rowHeight(0) + 6

        until(is_as_tall_as_its_row)
        one_line = made.rowHeight(0)
        made.resize(260, made.height())
        until(lambda: made.rowHeight(0) > one_line)
        until(is_as_tall_as_its_row)
        assert made.columnWidth(1) > made.fontMetrics().horizontalAdvance("✓ held")
        made.close()
        made.deleteLater()
