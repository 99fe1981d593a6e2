"""A node that launches a worker, says so, and waits to be killed. Run as a module by `test_launcher`."""

import asyncio
import os
import sys
from pathlib import Path

from desktop.worker.sandbox.modes import SandboxMode
from tests.worker.scripted_launch import chat, scripted_launcher


async def main() -> None:
    mode, order = sys.argv[1:]
    worker = await scripted_launcher(Path(os.environ["HOME"]), modes=(SandboxMode(mode),)).launch()
    busy = asyncio.create_task(anext(worker.generate(chat(order, max_tokens=None))))
    await asyncio.wait([busy], timeout=0.3)
    sys.stdout.write(f"{' '.join(map(str, worker.pids))}\n")
    sys.stdout.flush()
    await worker.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
