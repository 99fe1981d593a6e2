import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.worker.sandbox.ending import holds_anything, hurry, take_memory_back
from desktop.worker.sandbox.family import memory_of
from desktop.worker.sandbox.priority import give_way
from tests.ui.session import wait_until
from tests.worker.scripted_launch import scripted_launcher

BALLAST = 256 << 20
HOLD = f"import mmap, time; held = mmap.mmap(-1, {BALLAST}, mmap.MAP_PRIVATE); held.write(b'x' * {BALLAST}); "


@pytest.fixture
def crowd() -> Iterator[None]:
    """An owner whose programs want every processor."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for program in programs:
        program.kill()
        program.wait()


@pytest.mark.usefixtures("crowd")
def test_a_process_behind_everybody_else_gives_its_memory_back_at_once() -> None:
    held = subprocess.Popen([sys.executable, "-c", HOLD + "time.sleep(600)"])
    try:
        wait_until(lambda: memory_of([held.pid]) >= BALLAST, within_s=60)
        give_way([held.pid])
        hurry([held.pid])
        os.kill(held.pid, signal.SIGKILL)
        started_s = time.monotonic()
        take_memory_back([held.pid])
        wait_until(lambda: memory_of([held.pid]) == 0, within_s=60)
        assert time.monotonic() - started_s < 5
    finally:
        held.kill()
        held.wait()
    assert not holds_anything(held.pid)


def test_a_process_that_lives_keeps_its_memory() -> None:
    held = subprocess.Popen([sys.executable, "-c", HOLD + "time.sleep(600)"])
    try:
        wait_until(lambda: memory_of([held.pid]) >= BALLAST, within_s=60)
        take_memory_back([held.pid])
        assert memory_of([held.pid]) >= BALLAST
        assert holds_anything(held.pid)
    finally:
        held.kill()
        held.wait()


@pytest.mark.usefixtures("crowd")
async def test_a_worker_vanishes_beside_a_busy_owner(tmp_path: Path) -> None:
    worker = await scripted_launcher(tmp_path, ready_within_s=120).launch()
    family = worker.pids
    await worker.vanish()
    assert memory_of(family) == 0
    assert "SIGKILL" in await worker.wait_closed()
