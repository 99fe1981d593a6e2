from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from desktop.config.prices import ModelPrice
from desktop.config.settings import DEFAULT_MINTS, DEFAULT_RELAYS, Settings, declarations, from_values
from desktop.domain.errors import SettingsError
from desktop.domain.pricing import Price


def test_the_defaults_are_allowed_and_already_in_their_usual_form() -> None:
    settings = Settings()

    for declaration in declarations():
        assert getattr(settings, declaration.name) == declaration.default


def test_every_setting_is_declared_with_words() -> None:
    names = [declaration.name for declaration in declarations()]

    assert len(set(names)) == len(names)
    for declaration in declarations():
        assert declaration.group
        assert declaration.sentence.endswith(".")
        assert declaration.sentence.count(". ") == 0, "one sentence"


def test_the_groups_stand_together() -> None:
    groups = [declaration.group for declaration in declarations()]

    changes = [group for previous, group in zip([None, *groups], groups, strict=False) if group != previous]
    assert len(changes) == len(set(changes))


def test_the_default_relays_belong_to_at_least_four_operators() -> None:
    assert len({".".join(str(urlsplit(url).hostname).split(".")[-2:]) for url in DEFAULT_RELAYS}) >= 4
    assert all(url.startswith("wss://") for url in DEFAULT_RELAYS)
    assert len(DEFAULT_MINTS) >= 2


def test_every_wrong_value_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(slots=0, http_port=70_000, relays=("ws://relay.example",))

    text = str(caught.value)
    assert "slots must be a whole number from 1 to 64." in text
    assert "http_port must be" in text
    assert "relays must be" in text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"announcement_expiry_s": 100, "announcement_refresh_s": 60}, "at least twice"),
        ({"wire": "listed"}, "wire_relays must list a relay"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        from_values(values)


def test_changed_settings_are_checked_too() -> None:
    settings = replace(Settings(), mints=("https://Mint.Example/",))

    assert settings.mints == ("https://mint.example",)
    with pytest.raises(SettingsError):
        replace(settings, http_host="everywhere")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="no setting called sloots"):
        from_values({"sloots": 3})


def test_a_model_has_its_own_price_or_the_default() -> None:
    settings = Settings(prices=(ModelPrice("a", Price(1, 2, 3)),))

    assert settings.price_of("a") == Price(1, 2, 3)
    assert settings.price_of("b") == settings.default_price


@pytest.mark.parametrize(("threads", "cores", "expected"), [(3, 8, 3), (0, 8, 7), (0, 1, 1), (0, None, 1)])
def test_threads_follow_the_cores_unless_set(threads: int, cores: int | None, expected: int) -> None:
    assert Settings(cpu_threads=threads).threads(cores) == expected
