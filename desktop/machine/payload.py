"""What an installer laid down beside this program, where one did."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

FOLDER: Final = "HEARTH_PAYLOAD"
"""The environment variable in which the installed `hearth` names the payload's folder to the program it starts."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The folder an installer filled: our wheel, the hashed list of libraries, `uv`, the installed command itself."""

    folder: Path

    @classmethod
    def installed(cls, environ: Mapping[str, str]) -> Self | None:
        """The payload this program was started from; None in a checkout, or where it is gone."""
        folder = Path(environ.get(FOLDER, ""))
        return cls(folder) if folder.is_absolute() and folder.is_dir() else None

    @property
    def uv(self) -> Path:
        """The program that installs libraries."""
        return self.folder / ("uv.exe" if sys.platform == "win32" else "uv")

    @property
    def command(self) -> Path:
        """What starts Hearth, whichever version is installed then: for autostart and for starting it anew."""
        return self.folder / ("hearth.exe" if sys.platform == "win32" else "hearth")
