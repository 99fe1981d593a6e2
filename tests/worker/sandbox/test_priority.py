import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import psutil
import pytest

from desktop.worker.sandbox.cell import Cell
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.priority import Effort, effort_of, give_way
from desktop.worker.watchdog import Watchdog
from tests.fakes.patience import until
from tests.ui.session import wait_until
from tests.worker.one_process import OneProcess
from tests.worker.scripted_launch import BOTH, scripted_launcher


def is_behind_everybody_else(pid: int) -> None:
    """Every thread of that process, and the group that the kernel's autogrouping puts it in, if it has that.

    Ours may be in none, as one is that began before any group did: its file is there and empty.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        assert os.sched_getscheduler(int(task.name)) == os.SCHED_IDLE
    process = psutil.Process(pid)
    assert process.nice() == 19
    assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    groups = Path("/proc/sys/kernel/sched_autogroup_enabled")
    if groups.exists() and groups.read_text(encoding="ascii").strip() == "1":
        group, nice = Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii").rstrip().split(" ", 1)
        assert nice == "nice 19"
        assert group != Path("/proc/self/autogroup").read_text(encoding="ascii").partition(" ")[0]


@pytest.mark.parametrize("mode", BOTH)
async def test_a_worker_runs_behind_everybody_elses_programs(tmp_path: Path, mode: SandboxMode) -> None:
    worker = await scripted_launcher(tmp_path, modes=(mode,)).launch()
    try:
        is_behind_everybody_else(worker.pids[-1])
    finally:
        await worker.stop(1.0)
        await worker.wait_closed()


IN_A_SESSION = """
import os, subprocess, sys
from pathlib import Path
from desktop.worker.sandbox.priority import give_way
group = Path("/proc/self/autogroup")
print((group.read_text() if group.exists() else "").rstrip().partition(" ")[2] or "nice 0")
beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
try:
    give_way([beside.pid])
    print(os.sched_getscheduler(beside.pid) == os.SCHED_IDLE)
    print((group.read_text() if group.exists() else "").rstrip().partition(" ")[2] or "nice 0")
finally:
    beside.kill()
    beside.wait()
"""


def test_a_session_that_is_ours_stays_as_it_is() -> None:
    # In a new session: whatever became of that of these tests, a new one is not nice.
    done = subprocess.run(
        [sys.executable, "-c", IN_A_SESSION], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert done.stdout.splitlines() == ["nice 0", "True", "nice 0"]


FROM_OUTSIDE = "import sys; from desktop.worker.sandbox.priority import give_way; give_way(map(int, sys.argv[1:]))"


def test_several_sessions_are_lowered_by_an_owner_who_is_not_root_too() -> None:
    # From root the kernel takes any number of such wishes at once, from others one in a tenth of a second.
    not_root = ["setpriv", "--bounding-set=-sys_admin"] if os.geteuid() == 0 else []
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    workers = [subprocess.Popen(sleep, start_new_session=True) for _ in range(3)]
    try:
        pids = [str(each.pid) for each in workers]
        subprocess.run([*not_root, sys.executable, "-c", FROM_OUTSIDE, *pids], check=True)
        for each in workers:
            is_behind_everybody_else(each.pid)
    finally:
        for each in workers:
            each.kill()
            each.wait()


def loop() -> subprocess.Popen[bytes]:
    """A program that wants a processor for itself, the first one that there is."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
    return process


def test_effort_tells_work_from_wanting_to_and_both_from_doing_nothing() -> None:
    busy = loop()
    idle = subprocess.Popen([sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"], stdout=-1)
    try:
        assert idle.stdout is not None
        idle.stdout.readline()
        wait_until(lambda: effort_of([busy.pid]).cpu_s > 0.2)
        assert effort_of([busy.pid]).wants_more
        wait_until(lambda: not effort_of([idle.pid]).wants_more)
    finally:
        for each in (busy, idle):
            each.kill()
            each.communicate()
    assert effort_of([idle.pid]) == Effort(0.0, wants_more=False)


async def test_a_worker_that_is_starved_is_not_taken_for_hung_and_a_hung_one_is() -> None:
    starved, *rivals = [loop() for _ in range(4)]
    try:
        give_way([starved.pid])
        started = time.monotonic()
        cell = OneProcess(starved, Limits(silence_s=0.5))
        watching = asyncio.create_task(Watchdog(cast("Cell", cell), lambda: time.monotonic() - started).watch())
        await until(lambda: time.monotonic() - started > 2.5)
        assert not cell.ended
        starved.send_signal(signal.SIGSTOP)  # it neither works nor wants to
        async with asyncio.timeout(60):
            assert "no sign of life" in await watching
        assert cell.ended
    finally:
        for each in (starved, *rivals):
            each.kill()
            each.wait()
