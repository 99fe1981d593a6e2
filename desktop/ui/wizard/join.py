"""Joining the network: the relays answer one by one."""

from __future__ import annotations

from typing import ClassVar

from desktop.control.answers import Refusal
from desktop.control.messages import Enrol
from desktop.control.snapshot import Snapshot, Status
from desktop.domain.node_state import NodeState, Reason
from desktop.ui import wording
from desktop.ui.language import tr
from desktop.ui.pages.network import relay_row
from desktop.ui.pages.outlook_panel import OutlookPanel
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Table
from desktop.ui.wizard.step import Step


def has_joined(status: Status) -> bool:
    """Whether the node works, or rests for a reason that has nothing to do with joining."""
    resting = status.state is NodeState.PAUSED and status.reason is not Reason.WAITING_TO_JOIN
    return resting or status.state in {NodeState.READY, NodeState.EARNING}


class JoinStep(Step):
    """The one step that cannot be skipped: first it announces, then it lets the owner go."""

    needs: ClassVar[frozenset[str]] = frozenset({"enrol"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("Join the network"))
        self._house = house
        self._joining = False
        self._joined = False
        self._words = label(
            tr(
                "This computer will be announced on these relays, so that buyers find it. You can pause it at any time,"
                " here and in the tray."
            ),
            wrap=True,
        )
        self._state = label("", "strong", wrap=True)
        self._relays = Table(tr("Relays"), (Column(tr("Relay")), Column(tr("Announced there"))), house.appearance)
        panel = Panel(tr("Relays"))
        panel.body.addWidget(self._relays)
        self._outlook = OutlookPanel(house) if "outlook" in house.door.words else None
        self.column.addWidget(self._words)
        if self._outlook is not None:
            self.column.addWidget(self._outlook)
        self.column.addWidget(panel)
        self.column.addWidget(self._state)
        self.column.addStretch(1)
        self.next_words = tr("Join")

    def enter(self) -> None:
        """Look what it could bring, before anything is promised."""
        if self._outlook is not None and not self._joined:
            self._outlook.ask()

    def leave(self) -> bool:
        """Join, and leave once it is done."""
        if self._joined:
            return True
        self._joining = True
        self._state.setText(tr("Joining…"))
        self.ready = False
        self._house.door.ask(lambda number: Enrol(id=number), None, self._refuse)
        self.changed.emit()
        return False

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show each relay as it answers."""
        self._relays.rows.show_rows([relay_row(relay) for relay in snapshot.relays])
        self._relays.fit_rows(8)
        announced = any(relay.enrolled for relay in snapshot.relays)
        if self._joining and not self._joined and announced and has_joined(snapshot.status):
            self._joined = True
            self.ready = True
            self.next_words = tr("Open Hearth")
            if snapshot.status.state is NodeState.PAUSED:
                # The owner is at the computer, which is the most usual reason not to work yet.
                line = wording.status_line(snapshot, self._house.now_ms())
                self._state.setText(
                    tr("✓ Joined. Work begins when nothing stands against it: {line}").format(line=line)
                )
            else:
                self._state.setText(tr("✓ Joined. The first job comes when somebody asks for what you offer."))
            self.changed.emit()
        elif self._joining and not self._joined:
            self._state.setText(wording.status_line(snapshot, self._house.now_ms()))

    def _refuse(self, refusal: Refusal) -> None:
        self._joining = False
        self.ready = True
        self._state.setText(wording.refusal_words(refusal))
        self.changed.emit()
