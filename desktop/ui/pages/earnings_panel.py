"""Earnings over time: bars, or the same numbers as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtWidgets import QPushButton, QStackedWidget

from desktop.control.answers import EarningsAnswer, Result
from desktop.control.messages import ReadEarnings
from desktop.ui import formats
from desktop.ui.charts.bars import Bar, BarChart
from desktop.ui.charts.spans import Span, Step, edges
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.segments import Segments
from desktop.ui.parts.table import Column, Row, Table

SPANS: Final = (Span.DAY, Span.WEEK, Span.MONTH, Span.ALL)
DAY_MS: Final = 86_400_000


class EarningsPanel(Panel):
    """`ask` fetches the chosen span; `heard` is called with each answer."""

    def __init__(self, house: House, heard: Callable[[EarningsAnswer], None] | None = None) -> None:
        names = (tr("24 h"), tr("7 days"), tr("30 days"), tr("All"))
        self._segments = Segments(tr("Span of the chart"), names, start=SPANS.index(Span.MONTH))
        self._as_table = QPushButton(tr("Show as table"))
        self._as_table.setObjectName("link")
        super().__init__(tr("Earnings"), self._segments, self._as_table)
        self._house = house
        self._heard = heard or (lambda _: None)
        self.first_ms: int | None = None
        self._chart = BarChart(house.appearance)
        columns = (Column(tr("When")), Column(tr("Jobs"), right=True), Column(tr("Earned"), right=True))
        self._table = Table(tr("Earnings, table"), columns, house.appearance)
        self._faces = QStackedWidget()
        self._faces.addWidget(self._chart)
        self._faces.addWidget(self._table)
        self.body.addWidget(self._faces, 1)
        self._segments.chosen.connect(lambda _: self.ask())
        self._as_table.clicked.connect(self._turn)

    @property
    def edges_ms(self) -> tuple[int, ...]:
        """The edges of the chosen span, now."""
        return self._edges()[1]

    def ask(self) -> None:
        """Fetch the chosen span."""
        step, at = self._edges()

        def show(answer: Result) -> None:
            if isinstance(answer, EarningsAnswer) and self._edges()[1] == at:
                self._show(step, answer)

        self._house.door.ask(lambda number: ReadEarnings(id=number, edges_ms=at), show)

    def _edges(self) -> tuple[Step, tuple[int, ...]]:
        return edges(SPANS[self._segments.current], self._house.now_ms(), first_ms=self.first_ms)

    def _show(self, step: Step, answer: EarningsAnswer) -> None:
        bars = []
        for part in answer.slices:
            axis, name = _names(step, part.start_ms)
            bars.append(Bar(axis, name, part.msat, part.jobs))
        self._chart.show_bars(bars, tr("No earnings in this time. The first job starts the chart."))
        self._table.rows.show_rows(
            [
                Row(str(number), (bar.name, formats.number(bar.jobs), formats.money(bar.msat)))
                for number, bar in reversed(list(enumerate(bars)))
            ]
        )
        self._heard(answer)

    def _turn(self) -> None:
        table = self._faces.currentWidget() is self._chart
        self._faces.setCurrentWidget(self._table if table else self._chart)
        self._as_table.setText(tr("Show as chart") if table else tr("Show as table"))


def _names(step: Step, start_ms: int) -> tuple[str, str]:
    """The short name of a bar for the axis, and its full one."""
    if step is Step.HOUR:
        return formats.clock(start_ms), f"{formats.day(start_ms)}, {formats.clock(start_ms)}"
    if step is Step.MONTH:
        return formats.month(start_ms), formats.month(start_ms)
    if step is Step.WEEK:
        return formats.day(start_ms), tr("Week from {day}").format(day=formats.day(start_ms))
    return formats.day(start_ms), formats.day(start_ms)
