"""The rule for lists of web addresses: relays and mints."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.config.rules import NotAllowed, items_of, text_of
from desktop.config.toml import listed, quoted


@dataclass(frozen=True, slots=True)
class Addresses:
    """A list of web addresses; `schemes` are the encrypted one and the plain one, in that order.

    Plain is allowed to this computer itself, where nobody listens in, and to onion services, which encrypt on their
    own. Doubles are dropped, the order is kept.
    """

    schemes: tuple[str, str]
    most: int = 32
    kind: str = "list of addresses"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The form."""
        secure, plain = self.schemes
        secure_only = f"{plain}:// only to this computer or an onion service"
        return f"a list of at most {self.most} {secure}:// addresses ({secure_only})"

    def check(self, raw: object) -> tuple[str, ...]:
        """Each address without a slash at its end, scheme and host in small letters."""
        addresses = tuple(dict.fromkeys(self._one(item) for item in items_of(raw)))
        if len(addresses) > self.most:
            raise NotAllowed
        return addresses

    def write(self, value: object) -> str:
        """As TOML."""
        return listed([quoted(str(item)) for item in items_of(value)])

    def _one(self, raw: object) -> str:
        text = text_of(raw).strip()
        parts = urlsplit(text)
        host = parts.hostname or ""
        secure, plain = self.schemes
        if not host or not text.isascii() or any(character.isspace() for character in text) or parts.fragment:
            raise NotAllowed
        if parts.username is not None or parts.password is not None:  # would end up in logs and on relays
            raise NotAllowed
        if parts.scheme != secure and not (parts.scheme == plain and _stays_private(host)):
            raise NotAllowed
        port = "" if parts.port is None else f":{parts.port}"
        shown = f"[{host}]" if ":" in host else host
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{shown}{port}{parts.path.rstrip('/')}{query}"


@dataclass(frozen=True, slots=True)
class OneAddress:
    """One web address under the same rule, or nothing."""

    schemes: tuple[str, str]
    kind: str = "text"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The form."""
        secure, plain = self.schemes
        return f"an {secure}:// address ({plain}:// only to this computer or an onion service), or empty"

    def check(self, raw: object) -> str:
        """The address in its usual form."""
        text = text_of(raw).strip()
        return Addresses(self.schemes).check([text])[0] if text else ""

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


def _stays_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".onion"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
