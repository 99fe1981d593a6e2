"""One device: how it stands and why, what it measures, what it may do, how fast it got out of the way."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.control.answers import Refusal
from desktop.control.snapshot import DeviceCard, UnmetLimit
from desktop.domain.device import DeviceKind
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.device_terms import DeviceTerms
from desktop.ui.pages.page import House
from desktop.ui.parts.choice import Check
from desktop.ui.parts.facts import Facts
from desktop.ui.parts.label import label
from desktop.ui.parts.long_id import LongId
from desktop.ui.parts.panel import Panel
from desktop.ui.parts.pill import Pill

GIB_IN_MIB: Final = 1024
SECOND_MS: Final = 1000
# By the names of the setting: what one unit of the field is worth there, and its decimals.
SCALES: Final = {
    "power_share": (100.0, 0),
    "temperature_c": (1.0, 0),
    "memory_mib": (1 / GIB_IN_MIB, 1),
    "duty": (100.0, 0),
}


class DevicePanel(Panel):
    """`terms` None: the node takes no settings, and only the facts are shown."""

    def __init__(self, house: House, device: DeviceCard, terms: DeviceTerms | None) -> None:
        super().__init__(device.name or device.id)
        self._house = house
        self._id = device.id
        self._terms = terms
        self._unmet: tuple[UnmetLimit, ...] = ()
        self._pill = Pill(house.appearance)
        self._detail = label("", "hint", wrap=True)
        self._facts = Facts()
        holder = QWidget()
        self._missing = QVBoxLayout(holder)
        self._missing.setContentsMargins(0, 0, 0, 0)
        self._missing.setSpacing(4)
        row = QHBoxLayout()
        row.addWidget(self._pill)
        row.addStretch()
        self.body.addLayout(row)
        self.body.addWidget(self._detail)
        self.body.addWidget(self._facts)
        self.body.addWidget(holder)
        if terms is not None:
            self.body.addWidget(DeviceControls(terms, device))
        self.show_device(device)

    def show_device(self, device: DeviceCard) -> None:
        """Show what it is like now."""
        words = tr("{state} · {reason}").format(
            state=wording.state_word(device.state), reason=wording.reason_words(device.reason)
        )
        self._pill.show_state(wording.mood_now(device.state), words)
        said = " ".join(filter(None, (device.detail, device.silence)))
        self._detail.setText(said)
        self._detail.setVisible(bool(said))
        self._facts.show_facts(device_facts(device, self._house.now_ms()), long=[tr("Id")])
        if device.unmet != self._unmet:
            self._unmet = device.unmet
            self._show_unmet()

    def _show_unmet(self) -> None:
        while (item := self._missing.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for unmet in self._unmet:
            words = tr("{limit} is not in force: {why}").format(limit=_limit_name(unmet.what), why=tr(unmet.why))
            self._missing.addWidget(label(words, "warn", wrap=True))
            if unmet.command:
                self._missing.addWidget(CommandLine(unmet.command))


class CommandLine(QWidget):
    """A command that would put a limit in force, to be copied."""

    def __init__(self, command: str) -> None:
        super().__init__()
        text = LongId()
        text.setText(command)
        text.setAccessibleName(tr("Command: {command}").format(command=command))
        copy = QPushButton(tr("Copy"))
        copy.setObjectName("link")
        copy.setAccessibleName(tr("Copy the command"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(command))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 0, 0)
        row.addWidget(text, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(copy)


class DeviceControls(QWidget):
    """Switch a device off and on, and give it limits of its own."""

    def __init__(self, terms: DeviceTerms, device: DeviceCard) -> None:
        super().__init__()
        self._terms = terms
        self._id = device.id
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._on = Check(tr("Let this device work"))
        self._on.clicked.connect(lambda on: terms.switch(self._id, on=on, refused=self._refuse))
        self._more = QPushButton(tr("Limits of its own ▾"))
        self._more.setObjectName("link")
        self._more.setAccessibleName(tr("Limits of its own"))
        self._more.setCheckable(True)
        self._limits = QWidget()
        self._fields: dict[str, QLineEdit] = {}
        grid = QGridLayout(self._limits)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(2, 1)
        names = {
            "power_share": (tr("Power, % of its default"), tr("10 to 100")),
            "temperature_c": (tr("Stop above, °C"), tr("30 to 110")),
            "memory_mib": (tr("Memory at most, GiB"), tr("all of it")),
            "duty": (tr("Time in which it computes, %"), tr("5 to 100")),
        }
        for place, (name, (words, range_words)) in enumerate(names.items()):
            field = QLineEdit()
            field.setPlaceholderText(tr("as the preset"))
            field.setAccessibleName(words)
            field.setAccessibleDescription(range_words)
            field.setMaximumWidth(150)
            field.editingFinished.connect(self._write)
            self._fields[name] = field
            grid.addWidget(label(words, "hint", wrap=True), place, 0)
            grid.addWidget(field, place, 1)
        self._words = label("", "warn", wrap=True)
        self._words.hide()
        row = QHBoxLayout()
        row.addWidget(self._on)
        row.addWidget(self._more)
        row.addStretch()
        column.addLayout(row)
        column.addWidget(self._limits)
        column.addWidget(self._words)
        self._limits.hide()
        self._more.toggled.connect(self._limits.setVisible)
        terms.changed.connect(self.show_terms)
        self.show_terms()

    def show_terms(self) -> None:
        """Show what holds."""
        self._on.setChecked(self._terms.is_on(self._id))
        own = self._terms.own_limits(self._id)
        for name, field in self._fields.items():
            scale, decimals = SCALES[name]
            if not field.hasFocus():
                field.setText(formats.number(own[name] * scale, decimals) if name in own else "")
        if own and not self._more.isChecked():
            self._more.setChecked(True)

    def _write(self) -> None:
        own: dict[str, float] = {}
        for name, field in self._fields.items():
            text = field.text().strip()
            if not text:
                continue
            value, good = QLocale().toDouble(text)
            if not good:
                self._say(tr("{text} is not a number.").format(text=text))
                return
            scale, _ = SCALES[name]
            own[name] = round(value / scale) if name == "memory_mib" else round(value / scale, 4)
        self._words.hide()
        if own != dict(self._terms.own_limits(self._id)):
            self._terms.limit(self._id, own, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._say(wording.refusal_words(refusal))

    def _say(self, words: str) -> None:
        self._words.setText(words)
        self._words.show()


def device_facts(device: DeviceCard, now_ms: int) -> list[tuple[str, str]]:
    """Everything that is known of a device; what is not is a dash."""
    card = device.kind is not DeviceKind.CPU
    facts = [
        (tr("Kind"), tr("Graphics card") if card else tr("Processor")),
        (tr("Load"), _percent(device.load)),
        (tr("Memory in use"), _used(device)),
        (tr("Temperature"), _degrees(device.temperature_c)),
        (tr("Power"), _power(device)),
    ]
    if card:
        facts.append((tr("Fan"), _percent(device.fan)))
    facts.append((tr("Clock"), _megahertz(device.core_clock_mhz)))
    if card:
        facts.append((tr("Clock of its memory"), _megahertz(device.memory_clock_mhz)))
    if device.throttled:
        facts.append((tr("Slowed down by"), ", ".join(map(tr, device.throttled))))
    facts += [
        (tr("Limits"), limits_words(device)),
        (tr("Last stop"), stop_words(device, now_ms)),
    ]
    if device.driver:
        facts.append((tr("Driver"), device.driver))
    if device.pcie:
        facts.append((tr("Connection"), device.pcie))
    if device.worker_memory_bytes is not None:
        facts.append((tr("Memory of the worker"), formats.size(device.worker_memory_bytes)))
    if device.sandbox:
        facts.append((tr("Sandbox"), tr(device.sandbox)))
    if card:
        facts.append((tr("Id"), device.id))
    return facts


def limits_words(device: DeviceCard) -> str:
    """What it may do."""
    said = []
    if device.most_power_share is not None:
        said.append(tr("power {percent} % of its default").format(percent=formats.percent(device.most_power_share)))
    if device.most_temperature_c is not None:
        said.append(tr("stops above {degrees} °C").format(degrees=formats.number(device.most_temperature_c)))
    if device.most_memory_bytes is not None:
        said.append(tr("at most {size} of memory").format(size=formats.size(device.most_memory_bytes)))
    if device.duty < 1:
        said.append(tr("computes {percent} % of the time").format(percent=formats.percent(device.duty)))
    return " · ".join(said) or tr("none")


def stop_words(device: DeviceCard, now_ms: int) -> str:
    """How fast it last got out of the way, as it was measured."""
    if device.last_stop_ms is None or device.last_stop_at_ms is None:
        return tr("not measured yet")
    moment = formats.moment(device.last_stop_at_ms, now_ms)
    if device.last_release_ms is None:
        return tr("stopped in {stop} s, {moment}").format(stop=_seconds(device.last_stop_ms), moment=moment)
    return tr("stopped in {stop} s, memory free {release} s later, {moment}").format(
        stop=_seconds(device.last_stop_ms), release=_seconds(device.last_release_ms), moment=moment
    )


def _seconds(length_ms: int) -> str:
    return formats.number(length_ms / SECOND_MS, 1 if length_ms >= SECOND_MS / 10 else 2)


def _limit_name(what: str) -> str:
    return {"power limit": tr("Power limit"), "temperature": tr("Temperature limit"), "memory": tr("Memory limit")}.get(
        what, what
    )


def _percent(share: float | None) -> str:
    return formats.UNKNOWN if share is None else tr("{percent} %").format(percent=formats.percent(share))


def _degrees(degrees: float | None) -> str:
    return formats.UNKNOWN if degrees is None else tr("{degrees} °C").format(degrees=formats.number(degrees))


def _megahertz(clock: int | None) -> str:
    return formats.UNKNOWN if clock is None else tr("{clock} MHz").format(clock=formats.number(clock))


def _used(device: DeviceCard) -> str:
    return tr("{used} of {total}").format(
        used=formats.size(device.memory_used_bytes), total=formats.size(device.memory_total_bytes)
    )


def _power(device: DeviceCard) -> str:
    if device.power_w is None:
        return formats.UNKNOWN
    watts = formats.number(device.power_w)
    if device.power_limit_w is None:
        return tr("{watts} W").format(watts=watts)
    return tr("{watts} of {limit} W").format(watts=watts, limit=formats.number(device.power_limit_w))
