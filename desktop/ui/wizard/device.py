"""Is this computer good enough? An honest stop where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.control.answers import CheckSheet, DoctorAnswer, Refusal, Result
from desktop.control.messages import RunDoctor
from desktop.control.snapshot import DeviceCard, OfferedModel, Snapshot
from desktop.domain.device import DeviceKind
from desktop.domain.node_state import NodeState
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label, restyle
from desktop.ui.parts.panel import Panel
from desktop.ui.wizard.step import Step

# What others ask, or when the last request came, says nothing about this computer before it has joined.
ABOUT_THIS_COMPUTER: Final = frozenset({
    "operating system", "python", "folders", "disk space", "memory", "processor", "graphics card", "clock", "device",
    "driver", "sandbox", "clock against others",
})  # fmt: skip
BYTES_OF: Final = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


class DeviceStep(Step):
    """Each device with a verdict of its own, and what the checks of this computer found."""

    needs: ClassVar[frozenset[str]] = frozenset({"doctor"})

    def __init__(self, house: House) -> None:
        super().__init__(tr("This computer"))
        self._house = house
        self.skippable = True
        self._panels: dict[str, tuple[Facts, QLabel]] = {}
        self._hopeless = False
        self._failed: tuple[CheckSheet, ...] | None = None
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(12)
        self._verdict = label(tr("Checking…"), "strong", wrap=True)
        self._remedies = label("", wrap=True)
        self.column.addWidget(holder)
        self.column.addWidget(self._verdict)
        self.column.addWidget(self._remedies)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Run the checks."""
        self._failed = None
        self._verdict.setText(tr("Checking…"))
        self._remedies.setText("")
        self._house.door.ask(lambda number: RunDoctor(id=number), self._show, self._refuse)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the devices."""
        verdicts = []
        for device in snapshot.devices:
            facts, words = self._panel_of(device)
            facts.show_facts(_facts(device, snapshot.models))
            good, verdict = device_verdict(device, snapshot.models)
            verdicts.append(good)
            words.setText(verdict)
            restyle(words, "good" if good else "bad")
        self._hopeless = bool(verdicts) and not any(verdicts)
        self._judge()

    def _panel_of(self, device: DeviceCard) -> tuple[Facts, QLabel]:
        if device.id not in self._panels:
            panel, facts, words = Panel(device.name or device.id), Facts(), label("", wrap=True)
            panel.body.addWidget(facts)
            panel.body.addWidget(words)
            self._list.addWidget(panel)
            self._panels[device.id] = facts, words
        return self._panels[device.id]

    def _show(self, answer: Result) -> None:
        if isinstance(answer, DoctorAnswer):
            self._failed = tuple(
                check for check in answer.checks if check.passed is False and check.name in ABOUT_THIS_COMPUTER
            )
            self._judge()

    def _judge(self) -> None:
        stop = self._hopeless or bool(self._failed)
        words = tr("Go on anyway") if stop else tr("Next")
        if words != self.next_words:
            self.next_words = words
            self.changed.emit()
        if self._hopeless:
            self._verdict.setText(tr("✕ No device here can do this work. Joining would bring you nothing as it is."))
        elif self._failed is None:
            return
        elif self._failed:
            self._verdict.setText(tr("✕ Something is missing. Hearth would not earn well here as it is."))
        else:
            self._verdict.setText(tr("✓ This computer has what it takes."))
        self._remedies.setText("\n".join(_remedy(check) for check in self._failed or ()))

    def _refuse(self, refusal: Refusal) -> None:
        self._verdict.setText(wording.refusal_words(refusal))


def device_verdict(device: DeviceCard, models: Sequence[OfferedModel]) -> tuple[bool, str]:
    """Whether a device can do the work, and in words why not."""
    if device.silence:
        return False, tr("✕ It does not answer: {why}").format(why=device.silence)
    if device.state is NodeState.FAULT:
        return False, "✕ " + ": ".join(filter(None, (wording.reason_words(device.reason), device.detail)))
    needs = [model.parameters * BYTES_OF[model.dtype] for model in models if model.dtype in BYTES_OF]
    memory = device.memory_total_bytes
    if needs and memory is not None and memory < min(needs):
        return False, tr("✕ Too small: the smallest model takes {needed} of memory, this has {found}.").format(
            needed=formats.size(min(needs)), found=formats.size(memory)
        )
    if not models:
        return False, tr("✕ No model is installed that it could run.")
    return True, tr("✓ It can do this work.")


def _facts(device: DeviceCard, models: Sequence[OfferedModel]) -> list[tuple[str, str]]:
    facts = [(tr("Kind"), tr("Processor") if device.kind is DeviceKind.CPU else tr("Graphics card"))]
    facts.append((tr("Memory"), formats.size(device.memory_total_bytes)))
    if device.driver:
        facts.append((tr("Driver"), device.driver))
    facts.append((tr("Can offer"), ", ".join(model.name for model in models) or formats.UNKNOWN))
    return facts


def _remedy(check: CheckSheet) -> str:
    return tr("{check}: found {value}, needed {threshold}. {remedy}").format(
        check=wording.check_title(check),
        value=wording.told(check.value, check.values),
        threshold=wording.told(check.threshold, check.values),
        remedy=wording.told(check.remedy, check.values),
    )
