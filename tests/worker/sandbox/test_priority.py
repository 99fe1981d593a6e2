import os
from pathlib import Path

import psutil
import pytest

from desktop.worker.sandbox.modes import SandboxMode
from tests.worker.scripted_launch import BOTH, scripted_launcher

AUTOGROUP = "autogroup"


def is_behind_everybody_else(pid: int) -> None:
    """Every thread of that process, and the group that the kernel's autogrouping puts it in, if it has that."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        assert os.sched_getscheduler(int(task.name)) == os.SCHED_IDLE
    process = psutil.Process(pid)
    assert process.nice() == 19
    assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    ours, its = Path("/proc/self", AUTOGROUP), Path(f"/proc/{pid}", AUTOGROUP)
    if ours.exists():
        group, nice = its.read_text(encoding="ascii").rstrip().split(" ", 1)
        assert nice == "nice 19"
        assert group != ours.read_text(encoding="ascii").split()[0]


@pytest.mark.parametrize("mode", BOTH)
async def test_a_worker_runs_behind_everybody_elses_programs(tmp_path: Path, mode: SandboxMode) -> None:
    worker = await scripted_launcher(tmp_path, modes=(mode,)).launch()
    try:
        is_behind_everybody_else(worker.pids[-1])
    finally:
        await worker.stop(1.0)
        await worker.wait_closed()
