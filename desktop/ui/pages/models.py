"""What this node offers, at what price, and what it could."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.control.snapshot import OfferedModel, Snapshot
from desktop.domain.model import ModelKind
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.offer_panel import OfferPanel
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.shelf_panel import ShelfPanel
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

_MILLION = 1_000_000
_SHELF_WORDS = frozenset({"shelf", "fetch", "discard"})


class ModelsPage(Page):
    """One panel per model."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Models"))
        self._house = house
        self._panels: dict[str, Facts] = {}
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(14)
        self._empty = label(tr("No model is installed."), "hint", wrap=True)
        self.column.addWidget(self._empty)
        self.column.addWidget(holder)
        self._shelf = ShelfPanel(house.door) if house.door.words >= _SHELF_WORDS else None
        if self._shelf is not None:
            if "set" in house.door.words:
                offer = OfferPanel(house.door)
                self._shelf.told.connect(offer.show_shelf)
                offer.changed.connect(self._shelf.refresh)
                self.column.addWidget(offer)
            self.column.addWidget(self._shelf)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Ask what may be downloaded."""
        if self._shelf is not None:
            self._shelf.refresh()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the models, one that is new in a panel of its own, and the download."""
        if self._shelf is not None and "fetching" in parts:
            self._shelf.show_fetching(snapshot.fetching)
        if "models" not in parts:
            return
        self._empty.setVisible(not snapshot.models)
        for model in snapshot.models:
            facts = self._panels.get(model.id)
            if facts is None:
                facts = self._panels[model.id] = Facts()
                panel = Panel(model.name)
                panel.body.addWidget(facts)
                self._list.addWidget(panel)
            facts.show_facts(_facts(model), long=[tr("Digest")])


def _facts(model: OfferedModel) -> list[tuple[str, str]]:
    per_million = tr("{amount} sat per million tokens")
    facts = [
        (tr("For sale"), tr("✓ yes, now") if model.offered else tr("… not now")),
        (tr("What it does"), wording.model_kind_word(model.kind)),
        (tr("Price of reading"), per_million.format(amount=formats.sats(model.prompt_msat_per_million))),
    ]
    if model.completion_msat_per_million and model.kind is not ModelKind.EMBEDDING:
        price = per_million.format(amount=formats.sats(model.completion_msat_per_million))
        facts.append((tr("Price of answering"), price))
    if model.request_msat:
        facts.append((tr("Price per request"), formats.money(model.request_msat)))
    millions = tr("{count} million").format(count=formats.number(model.parameters / _MILLION))
    facts += [
        (tr("Parameters"), f"{millions}, {model.dtype}"),
        (tr("Longest conversation"), tr("{count} tokens").format(count=formats.number(model.context_tokens))),
        (tr("Licence"), model.licence),
        (tr("Digest"), model.digest),
    ]
    return facts
