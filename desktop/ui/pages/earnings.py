"""What was earned, when, with which model, and where the money is."""

from __future__ import annotations

from typing import ClassVar, Final

from desktop.control.answers import DeviceEarnings, EarningsAnswer
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

MILLIJOULES_OF_A_KWH: Final = 3.6e9


class EarningsPage(Page):
    """Chart, models, devices where they were measured, balance by mint."""

    needs: ClassVar[frozenset[str]] = frozenset({"earnings"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("Earnings"))
        self._house = house
        self._names: dict[str, str] = {}
        self._device_names: dict[str, str] = {}
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
        self._dashes = label(
            tr(
                "What is left after electricity is known once Settings say what a kWh costs, and for jobs that were"
                " measured."
            ),
            "hint",
            wrap=True,
        )
        self._dashes.hide()
        by_model.body.addWidget(self._dashes)
        self.column.addWidget(by_model)
        self.column.addWidget(self._device_panel())
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

    def _device_panel(self) -> Panel:
        columns = (
            Column(tr("Device")),
            Column(tr("Jobs"), right=True, rank=1),
            Column(tr("Energy, idle included"), right=True, rank=2),
            Column(tr("Earned"), right=True),
            Column(tr("After electricity"), right=True),
        )
        self._devices = Table(tr("Earnings by device"), columns, self._house.appearance)
        self._by_device = Panel(tr("By device"))
        self._by_device.body.addWidget(self._devices)
        self._by_device.hide()
        return self._by_device

    def enter(self) -> None:
        """Ask for the chosen span."""
        self._panel.ask()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the balance, and ask again when something was earned."""
        if "models" in parts:
            self._names = model_names(snapshot.models)
        if "devices" in parts:
            self._device_names = {device.id: device.name or device.id for device in snapshot.devices}
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
        self._dashes.setVisible(any(each.electricity_msat is None for each in answer.models))
        self._by_device.setVisible(bool(answer.devices))
        self._devices.rows.show_rows([self._device_row(each) for each in answer.devices])
        self._devices.fit_rows(8)

    def _device_row(self, each: DeviceEarnings) -> Row:
        cells = (
            self._device_names.get(each.device, each.device) or tr("not known"),
            formats.number(each.jobs),
            energy_words(each),
            formats.money(each.msat),
            _net(each.msat, each.electricity_msat, each.unmeasured),
        )
        return Row(each.device, cells)


def energy_words(each: DeviceEarnings) -> str:
    """What a device used; a lower bound where part of the time was not measured."""
    if not each.known_ms:
        return formats.UNKNOWN
    words = tr("{amount} kWh").format(amount=formats.number(each.total_mj / MILLIJOULES_OF_A_KWH, 2))
    return tr("at least {amount}").format(amount=words) if each.unknown_ms else words


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
