"""What was earned, when, with which model, and where the money is."""

from __future__ import annotations

from typing import ClassVar

from desktop.control.answers import EarningsAnswer
from desktop.control.snapshot import Balance, Snapshot
from desktop.ui import formats
from desktop.ui.language import tr
from desktop.ui.pages.earnings_panel import EarningsPanel
from desktop.ui.pages.joblines import model_names
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.card import Card, CardRow
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Row, Table


class EarningsPage(Page):
    """Chart, models, balance by mint."""

    needs: ClassVar[frozenset[str]] = frozenset({"earnings"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("Earnings"))
        self._house = house
        self._names: dict[str, str] = {}
        self._total = Card(tr("Earned in this time"))
        self._jobs = Card(tr("Jobs in this time"))
        self._per_job = Card(tr("Per job"))
        self._balance = Card(tr("Balance"))
        self.column.addWidget(CardRow((self._total, self._jobs, self._per_job, self._balance)))
        self._panel = EarningsPanel(house, self._heard)
        self.column.addWidget(self._panel, 3)
        columns = (
            Column(tr("Model")),
            Column(tr("Jobs"), right=True, rank=1),
            Column(tr("Prompt tokens"), right=True, rank=3),
            Column(tr("Answered tokens"), right=True, rank=2),
            Column(tr("Earned"), right=True),
            Column(tr("After electricity"), right=True),
        )
        self._models = Table(tr("Earnings by model"), columns, house.appearance)
        by_model = Panel(tr("By model"))
        by_model.body.addWidget(self._models)
        self.column.addWidget(by_model)
        self._mints = Table(
            tr("Balance by mint"), (Column(tr("Mint")), Column(tr("Balance"), right=True)), house.appearance
        )
        money = Panel(tr("Where the money is"))
        money.body.addWidget(
            label(tr("Ecash in your own wallet, on this computer. Electricity is paid elsewhere."), "hint", wrap=True)
        )
        money.body.addWidget(self._mints)
        self.column.addWidget(money)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Ask for the chosen span."""
        self._panel.ask()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the balance, and ask again when something was earned."""
        if "models" in parts:
            self._names = model_names(snapshot.models)
        if "uptime" in parts:
            self._panel.first_ms = None if snapshot.uptime is None else snapshot.uptime.since_ms
        if "balance" in parts:
            self._show_balance(snapshot.balance)
        if "today" in parts:
            self._panel.ask()

    def _show_balance(self, balance: Balance | None) -> None:
        if balance is None:
            self._balance.show_value(formats.UNKNOWN)
            return
        note = ""
        if balance.owed_msat:
            note = tr("besides {amount} sat that belong to buyers").format(amount=formats.sats(balance.owed_msat))
        self._balance.show_value(formats.sats(balance.available_msat), tr("sat"), note)
        rows = [Row(each.mint, (each.mint, formats.money(each.msat))) for each in balance.mints]
        self._mints.rows.show_rows(rows)
        self._mints.fit_rows(8)

    def _heard(self, answer: EarningsAnswer) -> None:
        jobs = sum(part.jobs for part in answer.slices)
        msat = sum(part.msat for part in answer.slices)
        self._total.show_value(formats.sats(msat), tr("sat"), _after_electricity(answer, msat))
        self._jobs.show_value(formats.number(jobs))
        self._per_job.show_value(formats.sats(msat // jobs if jobs else None), tr("sat") if jobs else "")
        self._models.rows.show_rows(
            [
                Row(
                    each.model_id,
                    (
                        self._names.get(each.model_id, each.model_id),
                        formats.number(each.jobs),
                        formats.number(each.prompt_tokens),
                        formats.number(each.completion_tokens),
                        formats.money(each.msat),
                        _net(each.msat, each.electricity_msat, each.unmeasured),
                    ),
                )
                for each in answer.models
            ]
        )
        self._models.fit_rows(8)


def _after_electricity(answer: EarningsAnswer, msat: int) -> str:
    """What is left of the whole span, where it is known."""
    costs = [part.electricity_msat for part in answer.slices if part.jobs]
    if not costs or any(cost is None for cost in costs):
        return tr("before electricity")
    left = formats.sats(msat - sum(cost or 0 for cost in costs))
    if any(part.unmeasured for part in answer.slices):
        return tr("at most {amount} sat after electricity").format(amount=left)
    return tr("{amount} sat after electricity").format(amount=left)


def _net(msat: int, electricity_msat: int | None, unmeasured: int) -> str:
    if electricity_msat is None:
        return formats.UNKNOWN
    left = formats.money(msat - electricity_msat)
    return tr("at most {amount}").format(amount=left) if unmeasured else left
