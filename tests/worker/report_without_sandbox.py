"""Tries the mode that is none, and prints the mode and whether it held. Run as a module by `test_launcher`."""

import asyncio
import os
import sys
from pathlib import Path

from desktop.worker.sandbox.modes import SandboxMode
from tests.worker.scripted_launch import scripted_launcher


async def main() -> None:
    launcher = scripted_launcher(Path(os.environ["HOME"]), modes=(SandboxMode.NONE,))
    report = await launcher.inspect(compute=False)
    got_out = [line.name for line in report.lines if not line.passed]
    sys.stdout.write(f"{report.mode.value}\n{len(got_out)}\n")


if __name__ == "__main__":
    asyncio.run(main())
