"""The demo with its window: the app as an owner sees it, while a buyer keeps asking."""

from __future__ import annotations

import asyncio
import sys
from itertools import cycle
from typing import Final

from desktop.commands.console import Console, sats
from desktop.commands.demo.scenario import QUESTIONS, question
from desktop.commands.demo.stage import Stage
from desktop.domain.errors import FundsShort, HearthError
from desktop.ui.preferences import PreferencesFile

PAUSE_S: Final = 4.0
REFILL_SAT: Final = 2000


async def show(stage: Stage, console: Console) -> int:
    """Open the window over the demo's node and buy until the window is quit; its exit status."""
    home = stage.node_home.paths
    preferences = PreferencesFile(home.config / "window.json")
    preferences.values.welcomed = True
    preferences.save()
    console.say()
    console.say("The window shows the demo's node. Close it from the tray, or with Ctrl+Q in it.")
    window = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "desktop", "--attach", "--home", str(home.data.parent)),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    asking = asyncio.create_task(_keep_asking(stage, console))
    try:
        return await window.wait()
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        if window.returncode is None:
            window.terminate()
            await window.wait()


async def _keep_asking(stage: Stage, console: Console) -> None:
    for text in cycle(QUESTIONS):
        try:
            async with stage.buyer.ask(question(text, stream=True)) as answer:
                async for _ in answer:
                    pass
            if (bill := answer.bill) is not None and bill.charged is not None:
                console.say(f"  “{text}” was answered for {sats(bill.charged)} sat.")
        except FundsShort:
            await stage.fund(REFILL_SAT)
        except HearthError as error:
            # Paused by the owner, say: that is what the window is there to try.
            console.say(f"  “{text}” was not answered: {error.what}")
        await asyncio.sleep(PAUSE_S)
