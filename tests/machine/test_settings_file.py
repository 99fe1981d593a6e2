from __future__ import annotations

import stat
from pathlib import Path

import pytest

from desktop.config.settings import Settings
from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.settings_file import SETTINGS_FILE, load_settings, save_settings

NOW_MS = 1_795_000_000_000


def now_ms() -> int:
    return NOW_MS


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path, now_ms)

    assert loaded.settings == Settings()
    assert loaded.notices == ()
    assert list(tmp_path.iterdir()) == []


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    settings = Settings(node_name="Ada's attic", slots=3)

    save_settings(tmp_path, settings)
    save_settings(tmp_path, settings)

    assert load_settings(tmp_path, now_ms).settings == settings
    assert [path.name for path in tmp_path.iterdir()] == [SETTINGS_FILE]
    assert stat.S_IMODE((tmp_path / SETTINGS_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"slots = ", b"\xff\xfe\x00", b"slots = 3\nslots = 4\n", b"[[["])
def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(damage)

    loaded = load_settings(tmp_path, now_ms)

    assert loaded.settings == Settings()
    aside = tmp_path / "settings.toml.damaged-20261118T110640Z"
    assert aside.read_bytes() == damage
    assert [aside.name in notice for notice in loaded.notices] == [True]
    assert load_settings(tmp_path, now_ms).notices == ()


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text("sloots = 3\n")

    loaded = load_settings(tmp_path, now_ms)

    assert [("sloots" in notice, "does nothing" in notice) for notice in loaded.notices] == [(True, True)]


def test_a_wrong_value_names_the_file_and_the_setting_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / SETTINGS_FILE
    path.write_text("slots = 0\n")

    with pytest.raises(SettingsError, match=r"settings\.toml cannot be used.*slots must be"):
        load_settings(tmp_path, now_ms)

    assert path.read_text() == "slots = 0\n"


def test_a_file_that_cannot_be_read_is_not_taken_for_no_file(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).mkdir()

    with pytest.raises(StorageUnusable, match=r"settings\.toml cannot be used"):
        load_settings(tmp_path, now_ms)


def test_a_place_that_takes_no_file_is_named() -> None:
    with pytest.raises(StorageUnusable, match=r"/proc/settings\.toml"):
        save_settings(Path("/proc"), Settings())
