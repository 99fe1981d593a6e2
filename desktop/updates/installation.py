"""How this Hearth was installed, and what that allows: a package of the system is the system's to replace."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.machine.payload import Payload

APP_FOLDER: Final = re.compile(r"app-[0-9a-f]{16}")
_DPKG: Final = Path("/var/lib/dpkg/info/hearth.list")
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


class Kind(StrEnum):
    """What laid this program down. The first four are also the kinds of installers."""

    DEB = "deb"
    RPM = "rpm"
    RUN = "run"
    WINDOWS = "windows"
    CHECKOUT = "checkout"


@dataclass(frozen=True, slots=True)
class Installation:
    """`folder` is the payload's; None for a checkout, which nobody but its owner touches."""

    kind: Kind
    machine: str
    folder: Path | None = None

    @property
    def replaces_itself(self) -> bool:
        """Whether it can be replaced, and taken back, without anybody's rights."""
        return self.kind is Kind.RUN

    def command(self, installer: Path) -> str:
        """What its owner types to install a downloaded installer; empty where that is not the way."""
        match self.kind:
            case Kind.DEB:
                return f"sudo apt install {installer}"
            case Kind.RPM:
                return f"sudo dnf install {installer}"
            case Kind.WINDOWS:
                return f'"{installer}" /S'
            case _:
                return ""


def find_installation(environ: Mapping[str, str], *, dpkg: Path = _DPKG) -> Installation:
    """The one this process was started from."""
    payload = Payload.installed(environ)
    named = platform.machine().lower()
    machine = _MACHINES.get(named, named)
    if payload is None:
        return Installation(Kind.CHECKOUT, machine)
    folder = payload.folder
    if sys.platform == "win32":
        return Installation(Kind.WINDOWS, machine, folder)
    if APP_FOLDER.fullmatch(folder.name) and (folder / "use").is_file():
        return Installation(Kind.RUN, machine, folder)
    return Installation(Kind.DEB if dpkg.exists() else Kind.RPM, machine, folder)
