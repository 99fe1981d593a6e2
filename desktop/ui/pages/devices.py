"""The devices: how hard they may work, each of them, and how fast they are."""

from __future__ import annotations

from typing import Final

from desktop.control.answers import Refusal
from desktop.control.snapshot import Snapshot
from desktop.domain.limits import PRESETS, Preset
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.benchmark_panel import BenchmarkPanel
from desktop.ui.pages.device_panel import DevicePanel
from desktop.ui.pages.device_terms import DeviceTerms
from desktop.ui.pages.page import House, Page
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.segments import Segments

CHOICES: Final = (Preset.QUIET, Preset.BALANCED, Preset.FULL)


class DevicesPage(Page):
    """A panel for the preset, one for each device, one for the benchmark where the node can measure."""

    def __init__(self, house: House) -> None:
        super().__init__(tr("Devices"))
        self._house = house
        self._terms = DeviceTerms(house, self) if house.door.words >= {"settings", "set"} else None
        self._panels: dict[str, DevicePanel] = {}
        if self._terms is not None:
            self.column.addWidget(PresetPanel(self._terms))
        self._before = self.column.count()
        self._bench = BenchmarkPanel(house)
        self._bench.setVisible("benchmark" in house.door.words)
        self.column.addWidget(self._bench)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Read what the owner allows."""
        if self._terms is not None:
            self._terms.read()

    def show_snapshot(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        """Show the latest measurements; a device that is gone goes, one that came comes."""
        if "devices" in parts:
            self._bench.show_devices(snapshot.devices)
            for gone in self._panels.keys() - {device.id for device in snapshot.devices}:
                self._panels.pop(gone).deleteLater()
            for place, device in enumerate(snapshot.devices):
                panel = self._panels.get(device.id)
                if panel is None:
                    panel = self._panels[device.id] = DevicePanel(self._house, device, self._terms)
                    self.column.insertWidget(self._before + place, panel)
                panel.show_device(device)
        if "benchmark" in parts:
            self._bench.show_measurement(snapshot.benchmark)


class PresetPanel(Panel):
    """Quiet, balanced or full, for every device at once."""

    def __init__(self, terms: DeviceTerms) -> None:
        names = (tr("Quiet"), tr("Balanced"), tr("Full"))
        self._segments = Segments(tr("How hard the devices may work"), names, start=CHOICES.index(terms.preset))
        super().__init__(tr("How hard may they work?"))
        self._terms = terms
        self._words = label("", "hint", wrap=True)
        self.body.addWidget(self._segments)
        self.body.addWidget(self._words)
        self._segments.chosen.connect(lambda place: terms.choose_preset(CHOICES[place], self._refuse))
        terms.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self._segments.choose(CHOICES.index(self._terms.preset))
        self._words.setText(preset_words(self._terms.preset))

    def _refuse(self, refusal: Refusal) -> None:
        self._words.setText(wording.refusal_words(refusal))


def preset_words(preset: Preset) -> str:
    """What a preset means."""
    limits = PRESETS[preset]
    said = []
    if limits.power_share is not None:
        said.append(
            tr("Power up to {percent} % of a card's default.").format(percent=formats.percent(limits.power_share))
        )
    else:
        said.append(tr("As much power as a card may draw."))
    if limits.temperature_c is not None:
        said.append(tr("Work stops above {degrees} °C.").format(degrees=formats.number(limits.temperature_c)))
    if limits.duty < 1:
        said.append(tr("It computes {percent} % of the time.").format(percent=formats.percent(limits.duty)))
    said.append(tr("This holds at once."))
    return " ".join(said)
