from __future__ import annotations

from pathlib import Path

import pytest

from desktop.domain.device import Device, DeviceKind
from desktop.machine import doctor
from desktop.machine.devices.processor import Cpu
from desktop.machine.devices.source import Found
from desktop.machine.devices.survey import local_devices, survey
from desktop.machine.paths import Paths

GIB = 1 << 30
NOW_MS = 1_795_000_000_000


def cpu(available: int = 8 * GIB) -> Cpu:
    return Cpu("A Processor", 4, 8, 16 * GIB, available)


def card(name: str | None = "A Card", kind: DeviceKind = DeviceKind.NVIDIA) -> Device:
    return Device("GPU-a", kind, name, 0, None, "580.95.05")


def test_every_check_of_this_computer_says_what_it_found_and_needs(tmp_path: Path) -> None:
    checks = doctor.examine(Paths.below(tmp_path), survey(local_devices(lambda: NOW_MS)), lambda: NOW_MS)

    assert len({check.name for check in checks}) == len(checks) == 8
    assert all(check.value and check.threshold for check in checks)
    assert all(check.ok or check.remedy for check in checks)


@pytest.mark.parametrize(
    ("system", "release", "ok"),
    [
        ("Linux", "6.1.0-18-amd64", True),
        ("Linux", "5.13", True),
        ("Linux", "5.12.19", False),
        ("Linux", "4.19.0", False),
        ("Linux", "", False),
        ("Linux", "unreadable", False),
        ("Windows", "11", True),
        ("Windows", "10", True),
        ("Windows", "8.1", False),
        ("Darwin", "25.1.0", False),
    ],
)
def test_systems_that_can_hold_a_sandbox_pass(system: str, release: str, *, ok: bool) -> None:
    assert doctor.check_system(system, release).ok is ok


@pytest.mark.parametrize(("version", "ok"), [((3, 10), False), ((3, 11), True), ((3, 13), True)])
def test_pythons_new_enough_pass(version: tuple[int, int], *, ok: bool) -> None:
    assert doctor.check_python(version).ok is ok


def test_folders_that_cannot_be_used_fail_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")

    check = doctor.check_folders(Paths.below(tmp_path))

    assert not check.ok
    assert str(tmp_path / "data") in check.said(check.value)
    assert "--home" in check.said(check.remedy)


@pytest.mark.parametrize(("free", "ok"), [(0, False), (2 * GIB - 1, False), (2 * GIB, True)])
def test_disk_space_has_a_threshold(tmp_path: Path, free: int, *, ok: bool) -> None:
    check = doctor.check_disk(tmp_path, lambda _: free)

    assert check.ok is ok
    assert check.said(check.threshold) == "2.0 GiB free"


def test_a_disk_that_does_not_answer_fails(tmp_path: Path) -> None:
    def broken(_: Path) -> int:
        raise OSError(5, "Input/output error")

    check = doctor.check_disk(tmp_path, broken)

    assert not check.ok
    assert "Input/output error" in check.said(check.value)


@pytest.mark.parametrize(("available", "ok"), [(GIB, False), (3 * GIB, True)])
def test_memory_has_a_threshold(available: int, *, ok: bool) -> None:
    check = doctor.check_memory(cpu(available))

    assert check.ok is ok
    assert check.said(check.value).endswith("available of 16.0 GiB")


def test_an_unknown_processor_is_called_unknown() -> None:
    known = doctor.check_processor(cpu())
    assert known.said(known.value) == "A Processor, 4 cores, 8 threads usable"
    unknown = doctor.check_processor(Cpu(None, None, 1, GIB, GIB))
    assert unknown.said(unknown.value) == "unknown model, ? cores, 1 threads usable"


@pytest.mark.parametrize(
    ("graphics", "cards_on_bus", "ok", "value"),
    [
        (Found((), "No NVIDIA driver is installed."), 0, True, "Work runs on the processor."),
        (Found((), "No NVIDIA driver is installed."), 1, False, "No NVIDIA driver is installed."),
        (Found((card(),)), 1, True, "A Card (driver 580.95.05)"),
        (Found((card(None),)), 0, True, "unnamed card"),
        (Found((card(),), "Card 1: The card no longer answers."), 2, False, "no longer answers"),
        (Found((card(kind=DeviceKind.AMD),), "No NVIDIA driver is installed."), 1, False, "No NVIDIA driver"),
    ],
)
def test_a_card_that_is_plugged_in_must_answer(graphics: Found, cards_on_bus: int, *, ok: bool, value: str) -> None:
    check = doctor.check_graphics(graphics, cards_on_bus)

    assert check.ok is ok
    assert value in check.said(check.value)


@pytest.mark.parametrize(
    ("now_ms", "ok"), [(NOW_MS, True), (0, False), (1_600_000_000_000, False), (10**15, False), (10**18, False)]
)
def test_a_clock_that_cannot_be_right_fails(now_ms: int, *, ok: bool) -> None:
    assert doctor.check_clock(now_ms).ok is ok


def test_the_time_is_shown_for_a_person() -> None:
    check = doctor.check_clock(NOW_MS)
    assert check.said(check.value) == "2026-11-18 11:06 UTC"
