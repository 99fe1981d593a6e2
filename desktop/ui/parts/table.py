"""A plain table: rows of text, updated in place, so that nothing flickers and a selection stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from desktop.ui.parts.widths import Need, share_out
from desktop.ui.theme import Appearance

Index = QModelIndex | QPersistentModelIndex
ROOT: Final = QModelIndex()
LEAST_CHARACTERS: Final = 8
MOST_CHARACTERS: Final = 34
CELL_PADDING: Final = 24
MEASURED_ROWS: Final = 30


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `right` for numbers; `share` is its part of the room that is left beside those of the others.

    `rank` 0 is always shown; of the others the highest goes first where it is narrow. What is `whole` is not shortened
    while anything else can be.
    """

    title: str
    right: bool = False
    share: int = 10
    rank: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row. `key` tells it apart; `colour` names the theme's colour of the last cell."""

    key: str
    cells: tuple[str, ...]
    colour: str = "text"


class Rows(QAbstractTableModel):
    """The rows of a table."""

    def __init__(self, columns: Sequence[Column], appearance: Appearance, parent: QObject) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._appearance = appearance
        self._rows: list[Row] = []

    def row(self, index: int) -> Row:
        """The row at a place."""
        return self._rows[index]

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Replace the rows, telling the view only what is another."""
        new = list(rows)
        keys = [row.key for row in new]
        fresh = 0
        if self._rows:
            known = self._rows[0].key
            fresh = keys.index(known) if known in keys else len(new)
        if fresh and fresh < len(new):
            self.beginInsertRows(ROOT, 0, fresh - 1)
            self._rows[:0] = new[:fresh]
            self.endInsertRows()
        if len(self._rows) > len(new):
            self.beginRemoveRows(ROOT, len(new), len(self._rows) - 1)
            del self._rows[len(new) :]
            self.endRemoveRows()
        for place, row in enumerate(self._rows):
            if row != new[place]:
                self._rows[place] = new[place]
                self.dataChanged.emit(self.index(place, 0), self.index(place, len(self._columns) - 1))
        if len(new) > len(self._rows):
            self.append_rows(new[len(self._rows) :])

    def append_rows(self, rows: Sequence[Row]) -> None:
        """Add rows at the end."""
        if rows:
            self.beginInsertRows(ROOT, len(self._rows), len(self._rows) + len(rows) - 1)
            self._rows.extend(rows)
            self.endInsertRows()

    def rowCount(self, parent: Index = ROOT) -> int:
        """As many as were shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        """As many as there are headings."""
        return 0 if parent.isValid() else len(self._columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | int | None:
        """A heading, aligned as its column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._columns[section].title
        return self._alignment(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | int | QColor | None:
        """A cell."""
        row, column = self._rows[index.row()], index.column()
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole}:
            return row.cells[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column == len(self._columns) - 1:
            return QColor(getattr(self._appearance.theme, row.colour))
        return None

    def _alignment(self, column: int) -> int:
        side = Qt.AlignmentFlag.AlignRight if self._columns[column].right else Qt.AlignmentFlag.AlignLeft
        return int((side | Qt.AlignmentFlag.AlignVCenter).value)


class Table(QTableView):
    """A table of rows; `opened` carries the key of the row that was double-clicked or entered.

    With `wrap`, for few rows of prose, what does not fit breaks into lines instead of being shortened.
    """

    opened = Signal(str)

    def __init__(self, name: str, columns: Sequence[Column], appearance: Appearance, *, wrap: bool = False) -> None:
        super().__init__()
        self.rows = Rows(columns, appearance, self)
        self.setModel(self.rows)
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setWordWrap(wrap)
        self._wrap = wrap
        self._most_rows: int | None = None
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 14)
        if wrap:
            self.verticalHeader().setMinimumSectionSize(self.fontMetrics().height() + 14)
            self.setObjectName("prose")
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setMinimumSectionSize(1)
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        head.setStretchLastSection(True)
        self._columns = tuple(columns)
        self._needs: list[Need] = []
        # Many rows change at once; they are measured once, when all have.
        self._measure_soon = QTimer(self, singleShot=True, interval=0)
        self._measure_soon.timeout.connect(self._measure)
        for changed in (self.rows.rowsInserted, self.rows.rowsRemoved, self.rows.dataChanged):
            changed.connect(self._measure_soon.start)
        self._measure()
        self.doubleClicked.connect(lambda index: self.opened.emit(self.rows.row(index.row()).key))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens the selected row."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.currentIndex().isValid():
            self.opened.emit(self.rows.row(self.currentIndex().row()).key)
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width anew."""
        self._share_out()
        super().resizeEvent(event)

    def _measure(self) -> None:
        metrics = self.fontMetrics()
        few, many = (metrics.averageCharWidth() * count for count in (LEAST_CHARACTERS, MOST_CHARACTERS))
        rows = range(min(self.rows.rowCount(), MEASURED_ROWS))
        needs = []
        for place, column in enumerate(self._columns):
            title = metrics.horizontalAdvance(column.title)
            texts = [metrics.horizontalAdvance(self.rows.row(row).cells[place]) for row in rows]
            whole = max([title, *texts])
            wanted = max(title, min(whole, many))
            least = wanted if column.right or column.whole else min(wanted, max(title, few))
            pad = CELL_PADDING
            needs.append(Need(wanted + pad, least + pad, column.share, column.rank, whole + pad))
        if needs != self._needs or self._wrap:
            self._needs = needs
            self._share_out()

    def _share_out(self) -> None:
        for section, width in enumerate(share_out(self._needs, self.viewport().width())):
            self.setColumnHidden(section, width == 0)
            if width:
                self.setColumnWidth(section, width)
        if self._wrap:
            self.resizeRowsToContents()
            if self._most_rows is not None:
                self.fit_rows(self._most_rows)

    def fit_rows(self, most: int) -> None:
        """Be as tall as its rows, up to `most`, so that the page scrolls and not the table."""
        self._most_rows = most
        rows = self.verticalHeader()
        shown = min(self.rows.rowCount(), most)
        height = sum(map(rows.sectionSize, range(shown))) if self._wrap else shown * rows.defaultSectionSize()
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + height + 6)
