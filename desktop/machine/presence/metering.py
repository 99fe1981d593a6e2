"""Whether the network is paid by the byte, as NetworkManager knows or guesses."""

from __future__ import annotations

from typing import Final

from desktop.machine.presence.bus import Bus, Service
from desktop.machine.presence.source import SourceFailed

NETWORK_MANAGER: Final = Service(
    "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager"
)
# NMMetered: 1 yes, 2 no, 3 and 4 the same as guesses, 0 unknown.
_METERED: Final = {1: True, 2: False, 3: True, 4: False}


async def network_metered(bus: Bus) -> bool:
    """Whether the connection in use is metered."""
    value = await bus.property(NETWORK_MANAGER, "Metered")
    metered = _METERED.get(value) if isinstance(value, int) else None
    if metered is None:
        raise SourceFailed("it does not know")
    return metered
