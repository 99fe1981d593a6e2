"""Models to download: what they take, whether they fit, and one download at a time with pause and resume."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QPushButton, QWidget

from desktop.control.answers import Refusal, Result
from desktop.control.messages import Discard, Fetch, ReadShelf
from desktop.control.shelf import ShelfAnswer, ShelfModel
from desktop.control.snapshot import Fetching
from desktop.ui import formats, wording
from desktop.ui.door import Door
from desktop.ui.language import tr
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

_PARTS = 1000  # of a progress bar


class ShelfPanel(Panel):
    """Asks for the shelf when `refresh` is called, and follows the download that the snapshot tells of.

    `told` carries the shelf whenever the node told of it.
    """

    told = Signal(object)

    def __init__(self, door: Door) -> None:
        super().__init__(tr("Models to download"))
        self._door = door
        self._shelf: ShelfAnswer | None = None
        self._fetching: Fetching | None = None
        self._torch = _Offer(tr("The libraries for your hardware"), self._fetch_torch)
        self._torch.hide()
        self._room = label(tr("Looking at what there is…"), "hint", wrap=True)
        self._note = label("", "hint", wrap=True)
        self._note.hide()
        self._progress = _Download(self._stop, self._again)
        self._progress.hide()
        holder = QWidget()
        self._grid = QGridLayout(holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(0, 1)
        for part in (self._torch, self._room, self._progress, self._note, holder):
            self.body.addWidget(part)

    def refresh(self) -> None:
        """Ask what is here and what there is."""

        def show(answer: Result) -> None:
            if not isinstance(answer, ShelfAnswer):
                return
            if answer != self._shelf:
                self._shelf = answer
                self._rebuild(answer)
            self.told.emit(answer)

        self._door.ask(lambda number: ReadShelf(id=number), show, self._refuse)

    def show_fetching(self, fetching: Fetching | None) -> None:
        """Follow a download."""
        before, self._fetching = self._fetching, fetching
        self._progress.setVisible(fetching is not None)
        if fetching is not None:
            self._progress.show_state(fetching)
        if before is not None and fetching is not None and before.running and not fetching.running:
            self.refresh()

    def _rebuild(self, shelf: ShelfAnswer) -> None:
        self._torch.setVisible(shelf.torch is None)
        held, free = formats.size(shelf.held_bytes), formats.size(shelf.free_bytes)
        if shelf.limit_bytes is None:
            told = tr("{held} taken by downloaded models, {free} free in {folder}")
        else:
            told = tr("{held} of {limit} taken by downloaded models, {free} free in {folder}")
        limit = formats.size(shelf.limit_bytes)
        self._room.setText(told.format(held=held, limit=limit, free=free, folder=shelf.folder))
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for place, model in enumerate(shelf.models):
            row = 3 * place
            size = formats.size(model.bytes) if model.here else tr("≈ {size}").format(size=formats.size(model.bytes))
            facts = " · ".join((model.licence, size, _fit_words(model, shelf.memory_bytes)))
            self._grid.addWidget(label(model.name, "strong", wrap=True), row, 0)
            # In one line that breaks: side by side they would not fit into a small window.
            self._grid.addWidget(label(facts, "hint" if model.fits else "warn", wrap=True), row + 1, 0)
            self._grid.addWidget(self._button(model), row, 1, 2, 1, Qt.AlignmentFlag.AlignVCenter)
            self._grid.setRowMinimumHeight(row + 2, 4)

    def _button(self, model: ShelfModel) -> QPushButton:
        words = tr("Remove") if model.here else tr("Download")
        button = QPushButton(words)
        button.setAccessibleName(tr("{action}: {model}").format(action=words, model=model.name))
        button.setEnabled(not model.offered if model.here else model.fits)
        if model.here:
            button.clicked.connect(lambda: self._discard(model.id))
        else:
            button.clicked.connect(lambda: self._fetch(model.id))
        return button

    def _fetch(self, model_id: str) -> None:
        self._tell("")
        self._door.ask(lambda number: Fetch(id=number, model_id=model_id), lambda _: None, self._refuse)

    def _fetch_torch(self) -> None:
        self._fetch("")

    def _stop(self) -> None:
        self._door.ask(lambda number: Fetch(id=number, stop=True), lambda _: None, self._refuse)

    def _again(self) -> None:
        if self._fetching is not None:
            self._fetch(self._fetching.model_id)

    def _discard(self, model_id: str) -> None:
        self._tell("")
        self._door.ask(lambda number: Discard(id=number, model_id=model_id), lambda _: self.refresh(), self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._tell(wording.refusal_words(refusal))

    def _tell(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))


class _Offer(QWidget):
    """A sentence with one button."""

    def __init__(self, what: str, act: Callable[[], None]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        words = tr("{what} are not installed yet. Without them this computer cannot work.").format(what=what)
        row.addWidget(label(words, "warn", wrap=True), 1)
        button = QPushButton(tr("Set up"))
        button.setAccessibleName(tr("Set up: {what}").format(what=what))
        button.clicked.connect(act)
        row.addWidget(button)


class _Download(QWidget):
    """One download: its name and step, a bar, speed and time left, pause or resume."""

    def __init__(self, stop: Callable[[], None], again: Callable[[], None]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(6)
        self._words = label("", "strong", wrap=True)
        self._bar = QProgressBar()
        self._bar.setRange(0, _PARTS)
        self._bar.setTextVisible(False)
        self._detail = label("", "hint", wrap=True)
        self._pause = QPushButton(tr("Pause download"))
        self._pause.clicked.connect(stop)
        self._resume = QPushButton(tr("Resume download"))
        self._resume.clicked.connect(again)
        grid.addWidget(self._words, 0, 0)
        grid.addWidget(self._pause, 0, 1)
        grid.addWidget(self._resume, 0, 1)
        grid.addWidget(self._bar, 1, 0, 1, 2)
        grid.addWidget(self._detail, 2, 0, 1, 2)
        grid.setColumnStretch(0, 1)

    def show_state(self, state: Fetching) -> None:
        """Say how it stands."""
        words = tr("{name} · {phase}").format(name=_name(state), phase=_phase_words(state.phase))
        self._words.setText(words)
        share = state.done_bytes / state.total_bytes if state.total_bytes else 0.0
        self._bar.setValue(round(share * _PARTS))
        self._bar.setAccessibleName(f"{words}: {formats.percent(share)}")
        self._bar.setVisible(state.phase != "done")
        self._detail.setText(_detail(state))
        self._detail.setVisible(bool(self._detail.text()))
        self._pause.setVisible(state.running)
        self._resume.setVisible(state.phase in {"paused", "failed"})


def _name(state: Fetching) -> str:
    return state.name if state.model_id else tr("Libraries for your hardware, {build}").format(build=state.name)


def _phase_words(phase: str) -> str:
    return {
        "listing": tr("asking what there is to fetch"),
        "downloading": tr("downloading"),
        "installing": tr("installing"),
        "trying": tr("multiplying two matrices with it"),
        "paused": tr("paused"),
        "failed": tr("did not work"),
        "done": tr("done"),
    }.get(phase, phase)


def _detail(state: Fetching) -> str:
    told = []
    if state.total_bytes is not None and state.phase in {"downloading", "paused", "failed"}:
        done, total = formats.size(state.done_bytes), formats.size(state.total_bytes)
        told.append(tr("{done} of {total}").format(done=done, total=total))
    if state.running and state.bytes_per_s is not None:
        told.append(tr("{size} per second").format(size=formats.size(round(state.bytes_per_s))))
    if state.running and state.left_s is not None:
        told.append(tr("{time} left").format(time=formats.span(round(state.left_s * 1000))))
    if state.detail:
        told.append(state.detail)
    if state.phase == "done":
        # A worker takes its models and libraries when the node starts.
        told.append(tr("It can be put on offer above, and is used when Hearth starts again."))
    return " · ".join(told)


def _about(size_bytes: int) -> str:
    return tr("≈ {size}").format(size=formats.size(size_bytes))


def _fit_words(model: ShelfModel, has_bytes: int | None) -> str:
    needs = formats.size(model.memory_bytes)
    if has_bytes is None:
        return tr("needs ≈ {needs} of memory").format(needs=needs)
    words = tr("fits: ≈ {needs} of {has}") if model.fits else tr("does not fit: ≈ {needs} of {has}")
    return words.format(needs=needs, has=formats.size(has_bytes))
