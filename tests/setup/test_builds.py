from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.device import DeviceKind
from desktop.domain.errors import SettingsError
from desktop.resources import resource
from desktop.setup.builds import Build, Card, choices, load_builds

BUILDS = load_builds(resource("torch-builds.toml"))
CARDS = st.builds(
    Card,
    st.sampled_from(DeviceKind),
    st.text(min_size=1, max_size=20),
    st.none() | st.from_regex(r"\A[0-9]{1,4}\.[0-9]{1,3}(\.[0-9]{1,2})?\Z") | st.text(max_size=9),
    st.none() | st.tuples(st.integers(0, 20), st.integers(0, 9)),
)


def ids(*cards: Card, system: str = "linux") -> list[str]:
    assert system in {"linux", "windows"}
    return [choice.build.id for choice in choices(cards, BUILDS, "linux" if system == "linux" else "windows")]


def card(name: str, driver: str | None, capability: tuple[int, int] | None) -> Card:
    return Card(DeviceKind.NVIDIA, name, driver, capability)


def test_each_card_gets_the_newest_build_its_driver_and_age_allow() -> None:
    assert ids(card("RTX 4090", "581.29", (8, 9))) == ["cu130", "cu128", "cu126", "cpu"]
    assert ids(card("RTX 4090", "550.54.14", (8, 9))) == ["cu128", "cu126", "cpu"]
    assert ids(card("RTX 5090", "581.29", (12, 0))) == ["cu130", "cu128", "cpu"]
    assert ids(card("GTX 1080", "581.29", (6, 1))) == ["cu126", "cpu"]
    assert ids(card("V100", "580.65.06", (7, 0))) == ["cu128", "cu126", "cpu"]


def test_one_build_must_serve_all_cards_of_a_kind() -> None:
    assert ids(card("RTX 4090", "581.29", (8, 9)), card("GTX 1080", "581.29", (6, 1))) == ["cu126", "cpu"]


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ((card("RTX 3060", "470.82", (8, 6)),), "driver 470.82; CUDA 13.0 needs 580 or later"),
        ((card("RTX 3060", None, None),), "no working driver"),
        ((card("GTX 680", "581.29", (3, 0)),), "too old"),
        ((), "No graphics card"),
    ],
)
def test_why_only_the_processor_is_left_is_said(cards: tuple[Card, ...], words: str) -> None:
    (only,) = choices(cards, BUILDS, "linux")

    assert only.build.id == "cpu"
    assert words in only.reason


def test_other_makers_have_theirs_where_there_is_one() -> None:
    radeon, arc = Card(DeviceKind.AMD, "Radeon"), Card(DeviceKind.INTEL, "Arc")

    assert ids(radeon) == ["rocm7.2", "rocm6.4", "cpu"]
    assert ids(radeon, system="windows") == ["cpu"]
    assert "no build for Radeon" in choices([radeon], BUILDS, "windows")[-1].reason
    assert ids(arc, system="windows") == ["xpu", "cpu"]


@given(st.lists(CARDS, max_size=4), st.sampled_from(["linux", "windows"]))
def test_whatever_the_cards_the_processor_is_the_last_resort(cards: list[Card], system: str) -> None:
    found = ids(*cards, system=system)

    assert found[-1] == "cpu"
    assert found.count("cpu") == 1


def test_a_table_without_the_processor_or_with_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none for the processor"):
        choices([], [Build("cu130", "CUDA", DeviceKind.NVIDIA, ("linux",))], "linux")
    path = tmp_path / "builds.toml"
    for text in ("", "builds = 3", "[[builds]]\nid = 'X Y'", "\x00"):
        path.write_text(text)
        with pytest.raises(SettingsError, match=r"builds\.toml cannot be read"):
            load_builds(path)
