"""Finds the mode that works here, and prints it, whether it held, and why not a stronger one."""

import asyncio
import os
import sys
from pathlib import Path

from desktop.worker.sandbox.modes import SandboxMode
from tests.worker.scripted_launch import chat, scripted_launcher


async def main() -> None:
    launcher = scripted_launcher(Path(os.environ["HOME"]))
    report = await launcher.inspect(compute=True)
    worker = await launcher.launch()
    events = [event async for event in worker.generate(chat("count 3"))]
    assert len(events) >= 2
    await worker.stop(1.0)
    sys.stdout.write(f"{report.mode.value}\n{report.passed}\n{report.not_available[SandboxMode.NAMESPACES]}\n")


if __name__ == "__main__":
    asyncio.run(main())
