"""Speaking to the running node through its door, as the window does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from desktop.compose import Composition
from desktop.control import messages
from desktop.control.address import door_in
from desktop.control.answers import Result
from desktop.control.client import DoorClient


def knock(home: Composition, make: Callable[[int], messages.AnyRequest]) -> Result:
    """The running node's answer to the request `make` builds. Raises Unavailable, or what the node refuses with."""

    async def ask() -> Result:
        async with DoorClient(door_in(home.paths.runtime)) as door:
            return await door.ask(make)

    return asyncio.run(ask())
