"""What time a web server says it is (HTTP Date, RFC 9110 6.6.1), to see how far our own clock is off."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

WITHIN_S: Final = 4.0
_RESOLUTION_MS: Final = 1000
_SECURE: Final = frozenset({"https", "wss"})


def clock_ahead_ms(url: str, now_ms: Callable[[], int]) -> int | None:
    """How far our clock is ahead of the server's (negative: behind), within about a second; None if it does not tell.

    Blocking, at most a few seconds for an honest server. Relays (`wss://`) are asked over HTTP as NIP-11 describes.
    Only the host of `url` is contacted; nothing of the answer but its date is read.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    kind = http.client.HTTPSConnection if parts.scheme in _SECURE else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=WITHIN_S)
    except (http.client.HTTPException, ValueError):
        return None
    try:
        before_ms = now_ms()
        connection.request("HEAD", "/", headers={"Accept": "application/nostr+json"})
        told = connection.getresponse().getheader("Date")
        after_ms = now_ms()
        if told is None:
            return None
        # The server writes whole seconds, cut off: on average it is half a second later there.
        server_ms = round(parsedate_to_datetime(told).replace(tzinfo=UTC).timestamp() * 1000) + _RESOLUTION_MS // 2
    except (OSError, socket.gaierror, http.client.HTTPException, ValueError, TypeError, OverflowError):
        return None
    finally:
        connection.close()
    return (before_ms + after_ms) // 2 - server_ms
