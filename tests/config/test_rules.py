from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.config.addresses import Addresses
from desktop.config.prices import ModelPrice, ModelPrices, OnePrice
from desktop.config.rules import Address, ModelId, ModelIds, OneOf, Rule, Switch, Text, Whole
from desktop.domain.pricing import Price

RELAYS = Addresses(("wss", "ws"))
MINTS = Addresses(("https", "http"))
RULES: tuple[Rule, ...] = (
    Switch(),
    Whole(0, 9),
    Text(9),
    OneOf(("a", "b")),
    Address(),
    RELAYS,
    ModelIds(),
    ModelId(),
    OnePrice(),
    ModelPrices(),
)
# What a TOML file can hold.
TOML_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def read_back(text: str) -> object:
    values: dict[str, Any] = tomllib.loads(f"value = {text}")
    return values["value"]


@pytest.mark.parametrize(
    ("rule", "raw", "value"),
    [
        (Switch(), True, True),
        (Whole(-1, 5), 5, 5),
        (Text(5), " näme ", "näme"),
        (Text(5), "", ""),
        (OneOf(("a", "b")), "b", "b"),
        (Address(), "0:0::1", "::1"),
        (Address(), "127.0.0.1", "127.0.0.1"),
        (RELAYS, ["wss://Relay.Example/", "wss://relay.example"], ("wss://relay.example",)),
        (
            RELAYS,
            ["ws://127.0.0.1:7777", "ws://[::1]:7", "ws://localhost"],
            ("ws://127.0.0.1:7777", "ws://[::1]:7", "ws://localhost"),
        ),
        (RELAYS, ["ws://abcdef.onion", "wss://a.example/x?y=1"], ("ws://abcdef.onion", "wss://a.example/x?y=1")),
        (RELAYS, (), ()),
        (MINTS, ["https://mint.example/Bitcoin/"], ("https://mint.example/Bitcoin",)),
        (MINTS, ["http://127.0.0.1:3338"], ("http://127.0.0.1:3338",)),
        (ModelIds(), ["a", "org/b-1:q4", "a"], ("a", "org/b-1:q4")),
        (ModelId(), "", ""),
        (OnePrice(), {"request_msat": 7}, Price(0, 0, 7)),
        (OnePrice(), Price(1, 2, 3), Price(1, 2, 3)),
        (ModelPrices(), [{"model": "a", "prompt_msat_per_million": 5}], (ModelPrice("a", Price(5, 0, 0)),)),
    ],
)
def test_a_right_value_gets_its_usual_form(rule: Rule, raw: object, value: object) -> None:
    assert rule.check(raw) == value


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        (Switch(), 1),
        (Switch(), "true"),
        (Whole(0, 5), 6),
        (Whole(0, 5), -1),
        (Whole(0, 5), True),
        (Whole(0, 5), 2.0),
        (Text(5), "sixsix"),
        (Text(5), "a\nb"),
        (Text(5), "\x1b[0m"),
        (Text(5), 5),
        (OneOf(("a", "b")), "c"),
        (Address(), "localhost"),
        (Address(), "1.2.3"),
        (RELAYS, "wss://relay.example"),
        (RELAYS, ["ws://relay.example"]),
        (RELAYS, ["ws://127.0.0.1.example"]),
        (RELAYS, ["ws://192.168.0.2"]),
        (RELAYS, ["ws://onion"]),
        (RELAYS, ["https://relay.example"]),
        (RELAYS, ["wss://"]),
        (RELAYS, ["wss://user:word@relay.example"]),
        (RELAYS, ["wss://relay.example/#x"]),
        (RELAYS, ["wss://relay.example:99999"]),
        (RELAYS, ["wss://relay.ex ample"]),
        (RELAYS, ["wss://rélay.example"]),
        (RELAYS, ["wss://[::1"]),
        (RELAYS, [f"wss://{number}.example" for number in range(33)]),
        (MINTS, ["http://mint.example"]),
        (MINTS, ["file:///etc/passwd"]),
        (ModelIds(), ["../x"]),
        (ModelIds(), [""]),
        (ModelIds(), ["a" * 200]),
        (ModelId(), "a b"),
        (OnePrice(), {"prompt": 1}),
        (OnePrice(), {"request_msat": -1}),
        (OnePrice(), {"request_msat": 10**10}),
        (OnePrice(), Price(-1, 0, 0)),
        (OnePrice(), 5),
        (ModelPrices(), [{"prompt_msat_per_million": 1}]),
        (ModelPrices(), [{"model": "a"}, {"model": "a"}]),
    ],
)
def test_a_wrong_value_is_refused(rule: Rule, raw: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the settings name what is wrong, a rule only refuses
        rule.check(raw)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@given(raw=TOML_VALUES)
def test_nothing_a_file_can_hold_breaks_a_rule_and_what_passes_survives_writing(rule: Rule, raw: object) -> None:
    try:
        value = rule.check(raw)
    except ValueError:
        return
    assert rule.check(read_back(rule.write(value))) == value


@given(st.text().filter(str.isprintable))
def test_every_printable_text_survives_writing(text: str) -> None:
    rule = Text(10_000)
    assert read_back(rule.write(rule.check(text))) == text.strip()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_every_rule_explains_itself(rule: Rule) -> None:
    assert rule.kind
    assert rule.allowed
    assert isinstance(rule.choices, tuple)
