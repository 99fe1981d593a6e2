"""The first screen: am I earning, how much, is all well."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from desktop.control.answers import Result, UptimeAnswer
from desktop.control.messages import ReadUptime
from desktop.control.snapshot import DeviceCard, Snapshot, Today, UptimeSummary, main_device
from desktop.ui import formats
from desktop.ui.charts.cells import cells, shares
from desktop.ui.charts.uptime import Legend, UptimeStrip
from desktop.ui.language import tr
from desktop.ui.pages.earnings_panel import EarningsPanel
from desktop.ui.pages.joblines import job_columns, job_row, model_names
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.card import Card, CardRow
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Table

DAY_MS: Final = 86_400_000
UPTIME_CELLS: Final = 96
LOOK_AGAIN_MS: Final = 60_000
RECENT_ROWS: Final = 8


class OverviewPage(Page):
    """Five numbers, earnings, uptime, recent jobs. `job_opened` carries the id of a job to show."""

    job_opened = Signal(str)

    def __init__(self, house: House) -> None:
        super().__init__(tr("Overview"))
        self._house = house
        self._earned = Card(tr("Earned today"))
        self._balance = Card(tr("Balance"))
        self._uptime = Card(tr("Uptime, 30 days"))
        self._jobs = Card(tr("Jobs today"))
        self._device = Card(tr("Device now"))
        self.column.addWidget(CardRow((self._earned, self._balance, self._uptime, self._jobs, self._device)))
        self._earnings = EarningsPanel(house)
        self.column.addWidget(self._earnings, 3)
        self._strip = UptimeStrip(house.appearance)
        panel = Panel(tr("Uptime, last 24 hours"))
        panel.body.addWidget(self._strip)
        panel.body.addWidget(Legend(house.appearance))
        self.column.addWidget(panel)
        self.column.addWidget(self._recent_panel(), 2)
        self._timer = QTimer(self, interval=LOOK_AGAIN_MS)
        self._timer.timeout.connect(self._ask)

    def enter(self) -> None:
        """Ask for the charts, and again every minute."""
        self._ask()
        self._timer.start()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show what changed."""
        if "today" in parts:
            self._show_today(snapshot.today)
        if "balance" in parts:
            self._show_balance(snapshot)
        if "uptime" in parts:
            self._show_uptime(snapshot.uptime)
            self._earnings.first_ms = None if snapshot.uptime is None else snapshot.uptime.since_ms
        if "devices" in parts:
            self._show_device(main_device(snapshot))
        if parts & {"recent", "models"}:
            now = self._house.now_ms()
            names = model_names(snapshot.models)
            self._table.rows.show_rows([job_row(job, names, now) for job in snapshot.recent[:RECENT_ROWS]])
            self._table.fit_rows(RECENT_ROWS)
            self._pages.setCurrentIndex(1 if snapshot.recent else 0)
        if parts & {"status", "models"}:
            self._show_prospect(snapshot)
        if parts & {"today", "status"} and self._timer.isActive():
            self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        """Ask for nothing while nobody looks."""
        self._timer.stop()
        super().hideEvent(event)

    def _recent_panel(self) -> Panel:
        self._table = Table(tr("Recent jobs"), job_columns(), self._house.appearance)
        self._table.opened.connect(self.job_opened)
        self._prospect = label("", "hint", wrap=True)
        self._prospect.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._prospect.setMinimumHeight(90)
        holder = QWidget()
        self._pages = QStackedLayout(holder)
        self._pages.addWidget(self._prospect)
        self._pages.addWidget(self._table)
        panel = Panel(tr("Recent jobs"))
        panel.body.addWidget(holder)
        panel.body.addStretch()
        return panel

    def _show_today(self, today: Today | None) -> None:
        if today is None:
            self._earned.show_value(formats.UNKNOWN)
            self._jobs.show_value(formats.UNKNOWN)
            return
        if today.electricity_msat is not None and today.earned_msat:
            left = formats.sats(today.earned_msat - today.electricity_msat)
            words = (
                tr("at most {amount} sat after electricity")
                if today.unmeasured
                else tr("{amount} sat after electricity")
            )
            note = words.format(amount=left)
        elif today.usual_msat is not None:
            note = tr("usual day ≈ {amount} sat").format(amount=formats.sats(today.usual_msat))
        elif today.earned_msat == 0:
            note = tr("starts with your first job")
        else:
            note = tr("before electricity")
        ahead = today.usual_msat is not None and today.earned_msat > today.usual_msat
        self._earned.show_value(formats.sats(today.earned_msat), tr("sat"), note, "good" if ahead else "hint")
        total = today.completed + today.failed + today.cancelled
        remarks = [tr("{count} completed").format(count=formats.number(today.completed))]
        if today.failed:
            remarks.append(tr("{count} failed").format(count=formats.number(today.failed)))
        if today.cancelled:
            remarks.append(tr("{count} cancelled").format(count=formats.number(today.cancelled)))
        self._jobs.show_value(formats.number(total), "", " · ".join(remarks) if total else tr("none so far"))

    def _show_balance(self, snapshot: Snapshot) -> None:
        if snapshot.balance is None:
            self._balance.show_value(formats.UNKNOWN)
            return
        self._balance.show_value(formats.sats(snapshot.balance.available_msat), tr("sat"), tr("in your own wallet"))

    def _show_uptime(self, uptime: UptimeSummary | None) -> None:
        if uptime is None or uptime.share is None or uptime.since_ms is None:
            self._uptime.show_value(formats.UNKNOWN, "", tr("counts from the first start"))
            return
        age = self._house.now_ms() - uptime.since_ms
        if age < DAY_MS:
            note = tr("counting since {length}").format(length=formats.span(max(0, age)))
        else:
            note = tr("{length} not working in all").format(length=formats.span(uptime.offline_ms))
        self._uptime.show_value(formats.percent(uptime.share, 1), "%", note)

    def _show_device(self, device: DeviceCard | None) -> None:
        if device is None:
            self._device.show_value(formats.UNKNOWN)
            return
        self._device.rename(tr("Processor now") if device.kind == "cpu" else tr("GPU now"))
        facts = []
        if device.temperature_c is not None:
            facts.append(tr("{degrees} °C").format(degrees=formats.number(device.temperature_c)))
        if device.power_w is not None and device.power_limit_w is not None:
            facts.append(
                tr("{watts} of {limit} W").format(
                    watts=formats.number(device.power_w), limit=formats.number(device.power_limit_w)
                )
            )
        elif device.power_w is not None:
            facts.append(tr("{watts} W").format(watts=formats.number(device.power_w)))
        load = formats.percent(device.load)
        unit = "" if device.load is None else "%"
        self._device.show_value(load, unit, " · ".join(facts) or device.name)

    def _show_prospect(self, snapshot: Snapshot) -> None:
        offered = next((model for model in snapshot.models if model.offered), None)
        lines = [tr("No jobs yet")]
        if offered is not None:
            lines.append(
                tr("This computer offers {model} at {price} sat per million answered tokens.").format(
                    model=offered.name, price=formats.sats(offered.completion_msat_per_million)
                )
            )
        lines.append(tr("You can close this window; work goes on."))
        self._prospect.setText("\n".join(lines))

    def _ask(self) -> None:
        self._earnings.ask()
        now = self._house.now_ms()
        quarter = now // 900_000 * 900_000 + 900_000
        start = quarter - DAY_MS

        def show(answer: Result) -> None:
            if isinstance(answer, UptimeAnswer):
                marks = (tr("24 h ago"), tr("18 h"), tr("12 h"), tr("6 h"), tr("now"))
                self._strip.show_cells(
                    tr("Uptime, last 24 hours"),
                    cells(answer.intervals, start, quarter, UPTIME_CELLS),
                    marks,
                    shares(answer.intervals, start, now),
                )

        self._house.door.ask(lambda number: ReadUptime(id=number, start_ms=start, end_ms=quarter), show)
