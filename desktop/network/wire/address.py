"""Where a node is found on the wire: a public key, and hints that only make finding it faster."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

SCHEME = "iroh"
MAX_URL_CHARS = 1024
MAX_ADDRESSES = 8
_ENDPOINT_ID = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[0-9A-Za-z.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]")


@dataclass(frozen=True, slots=True)
class WireAddress:
    """An endpoint's public key (64 hex digits), its relay and its direct addresses (`ip:port`).

    Written as `iroh://<endpoint id>?relay=<url>&addr=<ip:port>…`; both hints may be absent. The key alone says who
    answers: a wrong hint can make a peer unreachable, never someone else.
    """

    endpoint_id: str
    relay_url: str | None = None
    addresses: tuple[str, ...] = ()

    @classmethod
    def parse(cls, url: str) -> WireAddress:
        """Read the written form, which may come from a stranger. Raises ValueError with the reason."""
        if len(url) > MAX_URL_CHARS:
            raise ValueError("the address is too long")
        try:
            parts = urlsplit(url)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
        except ValueError:
            raise ValueError("the address is not a url") from None
        if parts.scheme != SCHEME or parts.path not in {"", "/"} or parts.fragment:
            raise ValueError("the address is not an iroh url")
        if not _ENDPOINT_ID.fullmatch(parts.netloc):
            raise ValueError("the endpoint id is not 64 lower-case hex digits")
        relays = [value for name, value in pairs if name == "relay"]
        addresses = [value for name, value in pairs if name == "addr"]
        if len(relays) > 1:
            raise ValueError("more than one relay")
        if len(addresses) > MAX_ADDRESSES:
            raise ValueError("too many direct addresses")
        return cls(parts.netloc, _relay(relays[0]) if relays else None, tuple(map(_socket_address, addresses)))

    def __str__(self) -> str:
        hints: list[tuple[str, str]] = [("relay", self.relay_url)] if self.relay_url else []
        hints += [("addr", address) for address in self.addresses]
        return f"{SCHEME}://{self.endpoint_id}" + (f"?{urlencode(hints, safe=':/[]')}" if hints else "")


def _relay(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("the relay is not a url") from None
    host = parts.netloc.rsplit(":", 1)[0] if parts.port is not None else parts.netloc
    if parts.scheme != "https" or not _HOST.fullmatch(host):
        raise ValueError("the relay is not an https url")
    return url


def _split(address: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 2**16):
        raise ValueError("a direct address has no usable port")
    try:
        return ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host), int(port)
    except ValueError:
        raise ValueError("a direct address is not an ip address and a port") from None


def _socket_address(address: str) -> str:
    ip, port = _split(address)
    return f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"  # noqa: PLR2004 - the version of the protocol
