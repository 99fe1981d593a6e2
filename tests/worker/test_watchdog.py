import asyncio
import resource
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from desktop.worker.sandbox.cell import Cell
from desktop.worker.sandbox.limits import Limits
from desktop.worker.watchdog import Watchdog
from tests.fakes.patience import until
from tests.worker.one_process import OneProcess

HOLD = "import mmap; held = mmap.mmap(-1, {size}{kind}); held.write(b'x' * {size}); print(flush=True); input()"


def holder(size: int, kind: str = "") -> subprocess.Popen[bytes]:
    """A process that holds so much memory already."""
    program = HOLD.format(size=size, kind=kind)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def watchdog(process: subprocess.Popen[bytes], memory_bytes: int) -> Watchdog:
    return Watchdog(cast("Cell", OneProcess(process, Limits(memory_bytes=memory_bytes))), lambda: 0.0)


@pytest.mark.parametrize("kind", ["", ", mmap.MAP_PRIVATE"], ids=["shared", "private"])
async def test_who_takes_too_much_is_killed_and_who_does_not_is_let_be(kind: str) -> None:
    with holder(64 << 20, kind) as process:
        content = watchdog(process, 128 << 20)
        watching = asyncio.create_task(content.watch())
        await until(lambda: content.peak_memory_bytes >= 64 << 20)
        assert not watching.done()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        async with asyncio.timeout(60):
            assert "its limit is 32 MiB" in await watchdog(process, 32 << 20).watch()
        assert process.poll() is not None


async def test_who_ends_by_itself_was_not_killed_and_no_file_stays_open() -> None:
    with holder(1 << 20) as process:
        before = open_files()
        watching = asyncio.create_task(watchdog(process, 128 << 20).watch())
        await until(lambda: open_files() > before)
        process.kill()
        async with asyncio.timeout(60):
            assert await watching == ""
        assert open_files() == before


async def test_who_cannot_be_watched_may_not_go_on() -> None:
    with holder(1 << 20) as process:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        dog = watchdog(process, 128 << 20)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
        try:
            reason = await dog.watch()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert "could not be watched" in reason
        assert process.poll() is not None
