from __future__ import annotations

from pathlib import Path

from desktop.machine.linux import cpu_model, nvidia_cards_on_bus


def plug_in(bus: Path, slot: str, vendor: str, kind: str) -> None:
    card = bus / slot
    card.mkdir(parents=True)
    (card / "vendor").write_text(vendor + "\n")
    (card / "class").write_text(kind + "\n")


def test_only_nvidia_cards_that_show_or_compute_are_counted(tmp_path: Path) -> None:
    plug_in(tmp_path, "0000:01:00.0", "0x10de", "0x030000")  # a card with a screen
    plug_in(tmp_path, "0000:02:00.0", "0x10de", "0x030200")  # one without
    plug_in(tmp_path, "0000:01:00.1", "0x10de", "0x040300")  # its sound
    plug_in(tmp_path, "0000:00:02.0", "0x8086", "0x030000")  # another maker's
    (tmp_path / "0000:00:03.0").mkdir()  # a slot that does not tell

    assert nvidia_cards_on_bus(tmp_path) == 2


def test_a_computer_without_such_a_bus_has_none(tmp_path: Path) -> None:
    assert nvidia_cards_on_bus(tmp_path / "nothing") == 0


def test_the_processor_has_a_name_or_is_unknown() -> None:
    model = cpu_model()

    assert model is None or model.strip()
