from pathlib import Path

import pytest

from desktop.config.settings import Declaration, Settings, declarations
from desktop.control.configuration import Configuration, from_text, to_text
from desktop.domain.errors import SettingsError
from desktop.machine.settings_file import load_settings, save_settings


def configuration(folder: Path) -> Configuration:
    def load() -> tuple[Settings, str]:
        loaded = load_settings(folder, lambda: 0)
        return loaded.settings, " ".join(loaded.notices)

    return Configuration(load, lambda settings: save_settings(folder, settings))


@pytest.mark.parametrize("setting", declarations(), ids=lambda setting: setting.name)
def test_what_is_shown_can_be_written_back(setting: Declaration) -> None:
    assert setting.rule.check(from_text(setting, to_text(setting, setting.default))) == setting.default


def test_a_change_is_in_the_file_and_shown_from_there(tmp_path: Path) -> None:
    settings = configuration(tmp_path)
    settings.write("relays", "wss://one.example\n\n wss://two.example ")
    settings.write("slots", "3")
    shown = {sheet.name: sheet.value for sheet in configuration(tmp_path).read().settings}
    assert shown["relays"] == "wss://one.example\nwss://two.example"
    assert shown["slots"] == "3"


@pytest.mark.parametrize(
    ("name", "text"),
    [("slots", "many"), ("slots", "100000"), ("mints", "ftp://mint.example"), ("nothing", "1"), ("slots", "3\nx = 4")],
)
def test_what_may_not_be_is_refused_in_words_and_changes_nothing(tmp_path: Path, name: str, text: str) -> None:
    settings = configuration(tmp_path)
    before = settings.read()
    with pytest.raises(SettingsError) as refused:
        settings.write(name, text)
    assert refused.value.what
    assert settings.read() == before


def test_a_damaged_file_is_told_and_the_defaults_are_shown(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("slots = [")
    answer = configuration(tmp_path).read()
    assert "damaged" in answer.notice
    assert next(sheet for sheet in answer.settings if sheet.name == "slots").value == "8"
