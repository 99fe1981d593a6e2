"""Who this node is to others, and where it is announced."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QPushButton

from desktop.control.messages import Enrol
from desktop.control.snapshot import NodeCard, Relay, Snapshot
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.reach_panel import ReachPanel
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Row, Table


class NetworkPage(Page):
    """Identity, reachability, relays, mints."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Network"))
        self._house = house
        self._facts = Facts()
        identity = Panel(tr("Identity"))
        identity.body.addWidget(
            label(tr("All of this is public. Others find and check this computer by it."), "hint", wrap=True)
        )
        identity.body.addWidget(self._facts)
        self.column.addWidget(identity)
        self._reach = ReachPanel(house.door) if "reach" in house.door.words else None
        if self._reach is not None:
            self.column.addWidget(self._reach)
        columns = (Column(tr("Relay")), Column(tr("Announced there")))
        self._relays = Table(tr("Relays"), columns, house.appearance, wrap=True)
        relays = Panel(tr("Relays"))
        relays.body.addWidget(
            label(tr("Relays tell buyers that this computer is there. Any of them may fail."), "hint", wrap=True)
        )
        relays.body.addWidget(self._relays)
        if "enrol" in house.door.words:
            announce = QPushButton(tr("Announce again now"))
            announce.clicked.connect(self._announce)
            self._said = label("", "hint", wrap=True)
            self._said.hide()
            row = QHBoxLayout()
            row.addWidget(announce)
            row.addStretch()
            relays.body.addLayout(row)
            relays.body.addWidget(self._said)
        self.column.addWidget(relays)
        self._mints = Table(tr("Mints"), (Column(tr("Mint")),), house.appearance)
        self._mint_panel = Panel(tr("Mints"))
        self._mint_panel.body.addWidget(label(tr("Money of these mints is taken, of no others."), "hint", wrap=True))
        self._mint_panel.body.addWidget(self._mints)
        self.column.addWidget(self._mint_panel)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Ask whether others reach this computer."""
        if self._reach is not None:
            self._reach.check()

    def _announce(self) -> None:
        self._say(tr("Announcing… The list shows each relay as soon as the announcement was read back there."))
        self._house.door.ask(
            lambda number: Enrol(id=number), None, lambda refusal: self._say(wording.refusal_words(refusal))
        )

    def _say(self, words: str) -> None:
        self._said.setText(words)
        self._said.show()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show what changed."""
        if "node" in parts:
            long = (tr("Name on the relays (npub)"), tr("Address (iroh)"))
            self._facts.show_facts(_facts(snapshot.node), long=long)
            self._mint_panel.setVisible(bool(snapshot.node.mints))
            self._mints.rows.show_rows([Row(mint, (mint,)) for mint in snapshot.node.mints])
            self._mints.fit_rows(12)
        if "relays" in parts:
            self._relays.rows.show_rows([relay_row(relay) for relay in snapshot.relays])
            self._relays.fit_rows(12)


def relay_row(relay: Relay) -> Row:
    """A relay and how we stand with it."""
    if relay.enrolled:
        return Row(relay.url, (relay.url, tr("✓ yes, and read back")), "good")
    return Row(relay.url, (relay.url, relay.detail or tr("… not yet")), "warn" if relay.detail else "muted")


def _facts(node: NodeCard) -> list[tuple[str, str]]:
    return [
        (tr("Name on the relays (npub)"), node.npub),
        (tr("Address (iroh)"), node.endpoint_id),
        *([(tr("On this computer"), node.api)] if node.api else []),
        (tr("Version"), node.version),
    ]
