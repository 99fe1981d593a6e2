from pathlib import Path

import pytest

from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import DeviceUnusable
from desktop.worker.sandbox.graphics import Cards, GraphicsCard, is_built_for
from tests.fakes.sysfs import RADEON

UUID = "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10"
OTHER = "GPU-00000000-9d0a-4d3c-8a39-6f0b1d6a7a10"
NVIDIA = Device(UUID, DeviceKind.NVIDIA, "A card", 0, None)
AMD = Device(RADEON, DeviceKind.AMD, "A card", 0, None)
INTEL = Device(RADEON, DeviceKind.INTEL, "A card", 0, None)
PROCESSOR = Device("cpu", DeviceKind.CPU, "A processor", 0, None)
LIBRARIES = {
    DeviceKind.NVIDIA: "libtorch_cuda.so",
    DeviceKind.AMD: "libtorch_hip.so",
    DeviceKind.INTEL: "torch_xpu.dll",
}


def card(root: Path, bus: str, uuid: str, minor: int) -> None:
    folder = root / "proc/driver/nvidia/gpus" / bus
    folder.mkdir(parents=True)
    text = f"Model: \t\t NVIDIA\nIRQ:   \t\t 31\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"
    (folder / "information").write_text(text)


def packages(folder: Path, *libraries: str) -> Path:
    """A folder of packages with a torch in it."""
    (folder / "torch/lib").mkdir(parents=True)
    for name in ("libtorch_cpu.so", *libraries):
        (folder / "torch/lib" / name).touch()
    return folder


@pytest.fixture
def computer(tmp_path: Path) -> Path:
    """Two identical cards of NVIDIA's, whose device files are numbered the other way round than their places on the
    bus, and two others of which one has its files."""
    root = tmp_path / "root"
    card(root, "0000:01:00.0", OTHER, 1)
    card(root, "0000:02:00.0", UUID, 0)
    (root / "dev/dri").mkdir(parents=True)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "kfd", "dri/renderD128", "dri/renderD129"):
        (root / "dev" / name).touch()
    (root / "sys/bus/pci/devices" / RADEON / "drm/renderD129").mkdir(parents=True)
    (root / "sys/bus/pci/devices" / RADEON / "drm/card1").mkdir()
    return root


def cards(computer: Path, kind: DeviceKind) -> Cards:
    return Cards([packages(computer.parent / "engine", LIBRARIES[kind])], computer)


def test_a_card_gets_its_own_device_files_and_no_others(computer: Path) -> None:
    found = cards(computer, DeviceKind.NVIDIA).of(NVIDIA)
    assert found is not None
    assert (found.visible, found.torch_name) == (UUID, "cuda:0")
    assert [path.name for path in found.files] == ["nvidia0", "nvidiactl", "nvidia-uvm"]


@pytest.mark.parametrize(
    ("device", "names", "torch_name"),
    [(AMD, ["kfd", "dri/renderD129"], "cuda:0"), (INTEL, ["dri/renderD129"], "xpu:0")],
)
def test_cards_of_other_makers_are_found_by_their_place(
    computer: Path, device: Device, names: list[str], torch_name: str
) -> None:
    files = tuple(computer / "dev" / name for name in names)
    assert cards(computer, device.kind).of(device) == GraphicsCard(files, torch_name)  # type: ignore[arg-type]  # a word


def test_the_processor_needs_no_device_file(computer: Path) -> None:
    assert Cards([], computer).of(PROCESSOR) is None


def test_a_card_the_driver_does_not_list_is_refused(computer: Path) -> None:
    stranger = Device("GPU-x", DeviceKind.NVIDIA, None, 0, None)
    with pytest.raises(DeviceUnusable, match="does not list it"):
        cards(computer, DeviceKind.NVIDIA).of(stranger)
    gone = Device("0000:99:00.0", DeviceKind.INTEL, None, 0, None)
    with pytest.raises(DeviceUnusable, match=r"A file below /dev/dri is missing"):
        Cards([packages(computer.parent / "other", "libtorch_xpu.so")], computer).of(gone)


@pytest.mark.parametrize(
    ("device", "name", "advice"), [(NVIDIA, "nvidia-uvm", "nvidia-modprobe"), (AMD, "kfd", "Install or update")]
)
def test_missing_device_files_are_named_with_advice(computer: Path, device: Device, name: str, advice: str) -> None:
    (computer / "dev" / name).unlink()
    with pytest.raises(DeviceUnusable, match=rf"{name} is missing.*{advice}"):
        cards(computer, device.kind).of(device)


def test_a_card_that_is_closed_to_this_user_is_told_with_the_command(
    computer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: not str(path).endswith("kfd"))  # root may open everything
    with pytest.raises(DeviceUnusable, match=r"dev/kfd is closed to this user.*usermod -aG render,video"):
        cards(computer, DeviceKind.AMD).of(AMD)


@pytest.mark.parametrize("device", [NVIDIA, AMD, INTEL])
def test_a_torch_for_other_cards_is_told_as_such(computer: Path, device: Device) -> None:
    others = [name for kind, name in LIBRARIES.items() if kind is not device.kind]
    with pytest.raises(DeviceUnusable, match=r"not built for cards of .*hearth setup"):
        Cards([packages(computer.parent / "engine", *others)], computer).of(device)
    with pytest.raises(DeviceUnusable, match="not built for"):
        Cards([], computer).of(device)


def test_the_torch_that_counts_is_the_one_a_worker_would_import(tmp_path: Path) -> None:
    fetched, bundled = packages(tmp_path / "fetched", "libtorch_cuda.so"), packages(tmp_path / "bundled")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert is_built_for(DeviceKind.NVIDIA, [empty, fetched, bundled])
    assert not is_built_for(DeviceKind.NVIDIA, [bundled, fetched])
    assert not is_built_for(DeviceKind.AMD, [fetched])
