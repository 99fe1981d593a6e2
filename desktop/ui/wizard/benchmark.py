"""How fast this device answers: measured, live, and cancelled at will."""

from __future__ import annotations

from typing import ClassVar

from desktop.control.snapshot import Snapshot
from desktop.ui.language import tr
from desktop.ui.pages.benchmark_panel import BenchmarkPanel
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.wizard.step import Step


class BenchmarkStep(Step):
    """The same panel as on the page Devices."""

    needs: ClassVar[frozenset[str]] = frozenset({"benchmark"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("How fast is it?"))
        self.skippable = True
        self._panel = BenchmarkPanel(house)
        self.column.addWidget(
            label(
                tr("Device and model are measured until it is known how sure the numbers are; it may be cancelled."),
                wrap=True,
            )
        )
        self.column.addWidget(self._panel)
        self.column.addStretch(1)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the measurement as it goes."""
        self._panel.show_devices(snapshot.devices)
        self._panel.show_measurement(snapshot.benchmark)
