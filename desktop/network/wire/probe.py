"""Dialling a provider by its public key, to see whether anybody could: no HTTP, nothing sent."""

from __future__ import annotations

import asyncio
import contextlib
import time

from iroh import EndpointAddr, EndpointId, IrohError

from desktop.domain.errors import ProviderUnreachable
from desktop.network.wire.address import WireAddress
from desktop.network.wire.reach import ALPN, Reach, bind


async def dial(address: WireAddress, reach: Reach, within_s: float) -> float:
    """Connect as a stranger would, with a key of its own, and hang up; returns how many milliseconds that took.

    Raises ProviderUnreachable with the reason, NetworkError if no socket can be had. Seen from this computer: a
    network that lets us out and back in may still keep others out.
    """
    endpoint = await bind(reach, secret=None, accept=False)
    try:
        wanted = EndpointId.from_string(address.endpoint_id)
        started = time.perf_counter()
        async with asyncio.timeout(within_s):
            connection = await endpoint.connect(EndpointAddr(wanted, address.relay_url, list(address.addresses)), ALPN)
        took_ms = (time.perf_counter() - started) * 1000
        connection.close(0, b"")
    except TimeoutError:
        raise ProviderUnreachable("It could not be reached.", why="It did not answer in time.") from None
    except IrohError as error:
        raise ProviderUnreachable(
            "It could not be reached.", why=f"The wire said: {error.kind().name.lower()}."
        ) from None
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await endpoint.close()
    return took_ms
