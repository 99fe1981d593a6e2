"""Addresses of mints: one way to write each, so that they can be compared."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from desktop.domain.errors import SettingsError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MOST_CHARACTERS: Final = 512


def normalise(url: str) -> str:
    """The one spelling of a mint's address: lower-case scheme and host, no default port, no slash at the end.

    Raises SettingsError unless it is https, or plain http to this very computer or an onion service, where nobody
    can listen in. Names, passwords, queries and fragments are refused.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _unusable() from None
    if len(url) > _MOST_CHARACTERS or not url.isascii() or not url.isprintable():
        raise _unusable()
    if parts.scheme not in _DEFAULT_PORTS or not host or " " in url or "\\" in url:
        raise _unusable()
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or url.endswith("?"):
        raise _unusable()
    if parts.scheme == "http" and not (_is_loopback(host) or host.endswith(".onion")):
        raise _unusable(why="Without https anyone on the way could take the money.")
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{shown}:{port}"
    return f"{parts.scheme}://{authority}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unusable(why: str = "") -> SettingsError:
    return SettingsError(
        "This is not the address of a mint.", why=why, now="Mint addresses look like https://mint.example.com."
    )
