"""The prices: one for every model, and prices of single models over it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.control.answers import Refusal, SettingSheet
from desktop.control.messages import WriteSetting
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.pages.setting_field import saved_words
from desktop.ui.parts.label import label

FIELDS: Final = ("prompt_msat_per_million", "completion_msat_per_million", "request_msat")
USUAL: Final = ""  # the row for every model without a price of its own
SAT: Final = 1000

Price = Mapping[str, int]


class PriceTable(QWidget):
    """A line of three prices in sat for each model; a line that is left empty is as the first."""

    def __init__(self, sheet: SettingSheet, sheets: Sequence[SettingSheet], house: House, *, writable: bool) -> None:
        super().__init__()
        self._house = house
        self._own_name = sheet.name
        usual = next(each for each in sheets if each.type == "price")
        self._usual_name = usual.name
        self._usual: Price = _read(usual.value)
        self._own: dict[str, Price] = {
            table["model"]: {name: table.get(name, 0) for name in FIELDS} for table in _read(sheet.value)
        }
        self._fields: dict[str, list[QLineEdit]] = {}
        self._remark = label("", "hint", wrap=True)
        self._remark.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(
            label(
                tr("Prices in sat. A model whose line is empty has the usual price; one that is given counts whole."),
                "hint",
                wrap=True,
            )
        )
        column.addLayout(self._grid(writable=writable))
        column.addWidget(self._remark)

    def _grid(self, *, writable: bool) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        heads = (tr("Reading, a million tokens"), tr("Answering, a million tokens"), tr("Each request"))
        for place, head in enumerate(heads, 1):
            words = label(head, "hint", wrap=True)
            words.setAlignment(Qt.AlignmentFlag.AlignBottom)
            grid.addWidget(words, 0, place)
            grid.setColumnStretch(place, 2)
        grid.setColumnStretch(0, 3)
        for row, (model, name) in enumerate(self._models().items(), 1):
            grid.addWidget(label(name, wrap=True), row, 0)
            self._fields[model] = []
            for place, (field, head) in enumerate(zip(FIELDS, heads, strict=True), 1):
                line = QLineEdit()
                line.setAlignment(Qt.AlignmentFlag.AlignRight)
                line.setAccessibleName(tr("{model}, {price}, in sat").format(model=name, price=head))
                line.setEnabled(writable)
                price = self._usual if model == USUAL else self._own.get(model)
                line.setText("" if price is None else formats.sats(price[field]))
                if model != USUAL:
                    line.setPlaceholderText(formats.sats(self._usual[field]))
                line.editingFinished.connect(lambda model=model: self._changed(model))
                self._fields[model].append(line)
                grid.addWidget(line, row, place)
        return grid

    def _models(self) -> dict[str, str]:
        """Every model that is here or has a price, with its name."""
        snapshot = self._house.door.snapshot
        here = {} if snapshot is None else {model.id: model.name for model in snapshot.models}
        return {USUAL: tr("Usual price"), **here, **{model: here.get(model, model) for model in self._own}}

    def _changed(self, model: str) -> None:
        try:
            price = self._typed(model)
        except ValueError as error:
            self._say(tr("{text} is not an amount of sats.").format(text=error))
            return
        if model == USUAL:
            if price is not None and price != self._usual:
                self._usual = price
                self._write(self._usual_name, _table(price))
                self._show_usual()
            return
        if price == self._own.get(model):
            return
        if price is None:
            del self._own[model]
        else:
            self._own[model] = price
            for line, field in zip(self._fields[model], FIELDS, strict=True):
                line.setText(formats.sats(price[field]))
        tables = (_table({"model": each, **own}) for each, own in self._own.items())
        self._write(self._own_name, f"[{', '.join(tables)}]")

    def _show_usual(self) -> None:
        for model, lines in self._fields.items():
            for line, field in zip(lines, FIELDS, strict=True):
                if model == USUAL:
                    line.setText(formats.sats(self._usual[field]))
                else:
                    line.setPlaceholderText(formats.sats(self._usual[field]))

    def _typed(self, model: str) -> Price | None:
        """The price as it was typed; None for an empty line. Raises ValueError with what is no amount."""
        texts = [line.text().strip() for line in self._fields[model]]
        if not any(texts):
            return None
        price = {}
        for text, field in zip(texts, FIELDS, strict=True):
            value, good = QLocale().toDouble(text) if text else (self._usual[field] / SAT, True)
            if not good or value < 0:
                raise ValueError(text)
            price[field] = round(value * SAT)
        return price

    def _write(self, name: str, value: str) -> None:
        def refused(refusal: Refusal) -> None:
            self._say(wording.refusal_words(refusal))

        self._house.door.ask(
            lambda number: WriteSetting(id=number, name=name, value=value),
            lambda _: self._say(saved_words()),
            refused,
        )

    def _say(self, words: str) -> None:
        self._remark.setText(words)
        self._remark.show()


def _read(text: str) -> Any:  # noqa: ANN401 - a table or a list of tables, as the node wrote it
    return tomllib.loads(f"value = {text}")["value"]


def _table(fields: Mapping[str, str | int]) -> str:
    # JSON's strings are TOML's, but for DEL, which no model's id has.
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items()) + " }"
