"""A node that turns a Radeon's knob up and down until somebody kills it: `python -m … FOLDER ROOT`."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from desktop.domain.device import Device, DeviceKind
from desktop.domain.limits import Limits
from desktop.machine.limits.guard import WatchdogGuard
from desktop.machine.limits.journal import Journal
from desktop.machine.limits.keeper import LimitsKeeper
from desktop.machine.limits.power import LocalKnobs
from tests.fakes.sysfs import RADEON


async def main(folder: Path, root: Path, owner: str) -> None:
    keeper = LimitsKeeper(LocalKnobs(root), Journal(folder), WatchdogGuard(folder, owner, root), owner=owner)
    await keeper.recover()
    card = Device(RADEON, DeviceKind.AMD, None, 0, None)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    while True:
        # Now and then nothing is limited, and the watchdog leaves.
        share = None if random.random() < 0.02 else random.choice([0.72, 0.8, 0.9])
        await keeper.apply([(card, Limits(power_share=share))])
        await asyncio.sleep(random.uniform(0, 0.003))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
