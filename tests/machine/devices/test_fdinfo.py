from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desktop.domain.device import ProcessUse
from desktop.machine.devices.fdinfo import GraphicsProcesses
from tests.fakes.sysfs import open_card, open_file

CARD = "0000:03:00.0"
MIB = 1 << 20


def usage(client: int, busy_ms: int, *, card: str = CARD, memory: str = "drm-memory-vram") -> dict[str, str]:
    return {
        "drm-driver": "amdgpu",
        "drm-client-id": str(client),
        "drm-pdev": card,
        memory: "2048 KiB",
        "drm-engine-gfx": f"{busy_ms * 1_000_000} ns",
        "drm-engine-compute": "0 ns",
    }


def test_loads_are_what_was_used_between_two_looks(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    open_card(tmp_path, 10, 3, usage(1, 100))
    open_file(tmp_path, 11, 0, "/dev/null")
    assert processes.read(CARD, 0) == (ProcessUse(10, 2 * MIB, None),)

    open_card(tmp_path, 10, 3, usage(1, 600))

    assert processes.read(CARD, 1000) == (ProcessUse(10, 2 * MIB, 0.5),)


def test_a_client_with_several_files_is_counted_once_and_several_clients_add_up(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    for busy_ms in (0, 250):
        open_card(tmp_path, 10, 3, usage(1, busy_ms))
        open_card(tmp_path, 10, 4, usage(1, busy_ms))
        open_card(tmp_path, 10, 5, usage(2, busy_ms))
        told = processes.read(CARD, busy_ms * 4)

    assert told == (ProcessUse(10, 4 * MIB, 0.5),)


def test_each_card_has_its_own_processes(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    open_card(tmp_path, 10, 3, usage(1, 0))
    open_card(tmp_path, 20, 3, usage(2, 0, card="0000:0a:00.0", memory="drm-resident-vram"))

    assert [each.pid for each in processes.read(CARD, 0)] == [10]
    assert processes.read("0000:0a:00.0", 0) == (ProcessUse(20, 2 * MIB, None),)


def test_a_counter_that_goes_back_is_no_use(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    open_card(tmp_path, 10, 3, usage(1, 900))
    processes.read(CARD, 0)
    open_card(tmp_path, 10, 3, usage(1, 100))

    assert processes.read(CARD, 1000) == (ProcessUse(10, 2 * MIB, 0.0),)


def test_engines_of_several_parts_are_as_wide_as_they_are(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    for busy_ms in (0, 1000):
        told = {"drm-client-id": "1", "drm-pdev": CARD, "drm-engine-video": f"{busy_ms * 1_000_000} ns"}
        open_card(tmp_path, 10, 3, {**told, "drm-engine-capacity-video": "2"})
        (process,) = processes.read(CARD, busy_ms)

    assert process.load == 0.5


def test_a_process_that_opens_the_card_late_is_found_soon(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    open_file(tmp_path, 10, 0, "/dev/null")
    for at_ms in range(0, 60_000, 1000):
        assert processes.read(CARD, at_ms) == ()

    open_card(tmp_path, 10, 3, usage(1, 0))

    assert any(processes.read(CARD, at_ms) for at_ms in range(60_000, 65_001, 1000))


def test_a_process_that_ends_is_gone_at_once(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    open_card(tmp_path, 10, 3, usage(1, 0))
    assert processes.read(CARD, 0)

    shutil.rmtree(tmp_path / "proc/10")

    assert processes.read(CARD, 1000) == ()


@pytest.mark.parametrize(
    "fdinfo",
    [
        {},
        {"drm-driver": "amdgpu"},
        {"drm-pdev": CARD},
        {"drm-pdev": CARD, "drm-client-id": ""},
    ],
)
def test_files_that_do_not_tell_their_card_are_passed_over(tmp_path: Path, fdinfo: dict[str, str]) -> None:
    open_card(tmp_path, 10, 3, fdinfo)

    assert GraphicsProcesses(tmp_path).read(CARD, 0) == ()


def test_values_that_are_no_numbers_are_unknown(tmp_path: Path) -> None:
    processes = GraphicsProcesses(tmp_path)
    odd = {"drm-pdev": CARD, "drm-client-id": "1", "drm-engine-gfx": "soon", "drm-memory-vram": "-1 KiB"}
    open_card(tmp_path, 10, 3, odd)
    processes.read(CARD, 0)

    assert processes.read(CARD, 1000) == (ProcessUse(10, None, None),)


def test_a_machine_without_processes_to_see_has_none(tmp_path: Path) -> None:
    assert GraphicsProcesses(tmp_path / "nothing").read(CARD, 0) == ()
