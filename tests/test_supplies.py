"""What the running node tells of its shelf and keeps from being deleted, and which memory a model has to fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import SettingsError
from desktop.machine.devices.devices import Devices
from desktop.machine.devices.drm import DrmSource
from desktop.machine.devices.source import DeviceSilent, Found
from desktop.machine.paths import Paths
from desktop.machine.settings_file import save_settings
from desktop.setup.engines import Engine, fingerprint
from desktop.supplies import HomeStore, Room, acquisition, candidates, room, torch_choices
from tests.fakes.content_server import ContentServer, content_server
from tests.fakes.hub import chat_repository, publish
from tests.fakes.sysfs import plug_in, plug_in_arc, plug_in_radeon

SMALL = "smollm2-360m-instruct"
RADEON_ROOM = Room(24 << 30, "bfloat16")
PROCESSOR_ROOM = Room(1 << 30, "float32")  # the least the worker can be allowed: every computer has it


@pytest.fixture
def hub() -> Iterator[ContentServer]:
    with content_server() as server:
        files = chat_repository()
        files["config.json"] = json.dumps({"architectures": ["LlamaForCausalLM"]}).encode()
        publish(server, "HuggingFaceTB/SmolLM2-360M-Instruct", files)
        yield server


def test_what_the_owner_chose_for_the_next_start_is_told_and_kept(hub: ContentServer, tmp_path: Path) -> None:
    paths = Paths.below(tmp_path)
    paths.create()
    home = Composition(paths, Settings(model_source=hub.url), use_keyring=False)
    bundled = [entry.id for entry in home.equipment.bundled().entries]
    acquisition(home).acquisition.fetch(candidates().entry(SMALL), "float32", lambda _: None)

    told = HomeStore(home).shelf()
    assert [(model.id, model.bundled, model.running) for model in told.ready] == [
        *((each, True, True) for each in bundled),
        (SMALL, False, False),
    ]
    assert told.chosen == ()

    # The file changes under the running node, as the window changes it.
    save_settings(paths.config, Settings(models=(*bundled, SMALL)))
    told = HomeStore(home).shelf()
    assert told.chosen == (*bundled, SMALL)
    assert [model.id for model in told.ready if model.running] == bundled
    assert [model.id for model in told.models if model.offered] == [SMALL]
    with pytest.raises(SettingsError, match="is on offer"):
        HomeStore(home).discard(SMALL)

    save_settings(paths.config, Settings())
    HomeStore(home).discard(SMALL)
    assert SMALL not in {model.id for model in HomeStore(home).shelf().ready}


class OneCard:
    """A driver with one card."""

    def __init__(self, card: Device) -> None:
        self._card = card

    def find(self) -> Found:
        return Found((self._card,))

    def read(self, device: Device, at_ms: int) -> Telemetry:
        raise DeviceSilent(f"{device.id} tells nothing at {at_ms}.")

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def home(tmp_path: Path) -> Composition:
    paths = Paths.below(tmp_path / "home")
    paths.create()
    return Composition(paths, Settings(worker_memory_mib=1024), use_keyring=False)


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cards of this computer are plugged in."""
    root = tmp_path / "bus"
    (root / "sys/class/drm").mkdir(parents=True)
    monkeypatch.setattr("desktop.supplies.local_devices", lambda now_ms: Devices([DrmSource(root)], now_ms))
    return root


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own Python may have a torch for cards; Hearth, once installed, has none before the set-up."""
    monkeypatch.setattr("desktop.supplies.is_built_for", lambda _kind, _site: False)


def set_up(home: Composition, library: str) -> None:
    """The torch that is set up, known by the library that it alone has."""
    engines = home.equipment.engines()
    part = engines.part()
    (part / "torch/lib").mkdir(parents=True)
    (part / "torch/lib" / library).touch()
    needed = fingerprint(home.equipment.worker_requirements().all)
    engines.adopt(part, Engine("some-0", "some", "2.13.0", "A card", needed, 0))


def test_a_model_has_to_fit_the_card_that_the_torch_here_can_use(home: Composition, bus: Path) -> None:
    set_up(home, "libtorch_hip.so")
    assert room(home) == PROCESSOR_ROOM
    plug_in_radeon(bus)
    assert room(home) == RADEON_ROOM
    assert HomeStore(home).shelf().memory_bytes == RADEON_ROOM.memory_bytes

    # No torch computes on two makers' cards: the other one's memory is none for a model.
    set_up(home, "libtorch_xpu.so")
    assert room(home) == PROCESSOR_ROOM
    set_up(home, "libtorch_cpu.so")
    assert room(home) == PROCESSOR_ROOM


def test_a_card_that_rests_or_does_not_tell_its_memory_promises_none(home: Composition, bus: Path) -> None:
    plug_in_arc(bus)
    set_up(home, "libtorch_xpu.so")
    assert room(home) == PROCESSOR_ROOM

    (bus / "sys/class/drm/card1/device/mem_info_vram_total").write_text(f"{16 << 30}\n")
    assert room(home) == Room(16 << 30, "bfloat16")
    resting = Settings(worker_memory_mib=1024, disabled_devices=("0000:04:00.0",))
    assert room(Composition(home.paths, resting, use_keyring=False)) == PROCESSOR_ROOM


@pytest.mark.usefixtures("bare")
def test_before_a_torch_is_set_up_the_one_that_would_be_is_reckoned_with(home: Composition, bus: Path) -> None:
    plug_in_radeon(bus)
    assert torch_choices(home)[0].build.kind is DeviceKind.AMD
    assert room(home) == RADEON_ROOM


def test_graphics_in_the_processor_take_no_room_away_before_a_torch_is_set_up(home: Composition, bus: Path) -> None:
    plug_in(bus, 0, "0000:05:00.0", "amdgpu", {"mem_info_vram_total": str(512 << 20)})
    assert room(home) == PROCESSOR_ROOM

    # Once a torch for it is there, a worker is given it, and a model has to fit it.
    set_up(home, "libtorch_hip.so")
    assert room(home) == Room(512 << 20, "bfloat16")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("driver", "expected"), [("590.1", Room(8 << 30, "bfloat16")), (None, PROCESSOR_ROOM)])
def test_a_card_whose_driver_no_build_can_work_with_is_not_reckoned_with(
    home: Composition, monkeypatch: pytest.MonkeyPatch, driver: str | None, expected: Room
) -> None:
    card = Device("GPU-1", DeviceKind.NVIDIA, "A card", 0, 8 << 30, driver=driver, capability=(8, 9))
    monkeypatch.setattr("desktop.supplies.local_devices", lambda now_ms: Devices([OneCard(card)], now_ms))
    assert room(home) == expected
