"""A real Nostr relay on this machine, for demos and tests. Its memory is its own: a killed one has forgotten all."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Self

from desktop.domain.errors import NetworkError

_HOST = "127.0.0.1"
_ROOT = Path(__file__).resolve().parents[3]


class LocalRelay:
    """A relay in a process of its own on loopback, so that it can be killed like a relay of the world.

    `port` 0 picks a free one, kept over `stop`, `kill` and `start`. The process ends with ours: it watches the pipe
    we hold.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port or _free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect, whether it runs or not."""
        return f"ws://{_HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, timeout_s: float = 15.0) -> None:
        """Run until it accepts connections. Raises NetworkError if it does not in that time."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "desktop.network.local.relay", "--port", str(self._port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
        )
        ready = b""
        if self._process.stdout is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    ready = await self._process.stdout.readline()
        if not ready:
            await self.kill()
            raise NetworkError(
                "The local relay did not start.", why=f"Port {self._port} may be in use.", now="Try another port."
            )

    async def stop(self, timeout_s: float = 5.0) -> None:
        """End it in order; after `timeout_s` seconds, by force."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        # The pipes too, so that nothing of the process outlives it in our event loop.
        await process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    return int(port)


async def _serve(port: int) -> None:
    from nostr_sdk import LocalRelayBuilder

    builder = LocalRelayBuilder()  # type: ignore[no-untyped-call] # the generated constructor has no annotations
    relay = builder.addr(_HOST).port(port).build()
    await relay.run()
    sys.stdout.write(f"ws://{_HOST}:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.buffer.read)  # returns when whoever started us is gone
    relay.shutdown()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    _main()
