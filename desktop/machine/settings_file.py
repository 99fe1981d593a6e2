"""The file that holds the settings: `settings.toml` in the config folder."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desktop.config.settings import Settings
from desktop.config.text import parse, render
from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.private_file import write_private

SETTINGS_FILE: Final = "settings.toml"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, and in sentences what their owner should know about the file; no sentence if all is well."""

    settings: Settings
    notices: tuple[str, ...] = ()


def load_settings(folder: Path, now_ms: Callable[[], int]) -> LoadedSettings:
    """The settings of a config folder; the defaults where there is no file.

    A file that is not TOML is set aside under a name with the time, and the defaults are used. A file that is TOML
    but asks for something that is not allowed is refused instead: a mistyped limit must not silently become none.

    Raises:
        SettingsError: a value is not allowed; every such value is named.
        StorageUnusable: the file is there but cannot be read, or is damaged and cannot be set aside.
    """
    path = folder / SETTINGS_FILE
    try:
        text = path.read_text("utf-8")
        parsed = parse(text)
    except FileNotFoundError:
        return LoadedSettings(Settings())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return _set_aside(path, now_ms(), str(error))
    except SettingsError as error:
        raise SettingsError(f"{path} cannot be used.", why=error.why, now=error.now) from error
    except OSError as error:
        raise _unusable(path, error) from error
    notices = tuple(f"{path} names {name}, which is no setting: it does nothing." for name in parsed.unknown)
    return LoadedSettings(parsed.settings, notices)


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the file anew, whole or not at all, every setting with its explanation. Raises StorageUnusable."""
    write_private(folder / SETTINGS_FILE, render(settings))


def _set_aside(path: Path, now_ms: int, reason: str) -> LoadedSettings:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    aside = path.with_name(f"{path.name}.damaged-{moment:%Y%m%dT%H%M%S}Z")
    try:
        path.replace(aside)
    except OSError as error:
        raise _unusable(path, error) from error
    return LoadedSettings(
        Settings(), (f"{path} was damaged ({reason}): it is kept as {aside.name}, and the defaults are used.",)
    )


def _unusable(path: Path, error: OSError) -> StorageUnusable:
    return StorageUnusable(
        f"{path} cannot be used.",
        why=f"The system says: {error.strerror}.",
        now="Check the folder and the disk it is on.",
    )
