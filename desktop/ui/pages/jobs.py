"""Every job there was: filter, search, look into, export."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton

from desktop.control.answers import ExportAnswer, JobsAnswer, Refusal, Result
from desktop.control.messages import MAX_NAMED, MAX_SHORT, ExportJobs, ReadJobs
from desktop.control.snapshot import Snapshot
from desktop.domain.job import JobState
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.joblines import job_columns, job_row, model_names
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Table

PAGE_ROWS: Final = 100
NEAR_THE_END: Final = 0.9
WIDEST: Final = 260
TYPED_MS: Final = 250  # after the last key the typing is over


class JobsPage(Page):
    """The list grows as it is scrolled. `job_opened` carries the id of a job to show."""

    needs: ClassVar[frozenset[str]] = frozenset({"jobs", "job"})
    job_opened = Signal(str)

    def __init__(self, house: House) -> None:
        super().__init__(tr("Jobs"))
        self._house = house
        self._names: dict[str, str] = {}
        self._before: int | None = None
        self._list = 0  # counts the lists: an answer about an earlier one comes too late
        self._waiting = False
        self._state = DropDown()
        self._state.setAccessibleName(tr("Show jobs by state"))
        self._state.addItem(tr("All states"), None)
        for state in JobState:
            self._state.addItem(wording.job_word(state), state.value)
        self._model = DropDown()
        self._model.setAccessibleName(tr("Show jobs by model"))
        self._model.addItem(tr("All models"), None)
        self._model.setMaximumWidth(WIDEST)  # a long name must not take the room of the search
        self._search = QLineEdit()
        self._search.setPlaceholderText(tr("Search by a part of the id or of the model"))
        self._search.setAccessibleName(tr("Search by a part of the id or of the model"))
        self._search.setMaxLength(MAX_SHORT)
        self._search.setClearButtonEnabled(True)
        self._typing = QTimer(self, singleShot=True, interval=TYPED_MS)
        self._typing.timeout.connect(self._ask)
        self._search.textChanged.connect(lambda _: self._typing.start())
        self._search.returnPressed.connect(lambda: self._ask(open_the_only=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._state)
        row.addWidget(self._model)
        row.addWidget(self._search, 1)
        self.column.addLayout(row)
        self._note = label("", "hint", wrap=True)
        self._note.hide()
        self.column.addWidget(self._note)
        self._table = Table(tr("Jobs"), job_columns(), house.appearance)
        self._table.opened.connect(self.job_opened)
        self._table.verticalScrollBar().valueChanged.connect(self._maybe_more)
        panel = Panel(tr("Newest first"), *self._exports())
        panel.body.addWidget(self._table, 1)
        self.column.addWidget(panel, 1)
        self._state.currentIndexChanged.connect(lambda _: self._ask())
        self._model.currentIndexChanged.connect(lambda _: self._ask())

    def _exports(self) -> list[QPushButton]:
        buttons = []
        if "export" in self._house.door.words:
            for text, kind in ((tr("Export CSV…"), "csv"), (tr("Export JSON…"), "json")):
                button = QPushButton(text)
                button.clicked.connect(lambda _=False, kind=kind: self._export(kind))
                buttons.append(button)
        return buttons

    @property
    def newest(self) -> str | None:
        """The id of the job at the top."""
        return self._table.rows.row(0).key if self._table.rows.rowCount() else None

    def enter(self) -> None:
        """Read the newest page."""
        self._ask()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """New jobs come in at the top, unless the owner has scrolled away from it."""
        if "models" in parts:
            self._names = model_names(snapshot.models)
            known = {self._model.itemData(index) for index in range(self._model.count())}
            for model in snapshot.models:
                if model.id not in known:
                    self._model.addItem(model.name, model.id)
        if "recent" in parts and self._table.verticalScrollBar().value() == 0 and not self._waiting:
            self._ask()

    @property
    def _wanted(self) -> str:
        return self._search.text().strip()

    def _make(self, number: int, before: int | None) -> ReadJobs:
        state, wanted = self._state.currentData(), self._wanted
        named = [each for each, name in self._names.items() if wanted.casefold() in name.casefold()] if wanted else []
        return ReadJobs(
            id=number,
            limit=PAGE_ROWS,
            before=before,
            state=None if state is None else JobState(state),
            model_id=self._model.currentData(),
            search=wanted,
            named=tuple(named[:MAX_NAMED]),
        )

    def _ask(self, *, open_the_only: bool = False) -> None:
        self._typing.stop()
        self._list += 1
        mine, self._waiting, self._before = self._list, True, None

        def show(answer: Result) -> None:
            if isinstance(answer, JobsAnswer) and mine == self._list:
                self._waiting = False
                now = self._house.now_ms()
                self._table.rows.show_rows([job_row(job, self._names, now) for job in answer.jobs])
                self._before = answer.before
                self._tell("" if answer.jobs else self._nothing())
                if open_the_only and len(answer.jobs) == 1:
                    self.job_opened.emit(answer.jobs[0].id)

        self._house.door.ask(lambda number: self._make(number, None), show, self._refuse)

    def _maybe_more(self, value: int) -> None:
        bar = self._table.verticalScrollBar()
        if self._before is None or value < bar.maximum() * NEAR_THE_END:
            return
        before, self._before, mine = self._before, None, self._list

        def show(answer: Result) -> None:
            if isinstance(answer, JobsAnswer) and mine == self._list:
                now = self._house.now_ms()
                self._table.rows.append_rows([job_row(job, self._names, now) for job in answer.jobs])
                self._before = answer.before

        self._house.door.ask(lambda number: self._make(number, before), show, self._refuse)

    def _nothing(self) -> str:
        if not self._wanted:
            return tr("No job matches. Jobs appear here as soon as they are paid for.")
        if self._state.currentData() is None and self._model.currentData() is None:
            return tr("No job has “{text}” in its id or its model.").format(text=self._wanted)
        return tr("Of the state and model chosen above, no job has “{text}” in its id or its model.").format(
            text=self._wanted
        )

    def _export(self, kind: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Export all jobs"), str(Path.home() / f"hearth-jobs.{kind}"))
        if name:
            self._house.door.ask(
                lambda number: ExportJobs(id=number, path=name, format=kind), self._exported, self._refuse
            )

    def _exported(self, answer: Result) -> None:
        if isinstance(answer, ExportAnswer):
            self._tell(tr("{count} jobs were written.").format(count=formats.number(answer.jobs)))

    def _refuse(self, refusal: Refusal) -> None:
        self._waiting = False
        self._tell(wording.refusal_words(refusal))

    def _tell(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))
