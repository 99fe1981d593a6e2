"""How fast a device is: measured when the owner wants, live, each part with its interval and beside the run before."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton

from desktop.control.messages import Benchmark
from desktop.control.snapshot import DeviceCard, MeasuredPart, Measurement
from desktop.domain.benchmark import Change
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.dropdown import DropDown
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.table import Column, Row, Table

MOST_ROWS = 30


class BenchmarkPanel(Panel):
    """Measures a device and its model; the owner starts and cancels it."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Benchmark"))
        self._house = house
        self._running = False
        self._words = label("", wrap=True)
        self._when = label("", "hint", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress of the benchmark"))
        self._device = DropDown()
        self._device.setAccessibleName(tr("Device to measure"))
        self._device.hide()
        self._button = QPushButton(tr("Measure"))
        self._button.clicked.connect(self._press)
        columns = (
            Column(tr("Part"), share=20, whole=True),
            Column(tr("Measured"), right=True, share=12),
            Column(tr("95 % interval"), right=True, share=14, rank=1),
            Column(tr("Against the run before"), share=18),
        )
        self._parts = Table(tr("Parts of the benchmark"), columns, house.appearance, wrap=True)
        self.body.addWidget(self._words)
        self.body.addWidget(self._progress)
        self.body.addWidget(self._parts)
        self.body.addWidget(self._when)
        row = QHBoxLayout()
        row.addWidget(self._device)
        row.addWidget(self._button)
        row.addStretch()
        self.body.addLayout(row)
        self.show_measurement(None)

    def show_devices(self, devices: Sequence[DeviceCard]) -> None:
        """Offer a choice where there is one."""
        known = [self._device.itemData(place) for place in range(self._device.count())]
        if known != [device.id for device in devices]:
            self._device.clear()
            for device in devices:
                self._device.addItem(device.name or device.id, device.id)
        self._device.setVisible(len(devices) > 1)

    def show_measurement(self, measured: Measurement | None) -> None:
        """None while nothing was measured yet."""
        self._running = measured is not None and measured.running
        self._progress.setVisible(self._running)
        self._button.setText(tr("Cancel") if self._running else tr("Measure"))
        self._words.setText(benchmark_words(measured))
        parts = measured.parts if measured is not None else ()
        self._parts.setVisible(bool(parts))
        self._parts.rows.show_rows([part_row(part) for part in parts])
        self._parts.fit_rows(MOST_ROWS)
        self._when.setVisible(False)
        if measured is not None:
            self._progress.setValue(round(measured.share_done * 100))
            self._tell_when(measured)

    def _tell_when(self, measured: Measurement) -> None:
        if measured.at_ms is None:
            return
        device = self._device.itemText(max(0, self._device.findData(measured.device_id)))
        moment = formats.moment(measured.at_ms, self._house.now_ms())
        words = (
            tr("{device}, measured {moment}.").format(device=device, moment=moment)
            if device
            else tr("Measured {moment}.").format(moment=moment)
        )
        self._when.setText(f"{words} {tr('`hearth bench` shows earlier runs and signs this one for others.')}")
        self._when.show()

    def _press(self) -> None:
        cancel, device = self._running, self._device.currentData() or ""
        self._house.door.ask(
            lambda number: Benchmark(id=number, cancel=cancel, device_id="" if cancel else device),
            None,
            lambda refusal: self._words.setText(wording.refusal_words(refusal)),
        )


def benchmark_words(measured: Measurement | None) -> str:
    """A measurement in words."""
    if measured is None:
        return tr("Not measured yet. It takes a minute, on a graphics card two; no request is taken meanwhile.")
    if measured.detail:
        return measured.detail
    if measured.running:
        return f"{wording.numbered(measured.phase)}…" if measured.phase else tr("Measuring…")
    if measured.tokens_per_s is None or measured.low is None or measured.high is None:
        return tr("How fast one answer is written could not be measured.")
    words = tr("{rate} tokens/s for one answer, between {low} and {high}").format(
        rate=formats.number(measured.tokens_per_s, 1),
        low=formats.number(measured.low, 1),
        high=formats.number(measured.high, 1),
    )
    steady = "" if measured.settled is not False else tr("The device never became steady.")
    return " ".join(filter(None, (f"{words}.", steady, *map(wording.numbered, measured.notes))))


def part_row(part: MeasuredPart) -> Row:
    """One part with its interval, and how it compares with the run before."""
    name = wording.numbered(part.name)
    if part.median is None or part.low is None or part.high is None:
        return Row(part.name, (name, formats.UNKNOWN, formats.UNKNOWN, wording.numbered(part.note)), "muted")
    factor, unit = part.unit.shown
    decimals = 0 if part.median * factor >= 100 else 2 if part.median * factor < 10 else 1  # noqa: PLR2004 - three digits
    value, low, high = (formats.number(number * factor, decimals) for number in (part.median, part.low, part.high))
    told = {
        Change.UNKNOWN: "",
        Change.WITHIN_NOISE: tr("as before, within noise"),
        Change.MORE: tr("more than before"),
        Change.LESS: tr("less than before"),
    }[part.change]
    remarks = " · ".join(filter(None, (tr("unsteady") if part.unsteady else "", told)))
    interval = tr("{low} to {high}").format(low=low, high=high)
    return Row(part.name, (name, f"{value} {unit}", interval, remarks), "warn" if part.unsteady else "text")
