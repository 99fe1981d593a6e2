"""The local relay as a process: its port, its death, its end with ours."""

from __future__ import annotations

import asyncio
import socket
import sys

import psutil
import pytest

from desktop.domain.errors import NetworkError
from desktop.network.local.relay import LocalRelay
from tests.fakes.patience import until


def answers(relay: LocalRelay) -> bool:
    host, port = relay.url.removeprefix("ws://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


async def test_it_runs_is_killed_and_runs_again_on_the_same_port() -> None:
    async with LocalRelay() as relay:
        url = relay.url
        assert answers(relay)
        await relay.kill()
        assert not answers(relay)
        await relay.start()
        assert answers(relay)
        assert relay.url == url
    assert not answers(relay)


async def test_stopping_twice_or_before_the_start_is_no_harm() -> None:
    relay = LocalRelay()
    await relay.stop()
    await relay.start()
    await relay.stop()
    await relay.kill()
    assert not answers(relay)


async def test_a_port_in_use_is_said() -> None:
    async with LocalRelay() as relay:
        with pytest.raises(NetworkError, match="Port"):
            await LocalRelay(int(relay.url.rpartition(":")[2])).start()
        assert answers(relay)


async def test_it_does_not_outlive_the_process_that_started_it() -> None:
    program = (
        "import asyncio, os\n"
        "from desktop.network.local.relay import LocalRelay\n"
        "async def main():\n"
        "    relay = LocalRelay()\n"
        "    await relay.start()\n"
        "    print(relay._process.pid, flush=True)\n"
        "    os._exit(9)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(parent.communicate(), 20)
    pid = int(output)

    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await until(gone)
