"""What the owner lets the devices do, read from the node's settings and written back to them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import QObject, Signal

from desktop.control.answers import Refusal, Result, SettingsAnswer
from desktop.control.messages import ReadSettings, WriteSetting
from desktop.domain.limits import Preset
from desktop.ui.pages.page import House

FIELDS: Final = ("power_share", "temperature_c", "memory_mib", "duty")

Own = Mapping[str, float]
OnRefusal = Callable[[Refusal], None]


class DeviceTerms(QObject):
    """`changed` is emitted when what is known here is another. Everything written holds at once, without a restart."""

    changed = Signal()

    def __init__(self, house: House, parent: QObject) -> None:
        super().__init__(parent)
        self._house = house
        self.preset = Preset.BALANCED
        self._own: dict[str, Own] = {}
        self._off: list[str] = []

    def own_limits(self, device_id: str) -> Own:
        """The limits that device has of its own, by the names of the setting."""
        return self._own.get(device_id, {})

    def is_on(self, device_id: str) -> bool:
        """Whether that device may work."""
        return device_id not in self._off

    def read(self) -> None:
        """Ask the node."""
        self._house.door.ask(lambda number: ReadSettings(id=number), self._hear)

    def choose_preset(self, preset: Preset, refused: OnRefusal) -> None:
        """For every device."""
        self._write("preset", preset.value, refused)

    def switch(self, device_id: str, *, on: bool, refused: OnRefusal) -> None:
        """Let that device work, or not."""
        # Kept at once: what is changed next builds on it, before the node has answered.
        self._off = [*(each for each in self._off if each != device_id), *([] if on else [device_id])]
        self._write("disabled_devices", "\n".join(self._off), refused)

    def limit(self, device_id: str, own: Own, refused: OnRefusal) -> None:
        """Give that device limits of its own; none: all as the preset says."""
        self._own = {device: kept for device, kept in self._own.items() if device != device_id}
        if own:
            self._own[device_id] = own
        tables = ", ".join(_table(device, kept) for device, kept in self._own.items())
        self._write("limits", f"[{tables}]", refused)

    def _write(self, name: str, value: str, refused: OnRefusal) -> None:
        def refuse(refusal: Refusal) -> None:
            refused(refusal)
            self.read()  # the controls show what holds, not what was wished

        self._house.door.ask(
            lambda number: WriteSetting(id=number, name=name, value=value), lambda _: self.read(), refuse
        )

    def _hear(self, answer: Result) -> None:
        if not isinstance(answer, SettingsAnswer):
            return
        values = {sheet.name: sheet.value for sheet in answer.settings}
        self.preset = Preset(values.get("preset", Preset.BALANCED))
        self._off = values.get("disabled_devices", "").splitlines()
        tables = tomllib.loads(f"value = {values.get('limits', '[]')}")["value"]
        self._own = {
            table["device"]: {name: float(table[name]) for name in FIELDS if name in table} for table in tables
        }
        self.changed.emit()


def _table(device: str, own: Own) -> str:
    # JSON's strings are TOML's, but for DEL, which no id has.
    fields = [f"device = {json.dumps(device, ensure_ascii=False)}"]
    fields += [f"{name} = {int(value) if name == 'memory_mib' else value}" for name, value in own.items()]
    return "{ " + ", ".join(fields) + " }"
