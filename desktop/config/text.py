"""Settings as the text of a `settings.toml`, for people to read and edit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import groupby
from textwrap import fill
from typing import Final

from desktop.config.settings import Settings, declarations, from_values

_WIDTH: Final = 100
_HEAD: Final = """\
# Hearth's settings. A line that starts with # is a default: take the # away to change it.
# Hearth writes this file when a setting is changed in the program; comments of your own are not kept then.
"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Settings read from a text, and the names in it that no setting has."""

    settings: Settings
    unknown: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Read a settings text; what it leaves out has its default.

    Raises:
        tomllib.TOMLDecodeError: this is not TOML.
        SettingsError: a value is not allowed; every such value is named.
    """
    values = tomllib.loads(text)
    known = {declaration.name for declaration in declarations()}
    settings = from_values({name: value for name, value in values.items() if name in known})
    return Parsed(settings, tuple(sorted(values.keys() - known)))


def render(settings: Settings) -> str:
    """Settings as a text that `parse` reads back: every setting with its sentence, defaults as comments."""
    lines = [_HEAD]
    for group, members in groupby(declarations(), key=lambda declaration: declaration.group):
        lines.append(f"\n# --- {group} ---\n")
        for setting in members:
            value = getattr(settings, setting.name)
            entry = f"{setting.name} = {setting.rule.write(value)}\n"
            if value == setting.default:
                entry = "".join(f"# {line}\n" for line in entry.splitlines())
            sentence = f"{setting.sentence} Must be {setting.rule.allowed}."
            lines.append(fill(sentence, _WIDTH, initial_indent="# ", subsequent_indent="# ") + "\n" + entry)
    return "\n".join(lines)
