"""A node's side of the attack tests, run as whoever the test wants the node to be.

Started as a script with a JSON order, prints a JSON report; the tests read it. See `as_owner.py` for the starting.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from desktop.worker.channel import Channel
from desktop.worker.sandbox.cell import Cell, Start
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.line import Order
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.watchdog import Watchdog
from tests.worker.sandbox.attacks import ATTACKS, BOMBS, Bait, run_attacks

_MIB = 1 << 20
SMALL: Final = Limits(
    memory_bytes=256 * _MIB,
    tasks=64,
    open_files=128,
    file_bytes=16 * _MIB,
    scratch_bytes=8 * _MIB,
    log_bytes=1 * _MIB,
)
UNSEALED: Final = frozenset({"process_bomb", "disk_bomb", "large_file"})
"""What the second filter forbids altogether is tried before it stands: the limits must hold by themselves."""
_GRAPHICS: Final = (Path("/dev/full"),)
"""A harmless device in the place of a graphics card, for whose sake the second filter waits."""


def runtime_with_tests() -> Runtime:
    """The Python of this process, with the tests' worker modules in sight of a worker."""
    runtime = Runtime.current()
    tests = Path(__file__).resolve().parents[2]
    return replace(runtime, packages={**runtime.packages, "tests": (tests, ("worker",))})


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[Bait]:
    """Everything an attack may go for, set up in `folder` and around."""
    home, model = folder / "home", folder / "model"
    for made in (home, model):
        made.mkdir()
    private, public, weights = home / "private", folder / "public", model / "weights"
    for path, mode in ((private, 0o600), (public, 0o644), (weights, 0o644)):
        path.write_text("x" * 5000, encoding="utf-8")
        path.chmod(mode)
    home.chmod(0o700)
    name = f"hearth-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        tcp, udp = (stack.enter_context(socket.socket(type=kind)) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
        local, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        local.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        abstract.bind(f"\0{name}".encode())
        for listener in (tcp, local, abstract):
            listener.listen(64)
        bystander = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                "-c",
                "import signal; signal.signal(10, lambda *_: None)\nwhile True: signal.pause()",
            ],
            env={**os.environ, "BYSTANDER": "1"},
            stdin=subprocess.DEVNULL,
        )
        stack.callback(bystander.wait)
        stack.callback(bystander.kill)
        yield Bait(
            home=str(home),
            private_file=str(private),
            public_file=str(public),
            model_file=str(weights),
            tcp_port=tcp.getsockname()[1],
            udp_port=udp.getsockname()[1],
            unix_socket=str(folder / "socket"),
            abstract_socket=name,
            node_pid=os.getpid(),
            bystander_pid=bystander.pid,
        )


_STOPPED_BY_THE_KERNEL: Final = frozenset({-signal.SIGSYS, 128 + signal.SIGSYS, -signal.SIGSEGV, 128 + signal.SIGSEGV})


async def attack(bait: Bait, mode: SandboxMode, limits: Limits, names: list[str], *, sealed: bool) -> dict[str, str]:
    """Have these attacks made in one process. Being ended for it counts as an answer; failing by itself does not."""
    model = Path(bait.model_file).parent
    seen = asdict(bait) | {"model_file": "/data/0/model/weights" if mode is SandboxMode.NAMESPACES else bait.model_file}
    order = Order(
        "tests.worker.sandbox.attacks",
        (json.dumps(seen), *names),
        readable=(model,),
        limits=limits,
        graphics=() if sealed else _GRAPHICS,
    )
    cell = await Cell.open(Start(order, mode, runtime_with_tests()), with_channel=True)
    assert cell.channel is not None
    watch = asyncio.create_task(Watchdog(cell, lambda: 0.0).watch())
    try:
        async with asyncio.timeout(60):
            frame = await Channel(cell.channel).receive()
        status = await cell.wait()
        reason = await watch
    finally:
        await cell.close()
    if frame is not None and not reason:
        outcomes: dict[str, str] = json.loads(frame.payload)
        return outcomes
    if not reason and status not in _STOPPED_BY_THE_KERNEL:
        raise AssertionError(f"{names} failed by themselves, with status {status}: {cell.log}")
    return dict.fromkeys(names, f"stopped: {reason or status}")


async def besiege(mode: SandboxMode, bait: Bait) -> dict[str, str]:
    """Every attack and every bomb in that mode."""
    outcomes = await attack(bait, mode, SMALL, list(ATTACKS), sealed=True)
    for bomb in BOMBS:
        outcomes |= await attack(bait, mode, SMALL, [bomb], sealed=bomb not in UNSEALED)
    return outcomes


def attack_freely(bait: Bait) -> dict[str, str]:
    """The same without any sandbox, each in a plain child of this process."""
    outcomes: dict[str, str] = {}
    for name in (*ATTACKS, *BOMBS):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            os.write(writing, json.dumps(run_attacks(bait, [name])).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as report:
            text = report.read()
        _, status = os.waitpid(child, 0)
        outcomes |= json.loads(text) if text else {name: f"status {status}"}
    return outcomes


def main() -> None:
    """Argument: a mode of the sandbox, or `free`."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="siege-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with prepared(folder) as bait:
            if sys.argv[1] == "free":
                outcomes = attack_freely(bait)
            else:
                outcomes = asyncio.run(besiege(SandboxMode(sys.argv[1]), bait))
    sys.stdout.write(json.dumps({"outcomes": outcomes, "seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main()
