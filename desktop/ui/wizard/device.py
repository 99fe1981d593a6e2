"""Is this computer good enough? An honest stop where it is not."""

from __future__ import annotations

from typing import ClassVar

from desktop.control.answers import DoctorAnswer, Refusal, Result
from desktop.control.messages import RunDoctor
from desktop.control.snapshot import Snapshot, main_device
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label
from desktop.ui.wizard.step import Step


class DeviceStep(Step):
    """The device, and what the checks of this computer found."""

    needs: ClassVar[frozenset[str]] = frozenset({"doctor"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("This computer"))
        self._house = house
        self.skippable = True
        self._facts = Facts()
        self._verdict = label(tr("Checking…"), "strong", wrap=True)
        self._remedies = label("", wrap=True)
        self.column.addWidget(self._facts)
        self.column.addWidget(self._verdict)
        self.column.addWidget(self._remedies)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Run the checks."""
        self._verdict.setText(tr("Checking…"))
        self._house.door.ask(lambda number: RunDoctor(id=number), self._show, self._refuse)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the device."""
        device = main_device(snapshot)
        if device is None:
            return
        kind = tr("Processor") if device.kind == "cpu" else tr("Graphics card")
        facts = [(kind, device.name)]
        if device.memory_total_bytes is not None:
            facts.append((tr("Memory"), formats.size(device.memory_total_bytes)))
        models = ", ".join(model.name for model in snapshot.models)
        facts.append((tr("Can offer"), models or formats.UNKNOWN))
        self._facts.show_facts(facts)

    def _show(self, answer: Result) -> None:
        if not isinstance(answer, DoctorAnswer):
            return
        failed = [check for check in answer.checks if check.passed is False]
        if not failed:
            self._verdict.setText(tr("✓ This computer has what it takes."))
            self._remedies.setText("")
            return
        self._verdict.setText(tr("✕ Something is missing. Hearth would not earn well here as it is."))
        self._remedies.setText(
            "\n".join(
                tr("{check}: found {value}, needed {threshold}. {remedy}").format(
                    check=tr(check.name),
                    value=wording.told(check.value, check.values),
                    threshold=wording.told(check.threshold, check.values),
                    remedy=wording.told(check.remedy, check.values),
                )
                for check in failed
            )
        )

    def _refuse(self, refusal: Refusal) -> None:
        self._verdict.setText(refusal.what)
        self._remedies.setText(f"{refusal.why} {refusal.now}".strip())
