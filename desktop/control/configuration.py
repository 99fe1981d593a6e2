"""The node's settings as sheets of text, and text as settings."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Final

from desktop.config.settings import Declaration, Settings, declarations, from_values
from desktop.control.answers import SettingsAnswer, SettingSheet
from desktop.domain.errors import SettingsError

# The window shows what concerns lending the computer; what concerns asking is the command line's.
GROUPS: Final = ("node", "work", "computer", "money", "network", "http", "updates")
TABLES: Final = frozenset({"price", "prices by model", "electricity by the hour", "limits by device"})


class Configuration:
    """Reads and writes one settings file; the running node keeps what it started with."""

    def __init__(self, load: Callable[[], tuple[Settings, str]], save: Callable[[Settings], None]) -> None:
        self._load = load
        self._save = save

    def read(self) -> SettingsAnswer:
        """Every setting of the shown groups, as it is in the file; tables as TOML."""
        settings, notice = self._load()
        sheets = tuple(
            SettingSheet(
                name=each.name,
                group=each.group,
                type=each.rule.kind,
                value=to_text(each, getattr(settings, each.name)),
                default=to_text(each, each.default),
                sentence=each.sentence,
                allowed=each.rule.allowed,
                choices=each.rule.choices if each.rule.kind == "choice" else (),
            )
            for each in declarations()
            if each.group in GROUPS
        )
        return SettingsAnswer(settings=sheets, notice=notice)

    def write(self, name: str, text: str) -> None:
        """Change one setting. Raises SettingsError for an unknown name or a value it may not have."""
        known = {each.name: each for each in declarations()}
        if name not in known:
            raise SettingsError(f"There is no setting called {name}.")
        settings, _ = self._load()
        values = {each: getattr(settings, each) for each in known}
        values[name] = from_text(known[name], text)
        try:
            changed = from_values(values)
        except SettingsError as error:
            raise SettingsError("This value cannot be used.", why=error.why) from None
        self._save(changed)


def to_text(setting: Declaration, value: object) -> str:
    """A value as a person types it: lists one item a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if setting.rule.kind not in TABLES and isinstance(value, tuple):
        return "\n".join(str(item) for item in value)
    return setting.rule.write(value)


def from_text(setting: Declaration, text: str) -> object:
    """What a person typed, in the form the setting's rule checks. Raises SettingsError."""
    kind = setting.rule.kind
    try:
        if kind in TABLES or kind in {"number", "switch"}:
            (value,) = tomllib.loads(f"value = {text.strip()}").values()
            return value
    except (ValueError, RecursionError):  # not TOML, more than one value, or a thousand brackets
        raise SettingsError(f"This must be {setting.rule.allowed}.") from None
    if kind.startswith("list"):
        return tuple(item.strip() for item in text.splitlines() if item.strip())
    return text
