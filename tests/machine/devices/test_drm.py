from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desktop.domain.device import Device, DeviceKind, ProcessUse, Telemetry
from desktop.machine.devices.drm import DrmSource
from desktop.machine.devices.source import DeviceSilent
from tests.fakes.sysfs import ARC, RADEON, open_card, plug_in, plug_in_arc, plug_in_radeon, write_files

GIB = 1 << 30


def only(source: DrmSource) -> Device:
    (device,) = source.find().devices
    return device


def test_a_radeon_is_described_and_read_with_its_units(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path)
    source = DrmSource(tmp_path)
    device = only(source)

    assert device == Device(RADEON, DeviceKind.AMD, "AMD card 0x744c", 0, 24 * GIB, "amdgpu", "PCIe 4.0 x16")
    assert source.read(device, 7) == Telemetry(
        at_ms=7,
        load=0.42,
        memory_used_bytes=3 * GIB,
        memory_total_bytes=24 * GIB,
        temperature_c=54.0,
        power_w=87.0,
        power_limit_w=303.0,
        fan=0.2,
        core_clock_mhz=2304,
        memory_clock_mhz=1249,
        processes=(),
    )


def test_a_card_is_named_by_the_list_of_the_system(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path)
    names = "# a remark\n1001  Kolter\n\t744c  Wrong\n1002  AMD\n\t7448  Other\n\t744c  Navi 31 [Radeon RX 7900 XTX]\n"
    write_files(tmp_path, {"usr/share/misc/pci.ids": names})

    assert only(DrmSource(tmp_path)).name == "AMD Radeon RX 7900 XTX"


def test_an_arc_tells_power_by_its_energy_and_load_by_its_processes(tmp_path: Path) -> None:
    files = plug_in_arc(tmp_path)
    source = DrmSource(tmp_path)
    device = only(source)
    usage = {"drm-driver": "xe", "drm-client-id": "3", "drm-pdev": ARC, "drm-resident-vram0": "1024 MiB"}
    open_card(tmp_path, 70, 5, {**usage, "drm-cycles-ccs": "1000", "drm-total-cycles-ccs": "10000"})
    first = source.read(device, 0)
    assert (first.power_w, first.load, first.energy_j) == (None, None, 1000.0)

    write_files(files, {"hwmon/hwmon5/energy1_input": "1090000000"})
    open_card(tmp_path, 70, 5, {**usage, "drm-cycles-ccs": "6000", "drm-total-cycles-ccs": "20000"})

    assert source.read(device, 1000) == Telemetry(
        at_ms=1000,
        load=0.5,
        power_w=90.0,
        power_limit_w=190.0,
        fan=0.25,
        core_clock_mhz=1350,
        energy_j=1090.0,
        processes=(ProcessUse(70, GIB, 0.5),),
    )


def test_a_card_that_tells_nothing_is_unknown_throughout(tmp_path: Path) -> None:
    plug_in(tmp_path, 0, RADEON, "amdgpu", {"vendor": "0x1002"})
    source = DrmSource(tmp_path)
    device = only(source)

    assert device == Device(RADEON, DeviceKind.AMD, None, 0, None, "amdgpu")
    assert source.read(device, 1) == Telemetry(1, processes=())


@pytest.mark.parametrize("nonsense", ["", "N/A", "12 W", "-", "\x00\xff"])
def test_nonsense_in_a_file_is_unknown(tmp_path: Path, nonsense: str) -> None:
    files = plug_in_radeon(tmp_path)
    source = DrmSource(tmp_path)
    device = only(source)

    write_files(files, {"gpu_busy_percent": nonsense, "hwmon/hwmon4/temp1_input": nonsense})

    assert (source.read(device, 1).load, source.read(device, 1).temperature_c) == (None, None)


def test_a_sleeping_card_is_left_asleep(tmp_path: Path) -> None:
    files = plug_in_radeon(tmp_path)
    source = DrmSource(tmp_path)
    device = only(source)
    write_files(files, {"power/runtime_status": "suspended"})

    assert source.read(device, 1) == Telemetry(1, memory_total_bytes=24 * GIB, processes=())


def test_identical_cards_are_told_apart_by_their_place(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path, 0, "0000:03:00.0")
    files = plug_in_radeon(tmp_path, 1, "0000:0a:00.0")
    write_files(files, {"hwmon/hwmon4/temp1_input": "71000"})
    source = DrmSource(tmp_path)
    first, second = source.find().devices

    assert [device.id for device in (first, second)] == ["0000:03:00.0", "0000:0a:00.0"]
    assert source.read(second, 1).temperature_c == 71.0
    assert source.read(first, 1).temperature_c == 54.0


def test_a_card_that_vanishes_is_silent_in_words(tmp_path: Path) -> None:
    files = plug_in_radeon(tmp_path)
    source = DrmSource(tmp_path)
    device = only(source)

    shutil.rmtree(files)

    with pytest.raises(DeviceSilent, match="no longer there"):
        source.read(device, 1)
    assert source.find().devices == ()


def test_cards_of_other_drivers_are_not_ours_to_read(tmp_path: Path) -> None:
    plug_in(tmp_path, 0, "0000:01:00.0", "nvidia", {"vendor": "0x10de"})
    plug_in(tmp_path, 1, "0000:02:00.0", "ast", {"vendor": "0x1a03"})

    assert DrmSource(tmp_path).find().devices == ()
    assert DrmSource(tmp_path / "nothing").find().devices == ()
