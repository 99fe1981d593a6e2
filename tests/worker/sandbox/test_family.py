import signal
import subprocess
import sys
import time

from desktop.worker.sandbox.family import facts_of, family_of, kill_family, memory_of

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


def test_who_is_gone_has_no_facts_no_family_and_no_memory() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert facts_of(process.pid) == {}
    assert family_of(process.pid) == []
    assert memory_of([process.pid]) == 0
