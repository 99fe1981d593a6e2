"""Where the door is: a Unix socket only its owner may use, or a loopback port behind a secret in a user-only file."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desktop.domain.errors import StorageUnusable, Unavailable

# The least of the limits of the systems we know; Linux allows 107 bytes.
LONGEST_SOCKET_PATH: Final = 100
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """A Unix socket."""

    path: Path


@dataclass(frozen=True, slots=True)
class PortAddress:
    """A port of 127.0.0.1; whoever can read `file` (its owner) knows the token."""

    file: Path


DoorAddress = SocketAddress | PortAddress


@dataclass(frozen=True, slots=True)
class Port:
    """An open port with the token that opens it."""

    number: int
    token: str = field(repr=False)


def door_in(folder: Path) -> DoorAddress:
    """The address of the door for a runtime folder, as this system wants it."""
    if sys.platform == "win32":
        return PortAddress(folder / "door.json")
    path = folder / "door.sock"
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise StorageUnusable(
            "The path of the control socket is too long.",
            why=f"{path} has {len(os.fsencode(path))} bytes, a socket's name may have {LONGEST_SOCKET_PATH}.",
            now="Choose a data folder with a shorter path.",
        )
    return SocketAddress(path)


def require_own(path: Path) -> None:
    """Raise Unavailable if there is nothing, or if another user made what is there: their door is not ours."""
    try:
        owner = path.lstat().st_uid
    except OSError:
        raise Unavailable("Hearth is not running.", now="Start it with `hearth` or `hearth node`.") from None
    if sys.platform != "win32" and owner != os.getuid():
        raise Unavailable(
            "The control socket belongs to another user.",
            why="Hearth does not talk to a node it did not start.",
            now="Start Hearth as the user who owns it, or remove the socket.",
        )


def new_token() -> str:
    """A secret nobody can guess."""
    return secrets.token_hex(TOKEN_BYTES)


def write_port(file: Path, port: Port) -> None:
    """Write the port and its token where only the owner can read them."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump({"port": port.number, "token": port.token}, out)


def read_port(file: Path) -> Port:
    """The port of a running node, or Unavailable."""
    require_own(file)
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return Port(number=int(told["port"]), token=str(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise Unavailable(
            "The file that says where Hearth runs cannot be read.", now="Stop the node and start it again."
        ) from None
