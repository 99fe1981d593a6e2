from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from desktop.domain.device import Device, DeviceKind
from desktop.domain.limits import Limits
from desktop.machine.limits.guard import WatchdogGuard
from desktop.machine.limits.journal import Entry, Journal
from desktop.machine.limits.keeper import LimitsKeeper
from desktop.machine.limits.power import LocalKnobs
from tests.fakes.sysfs import RADEON, plug_in_radeon

ROOT = Path(__file__).parents[3]
RESTORED_WITHIN_S = 15.0
CARD = Device(RADEON, DeviceKind.AMD, None, 0, None)


def wait_for(condition: Callable[[], bool], within_s: float) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s
        time.sleep(0.002)
    return time.monotonic() - began


def watchdogs(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.cmdline() and "desktop.machine.limits.watchdog" in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def keeper(folder: Path, root: Path, owner: str) -> tuple[LimitsKeeper, WatchdogGuard]:
    guard = WatchdogGuard(folder, owner, root)
    return LimitsKeeper(LocalKnobs(root), Journal(folder), guard, owner=owner), guard


async def test_the_watchdog_is_there_only_while_something_is_changed_and_is_small(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path / "root")
    kept, guard = keeper(tmp_path, tmp_path / "root", "run 1")
    await kept.apply([(CARD, Limits())])
    assert guard.pid is None

    await kept.apply([(CARD, Limits(power_share=0.8))])

    assert guard.pid is not None
    loaded = {Path(each.path).name for each in psutil.Process(guard.pid).memory_maps()}
    assert not [name for name in loaded if "torch" in name or "Qt" in name or "pynvml" in name or "psutil" in name]
    pid = guard.pid
    await kept.apply([(CARD, Limits())])
    assert guard.pid is None
    assert not psutil.pid_exists(pid)
    await kept.close()


async def test_a_watchdog_that_was_killed_is_replaced_before_the_next_change(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path / "root")
    kept, guard = keeper(tmp_path, tmp_path / "root", "run 1")
    await kept.apply([(CARD, Limits(power_share=0.8))])
    first = guard.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.Process(first).wait(10)

    await kept.apply([(CARD, Limits(power_share=0.9))])

    assert guard.pid not in {None, first}
    await kept.close()


def test_it_puts_back_what_its_own_run_changed_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    mine = plug_in_radeon(root, 0, "0000:03:00.0") / "hwmon/hwmon4/power1_cap"
    other = plug_in_radeon(root, 1, "0000:0a:00.0") / "hwmon/hwmon4/power1_cap"
    journal = Journal(tmp_path)
    journal.write(
        [
            Entry("0000:03:00.0", "hwmon", 303_000_000, (220_000_000,), "run 1"),
            Entry("0000:0a:00.0", "hwmon", 303_000_000, (230_000_000,), "run 2"),
        ]
    )
    mine.write_text("220000000\n")
    other.write_text("230000000\n")
    guard = WatchdogGuard(tmp_path, "run 1", root)

    guard.stand()
    guard.leave()

    assert (mine.read_text(), other.read_text()) == ("303000000\n", "230000000\n")
    assert [entry.owner for entry in journal.read()] == ["run 2"]


@pytest.mark.slow
def test_whenever_the_node_is_killed_the_limit_is_back_within_fifteen_seconds(tmp_path: Path) -> None:
    root = tmp_path / "root"
    cap = plug_in_radeon(root) / "hwmon/hwmon4/power1_cap"
    changed, took_s = 0, []
    for trial in range(12):
        line = [sys.executable, "-m", "tests.machine.limits.killed_keeper", str(tmp_path), str(root), f"run {trial}"]
        with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == b"begun\n"
            time.sleep(random.uniform(0, 0.8))  # an instant nobody chose, from the first change on
            os.killpg(node.pid, signal.SIGKILL)
            node.wait()
            changed += cap.read_text() != "303000000\n"
            took_s.append(
                wait_for(lambda: cap.read_text() == "303000000\n" and not watchdogs(tmp_path), RESTORED_WITHIN_S)
            )
        assert Journal(tmp_path).read() == ()

    assert changed > 0
    sys.stdout.write(f"restored {changed} times, slowest {max(took_s):.2f} s\n")


@pytest.mark.slow
def test_a_node_and_its_watchdog_killed_together_are_made_good_at_the_next_start(tmp_path: Path) -> None:
    root = tmp_path / "root"
    cap = plug_in_radeon(root) / "hwmon/hwmon4/power1_cap"
    line = [sys.executable, "-m", "tests.machine.limits.killed_keeper", str(tmp_path), str(root)]
    with subprocess.Popen([*line, "run 1"], cwd=ROOT, stdout=subprocess.PIPE) as node:
        wait_for(lambda: cap.read_text() != "303000000\n", 60)
        os.kill(node.pid, signal.SIGSTOP)  # at some limit, or on the way to one
        for process in watchdogs(tmp_path):
            process.kill()
        node.kill()
        node.wait()

    with subprocess.Popen([*line, "run 2"], cwd=ROOT, stdout=subprocess.PIPE) as node:
        assert node.stdout is not None
        assert node.stdout.readline() == b"begun\n"
        node.kill()
        node.wait()

    wait_for(lambda: cap.read_text() == "303000000\n" and not watchdogs(tmp_path), RESTORED_WITHIN_S)
    assert Journal(tmp_path).read() == ()
