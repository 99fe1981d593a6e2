"""What belongs to the program and is not code: found from a checkout. The wheel's side is in tests/installer."""

from __future__ import annotations

from pathlib import Path

from desktop.resources import checkout, resource

ROOT = Path(__file__).parents[1]


def test_a_checkout_reads_its_own_folder() -> None:
    assert checkout() == ROOT
    assert resource("translations/de.json") == ROOT / "resources" / "translations" / "de.json"


def test_what_the_program_asks_for_is_there() -> None:
    assert all(resource(name).exists() for name in ("models.toml", "translations", "mint-requirements.txt"))
