"""The devices: what each is, what it measures, why it works or not, how fast it is."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton

from desktop.control.messages import Benchmark
from desktop.control.snapshot import DeviceCard, MeasuredPart, Measurement, Snapshot
from desktop.domain.benchmark import Change
from desktop.domain.device import DeviceKind
from desktop.ui import formats
from desktop.ui.language import tr
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.wording import reason_words, state_word


class DevicesPage(Page):
    """One panel for each device; one for the benchmark where the node can measure."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Devices"))
        self._house = house
        self._panels: dict[str, tuple[Panel, Facts]] = {}
        self._bench = BenchmarkPanel(house)
        self._bench.setVisible("benchmark" in house.door.words)
        self.column.addWidget(self._bench)
        self.column.addStretch(1)

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the latest measurements."""
        if "devices" in parts:
            for place, device in enumerate(snapshot.devices):
                self._facts_of(device.id, place).show_facts(_facts(device))
        if "benchmark" in parts:
            self._bench.show_measurement(snapshot.benchmark)

    def _facts_of(self, device_id: str, place: int) -> Facts:
        if device_id not in self._panels:
            panel, facts = Panel(tr("Device")), Facts()
            panel.body.addWidget(facts)
            self.column.insertWidget(place, panel)
            self._panels[device_id] = panel, facts
        return self._panels[device_id][1]


class BenchmarkPanel(Panel):
    """Measures a device and its model; the owner starts and cancels it. Each part is shown with its interval."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Benchmark"))
        self._running = False
        self._words = label("", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress of the benchmark"))
        self._button = QPushButton(tr("Measure"))
        self._button.clicked.connect(
            lambda: house.door.ask(
                lambda number: Benchmark(id=number, cancel=self._running),
                None,
                lambda refusal: self._words.setText(f"{refusal.what} {refusal.why} {refusal.now}".strip()),
            )
        )
        self._parts = Facts()
        self.body.addWidget(self._words)
        self.body.addWidget(self._progress)
        self.body.addWidget(self._parts)
        row = QHBoxLayout()
        row.addWidget(self._button)
        row.addStretch()
        self.body.addLayout(row)
        self.show_measurement(None)

    def show_measurement(self, measured: Measurement | None) -> None:
        """None while nothing was measured yet."""
        self._running = measured is not None and measured.running
        self._progress.setVisible(self._running)
        self._button.setText(tr("Cancel") if self._running else tr("Measure"))
        self._words.setText(benchmark_words(measured))
        parts = measured.parts if measured is not None else ()
        self._parts.setVisible(bool(parts))
        self._parts.show_facts((part.name, part_words(part)) for part in parts)
        if measured is not None:
            self._progress.setValue(round(measured.share_done * 100))


def benchmark_words(measured: Measurement | None) -> str:
    """A measurement in words."""
    if measured is None:
        return tr("Not measured yet. It takes a minute, on a graphics card two; no request is taken meanwhile.")
    if measured.detail:
        return measured.detail
    if measured.running:
        return f"{measured.phase}…" if measured.phase else tr("Measuring…")
    if measured.tokens_per_s is None or measured.low is None or measured.high is None:
        return tr("How fast one answer is written could not be measured.")
    words = tr("{rate} tokens/s for one answer, between {low} and {high}").format(
        rate=formats.number(measured.tokens_per_s, 1),
        low=formats.number(measured.low, 1),
        high=formats.number(measured.high, 1),
    )
    steady = "" if measured.settled is not False else tr("The device never became steady.")
    return " ".join(filter(None, (f"{words}.", steady, *measured.notes)))


def part_words(part: MeasuredPart) -> str:
    """One part with its interval, and how it compares with the run before."""
    if part.median is None or part.low is None or part.high is None:
        return part.note
    factor, unit = part.unit.shown
    decimals = 0 if part.median * factor >= 100 else 2 if part.median * factor < 10 else 1  # noqa: PLR2004 - three digits
    value, low, high = (formats.number(number * factor, decimals) for number in (part.median, part.low, part.high))
    words = tr("{value} {unit}, between {low} and {high}").format(value=value, unit=unit, low=low, high=high)
    told = {
        Change.UNKNOWN: "",
        Change.WITHIN_NOISE: tr("as before, within noise"),
        Change.MORE: tr("more than before"),
        Change.LESS: tr("less than before"),
    }[part.change]
    return " · ".join(filter(None, (words, tr("unsteady") if part.unsteady else "", told)))


def _facts(device: DeviceCard) -> list[tuple[str, str]]:
    facts = [
        (tr("Name"), device.name),
        (tr("Kind"), tr("Processor") if device.kind is DeviceKind.CPU else tr("Graphics card")),
        (
            tr("State"),
            tr("{state} · {reason}").format(state=state_word(device.state), reason=reason_words(device.reason)),
        ),
        (tr("Load"), formats.UNKNOWN if device.load is None else f"{formats.percent(device.load)} %"),
    ]
    if device.memory_total_bytes is not None:
        memory = tr("{used} of {total}").format(
            used=formats.size(device.memory_used_bytes), total=formats.size(device.memory_total_bytes)
        )
        facts.append((tr("Memory in use"), memory))
    if device.temperature_c is not None:
        facts.append((tr("Temperature"), tr("{degrees} °C").format(degrees=formats.number(device.temperature_c))))
    if device.power_w is not None:
        facts.append((tr("Power"), tr("{watts} W").format(watts=formats.number(device.power_w))))
    if device.detail:
        facts.append((tr("Why"), device.detail))
    if device.last_stop_ms is not None and device.last_release_ms is not None:
        facts.append(
            (
                tr("Last stop"),
                tr("after {stop} ms, memory free {release} ms later").format(
                    stop=formats.number(device.last_stop_ms), release=formats.number(device.last_release_ms)
                ),
            )
        )
    if device.sandbox:
        facts.append((tr("Sandbox"), device.sandbox))
    return facts
