from __future__ import annotations

import time
from pathlib import Path

from desktop.domain.device import Device, DeviceKind
from desktop.machine.devices.processor import CPU_ID, ProcessorSource
from tests.fakes.sysfs import write_files

CPU = Device(CPU_ID, DeviceKind.CPU, None, 0, None)


def test_the_processor_is_always_there_and_answers() -> None:
    source = ProcessorSource()
    (device,) = source.find().devices
    assert (device.id, device.kind) == (CPU_ID, DeviceKind.CPU)
    assert device.memory_bytes

    first = source.read(device, 0)
    assert first.load is None
    assert first.memory_used_bytes is not None
    assert 0 < first.memory_used_bytes < device.memory_bytes

    deadline = time.monotonic() + 10
    load = None
    while load is None and time.monotonic() < deadline:
        sum(range(100_000))
        load = source.read(device, 1).load
    assert load is not None
    assert 0 < load <= 1


def sockets(root: Path, *energies_uj: int) -> None:
    for number, energy_uj in enumerate(energies_uj):
        write_files(
            root / f"sys/class/powercap/intel-rapl:{number}",
            {"name": f"package-{number}", "energy_uj": str(energy_uj), "max_energy_range_uj": "262143328850"},
        )
    write_files(root / "sys/class/powercap/intel-rapl:0:0", {"name": "core", "energy_uj": "5"})


def test_energy_is_that_of_all_sockets_and_survives_a_wrap(tmp_path: Path) -> None:
    sockets(tmp_path, 262_143_000_000, 1_000_000)
    source = ProcessorSource(tmp_path)
    first = source.read(CPU, 0)
    assert first.power_w is None

    sockets(tmp_path, 39_671_150, 31_000_000)
    second = source.read(CPU, 1000)

    assert second.power_w is not None
    assert abs(second.power_w - 70) < 0.001
    assert first.energy_j is not None
    assert second.energy_j is not None
    assert abs(second.energy_j - first.energy_j - 70) < 0.001


def test_energy_is_unknown_if_one_socket_does_not_tell(tmp_path: Path) -> None:
    sockets(tmp_path, 1_000_000, 2_000_000)
    (tmp_path / "sys/class/powercap/intel-rapl:1/energy_uj").unlink()

    assert ProcessorSource(tmp_path).read(CPU, 0).energy_j is None


def test_energy_is_unknown_where_nothing_counts_it(tmp_path: Path) -> None:
    assert ProcessorSource(tmp_path).read(CPU, 0).energy_j is None
