"""What is to be fetched, and how far it has come."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.domain.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file at `url`.

    `bytes` and `sha256` (hex) are what is known of it beforehand. Where they are known, anything else is refused;
    where they are not, the transfer tells what came, and it is for the caller to record that. Raises SettingsError
    for an address that nobody between could be kept from changing: only https is fetched, and http from this
    computer itself.
    """

    url: str
    bytes: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if not is_fetchable(self.url):
            raise SettingsError(
                f"{shown(self.url)} is not an address to download from.",
                why="Only https addresses are, and http on this computer itself.",
                now="Correct the address in the settings.",
            )


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that arrived whole."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer is. `bytes_per_s` and `left_s` are None until there is something to reckon from."""

    done_bytes: int
    total_bytes: int | None
    bytes_per_s: float | None = None
    left_s: float | None = None


def is_fetchable(url: str) -> bool:
    """Whether the address may be contacted: https anywhere, http on this computer; no user or password in it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def shown(url: str) -> str:
    """The address without what may be a secret: no query, no user."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "The address"
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
