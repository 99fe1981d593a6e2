from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.config.prices import ModelPrice
from desktop.config.settings import Settings, declarations
from desktop.config.text import parse, render
from desktop.domain.errors import SettingsError
from desktop.domain.pricing import Price

IDS = st.from_regex(r"[a-z0-9][a-z0-9./:-]{0,20}", fullmatch=True)
HOSTS = st.from_regex(r"[a-z]{1,10}\.example(/[a-zA-Z]{1,5})?", fullmatch=True)
PRICES = st.builds(Price, st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**9))
SETTINGS = st.builds(
    Settings,
    node_name=st.text(max_size=30).filter(str.isprintable),
    models=st.lists(IDS, max_size=4).map(tuple),
    slots=st.integers(1, 64),
    default_price=PRICES,
    prices=st.lists(st.builds(ModelPrice, IDS, PRICES), max_size=3, unique_by=lambda price: price.model).map(tuple),
    relays=st.lists(HOSTS.map("wss://{}".format), max_size=5).map(tuple),
    announce_addresses=st.booleans(),
    sandbox=st.sampled_from(["strongest", "require-namespaces"]),
    http_host=st.ip_addresses().map(str),
)


@given(SETTINGS)
def test_what_is_written_is_read_back(settings: Settings) -> None:
    parsed = parse(render(settings))

    assert parsed.settings == settings
    assert parsed.unknown == ()


def test_an_empty_text_means_the_defaults() -> None:
    assert parse("").settings == Settings()


def test_the_defaults_are_written_as_comments_that_can_be_taken_away() -> None:
    text = render(Settings())

    assert tomllib.loads(text) == {}
    names = {declaration.name for declaration in declarations()}
    starts = tuple(f"# {name} = " for name in names)
    active: list[str] = []
    inside = False
    for line in text.splitlines():
        inside = line.startswith(starts) or (inside and line.startswith(("#   ", "# ]")))
        if inside:
            active.append(line.removeprefix("# "))
    assert tomllib.loads("\n".join(active)).keys() == names


def test_every_setting_is_explained_in_the_text() -> None:
    words = " ".join(line.removeprefix("#").strip() for line in render(Settings()).splitlines())

    for declaration in declarations():
        assert declaration.sentence in words
        assert declaration.rule.allowed in words


def test_unknown_names_are_reported_and_do_no_harm() -> None:
    parsed = parse("slots = 3\nsloots = 4\n[section]\nx = 1\n")

    assert parsed.settings.slots == 3
    assert parsed.unknown == ("section", "sloots")


def test_a_wrong_value_is_not_replaced_by_a_default() -> None:
    with pytest.raises(SettingsError, match="sandbox must be one of: strongest, require-namespaces"):
        parse('sandbox = "require-namespace"')
