from pathlib import Path

import pytest

from desktop.domain.errors import DeviceUnusable
from desktop.worker.sandbox import graphics

UUID = "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10"
OTHER = "GPU-00000000-9d0a-4d3c-8a39-6f0b1d6a7a10"


def card(folder: Path, bus: str, uuid: str, minor: int) -> None:
    (folder / bus).mkdir(parents=True)
    text = f"Model: \t\t NVIDIA\nIRQ:   \t\t 31\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"
    (folder / bus / "information").write_text(text)


@pytest.fixture
def computer(tmp_path: Path) -> Path:
    """Two identical cards, whose device files are numbered the other way round than their places on the bus."""
    card(tmp_path / "gpus", "0000:01:00.0", OTHER, 1)
    card(tmp_path / "gpus", "0000:02:00.0", UUID, 0)
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


def test_a_card_gets_its_own_device_files_and_no_others(computer: Path) -> None:
    found = graphics.nvidia_card(UUID, cards=computer / "gpus", devices=computer / "dev", built=True)
    assert found.uuid == UUID
    assert [path.name for path in found.files] == ["nvidia0", "nvidiactl", "nvidia-uvm"]


def test_a_card_the_driver_does_not_list_is_refused(computer: Path) -> None:
    with pytest.raises(DeviceUnusable, match="does not list it"):
        graphics.nvidia_card("GPU-x", cards=computer / "gpus", devices=computer / "dev", built=True)


def test_missing_device_files_are_named_with_advice(computer: Path) -> None:
    (computer / "dev" / "nvidia-uvm").unlink()
    with pytest.raises(DeviceUnusable, match=r"nvidia-uvm is missing.*nvidia-modprobe"):
        graphics.nvidia_card(UUID, cards=computer / "gpus", devices=computer / "dev", built=True)


def test_a_torch_for_processors_is_told_as_such(computer: Path) -> None:
    with pytest.raises(DeviceUnusable, match="built for processors"):
        graphics.nvidia_card(UUID, cards=computer / "gpus", devices=computer / "dev", built=False)
