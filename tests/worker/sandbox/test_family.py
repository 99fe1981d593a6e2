import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desktop.worker.sandbox.family import MemoryGauge, facts_of, family_of, held_bytes, kill_family, memory_of

GRANDPARENT = (
    "import os, time\n"
    "if os.fork() == 0:\n"
    "    if os.fork() == 0: os.setsid()\n"
    "print(os.getpid(), flush=True)\n"
    "time.sleep(60)\n"
)


def test_descendants_are_found_and_killed_wherever_they_hide() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", GRANDPARENT], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = {int(process.stdout.readline()) for _ in range(3)}
        assert set(family_of(process.pid)) == pids
        assert family_of(process.pid)[0] == process.pid
        kill_family(process.pid)
    deadline = time.monotonic() + 2
    while any(facts_of(pid).get("State", "Z")[0] not in "ZX" for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL


def test_none_of_very_many_children_is_missed() -> None:
    # The kernel gives no more than a page at a time, whatever room there is: some seven hundred numbers.
    fork = "import os, sys\nfor _ in range(1000):\n    if os.fork() == 0: os.read(0, 1); os._exit(0)\n"
    program = f"{fork}print(flush=True)\nsys.stdin.buffer.read()\n"
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            assert len(family_of(process.pid)) == 1001
        finally:
            kill_family(process.pid)
            process.kill()


def test_memory_counts_what_cannot_be_dropped() -> None:
    # In a process of its own: this one has freed memory to give again, without the kernel noticing.
    program = "input(); block = b'x' * (64 << 20); print(len(block), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        before = memory_of([process.pid])
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{64 << 20}\n"
        held = memory_of([process.pid])
        assert 60 << 20 < held - before < 80 << 20
        assert memory_of([process.pid] * 2) >= 2 * (64 << 20)
        process.stdin.write("\n")


def test_each_kind_of_memory_is_counted() -> None:
    program = (
        "import mmap; shared = mmap.mmap(-1, 32 << 20); shared.write(b'x' * len(shared))\n"
        "own = b'y' * (16 << 20); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        facts = facts_of(process.pid)
        kinds = ("RssAnon", "RssShmem", "VmSwap", "HugetlbPages")
        parts = [int(facts.get(name, "0").removesuffix(" kB")) << 10 for name in kinds]
        assert parts[0] >= 16 << 20
        assert parts[1] >= 32 << 20
        assert memory_of([process.pid]) == sum(parts)
        process.stdin.write("\n")


def test_every_line_that_counts_is_read() -> None:
    # Lines that follow each other must not hide one another.
    status = b"Name:\tx\nRssAnon:\t1 kB\nRssFile:\t64 kB\nRssShmem:\t2 kB\nVmSwap:\t4 kB\nHugetlbPages:\t8 kB\nX:\t0\n"
    assert held_bytes(status) == 15 << 10


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_gauge_follows_who_comes_and_goes_and_gives_its_files_back() -> None:
    sleepers = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    pids = [each.pid for each in sleepers]
    before = open_files()
    gauge = MemoryGauge()
    assert gauge.read(pids) == pytest.approx(memory_of(pids), abs=4 << 20)
    assert open_files() == before + 2
    assert gauge.read(pids[:1]) == pytest.approx(memory_of(pids[:1]), abs=4 << 20)
    assert open_files() == before + 1
    for each in sleepers:
        each.communicate()
    assert gauge.read(pids) == 0
    assert open_files() == before - 4  # the pipes went as well
    gauge.close()
    assert gauge.read([os.getpid()]) > 1 << 20
    gauge.close()


def test_who_is_gone_has_no_facts_no_family_and_no_memory() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert facts_of(process.pid) == {}
    assert family_of(process.pid) == []
    assert memory_of([process.pid]) == 0
