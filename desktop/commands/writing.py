"""Writes one setting: through the door where a node runs, so that it hears of it, else into the file."""

from __future__ import annotations

import asyncio

from desktop.compose import Composition
from desktop.control import messages
from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.configuration import Configuration
from desktop.domain.errors import Unavailable
from desktop.machine.settings_file import load_settings, save_settings


def write_setting(home: Composition, name: str, text: str) -> bool:
    """Whether a running node heard of it. Raises SettingsError for what the setting may not be."""
    try:
        asyncio.run(_through_the_door(home, name, text))
    except Unavailable:
        folder = home.paths.config
        configuration = Configuration(
            lambda: (load_settings(folder, home.now_ms).settings, ""), lambda changed: save_settings(folder, changed)
        )
        configuration.write(name, text)
        return False
    return True


async def _through_the_door(home: Composition, name: str, text: str) -> None:
    async with DoorClient(door_in(home.paths.runtime)) as door:
        await door.ask(lambda number: messages.WriteSetting(id=number, name=name, value=text))
