"""The models that are here: which of them are on offer, and a button to put one on offer or take it off."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from desktop.control.answers import Refusal, Result
from desktop.control.messages import WriteSetting
from desktop.control.shelf import ReadyModel, ShelfAnswer
from desktop.ui import wording
from desktop.ui.door import Door
from desktop.ui.language import tr
from desktop.ui.pages.setting_field import saved_words
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

SETTING = "models"


class OfferPanel(Panel):
    """Writes the setting of the models to offer. `changed` is emitted after each change that the node took."""

    changed = Signal()

    def __init__(self, door: Door) -> None:
        super().__init__(tr("Models to offer"))
        self._door = door
        self._shelf: ShelfAnswer | None = None
        self._rows: dict[str, _Row] = {}
        self._note = label("", "hint", wrap=True)
        self._note.hide()
        self.body.addWidget(self._note)
        self.hide()

    def show_shelf(self, shelf: ShelfAnswer) -> None:
        """Show what is here, one row a model; a row stays where it is when it changes."""
        self._shelf = shelf
        self.setVisible(bool(shelf.ready))
        chosen = to_be_offered(shelf)
        for gone in self._rows.keys() - {model.id for model in shelf.ready}:
            row = self._rows.pop(gone)
            self.body.removeWidget(row)
            row.deleteLater()
        for model in shelf.ready:
            if model.id not in self._rows:
                self._rows[model.id] = row = _Row(model, self._toggle)
                self.body.addWidget(row)
            self._rows[model.id].show_model(model, chosen=model.id in chosen)

    def _toggle(self, model_id: str) -> None:
        if self._shelf is None:
            return
        before = to_be_offered(self._shelf)
        after = tuple(each for each in before if each != model_id) if model_id in before else (*before, model_id)
        if not after:
            self._say(
                tr(
                    "The last model stays on offer: with none chosen, Hearth offers every model it comes with. "
                    "Put another one on offer first; or pause Hearth, to sell nothing."
                )
            )
            return
        self._write(self._shelf, as_setting(self._shelf, after))

    def _write(self, shelf: ShelfAnswer, chosen: tuple[str, ...]) -> None:
        self._enable(on=False)

        def written(_: Result) -> None:
            self._enable(on=True)
            self._say(saved_words())
            self.show_shelf(msgspec.structs.replace(shelf, chosen=chosen))
            self.changed.emit()

        def refused(refusal: Refusal) -> None:
            self._enable(on=True)
            self._say(wording.refusal_words(refusal))

        self._door.ask(lambda number: WriteSetting(id=number, name=SETTING, value="\n".join(chosen)), written, refused)

    def _enable(self, *, on: bool) -> None:
        for row in self._rows.values():
            row.setEnabled(on)

    def _say(self, words: str) -> None:
        self._note.setText(words)
        self._note.show()


class _Row(QWidget):
    """A model, how it stands, and the button."""

    def __init__(self, model: ReadyModel, toggle: Callable[[str], None]) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        self._state = label("", "hint", wrap=True)
        self._button = QPushButton()
        self._button.clicked.connect(lambda: toggle(model.id))
        grid.addWidget(label(model.name, "strong", wrap=True), 0, 0)
        grid.addWidget(self._state, 1, 0)
        grid.addWidget(self._button, 0, 1, 2, 1, Qt.AlignmentFlag.AlignVCenter)

    def show_model(self, model: ReadyModel, *, chosen: bool) -> None:
        """Say how it stands now, and after the next start."""
        origin = tr("comes with Hearth") if model.bundled else tr("downloaded")
        self._state.setText(f"{_state_words(running=model.running, chosen=chosen)} · {origin}")
        words = tr("Take off") if chosen else tr("Offer")
        self._button.setText(words)
        self._button.setAccessibleName(tr("{action}: {model}").format(action=words, model=model.name))


def to_be_offered(shelf: ShelfAnswer) -> tuple[str, ...]:
    """The models that are here and on offer from the next start; with none chosen, every bundled one."""
    here = {model.id for model in shelf.ready}
    return tuple(each for each in shelf.chosen if each in here) if shelf.chosen else _bundled(shelf)


def as_setting(shelf: ShelfAnswer, offered: tuple[str, ...]) -> tuple[str, ...]:
    """What to choose for exactly these to be offered: nothing where they are what Hearth offers by itself."""
    return () if set(offered) == set(_bundled(shelf)) else offered


def _bundled(shelf: ShelfAnswer) -> tuple[str, ...]:
    return tuple(model.id for model in shelf.ready if model.bundled)


def _state_words(*, running: bool, chosen: bool) -> str:
    if running:
        return tr("on offer") if chosen else tr("on offer until Hearth starts again")
    return tr("on offer from the next start of Hearth") if chosen else tr("not on offer")
