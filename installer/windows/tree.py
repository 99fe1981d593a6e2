"""Lays out what the setup holds, as it will lie in the program's folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from installer.payload.contents import SUMS, settle, write_sums
from installer.payload.source import ROOT, Source
from installer.windows.icon import ico

FILES: Final = Path(__file__).parent / "files"
LAUNCHER: Final = "Hearth.exe"
ICON: Final = "hearth.ico"
_COMMANDS: Final = ("hearth.cmd", "prompt.cmd")


def lay_out(app: Path, payload: Path) -> None:
    """Write all of it but the launcher into `app`, a folder that is made."""
    shutil.copytree(payload, app)
    (app / SUMS).unlink()
    shutil.copy(Path(__file__).parent / "check.py", app)
    for name in _COMMANDS:
        path = app / "bin" / name
        path.parent.mkdir(exist_ok=True)
        # Windows' own line ends: its command interpreter loses labels without them.
        path.write_text((FILES / name).read_text("ascii"), "ascii", newline="\r\n")
    (app / ICON).write_bytes(ico())
    (app / "LICENSE.txt").write_text((ROOT / "LICENSE").read_text("utf-8"), "utf-8", newline="\r\n")


def finish(app: Path, source: Source) -> None:
    """Sum up what is in `app` by now, the launcher included, and give all of it the commit's time."""
    write_sums(app)
    settle(app, source.epoch_s)


def kilobytes(app: Path) -> int:
    """How much room the files in `app` take, rounded up."""
    return sum(path.stat().st_size for path in app.rglob("*") if path.is_file()) // 1024 + 1


def script(app: Path) -> str:
    """The part of the setup's script that names every file: put down, the launcher last; and taken away."""
    names = sorted((path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()), key=_order)
    folders = sorted({name.rpartition("/")[0] for name in names} - {""})
    lines = ["Function PutFiles", "  AllowSkipFiles off"]
    for name in names:
        folder = name.rpartition("/")[0]
        lines += [f'  SetOutPath "{_inside(folder)}"', f'  File "{app / name}"']
    lines += ["FunctionEnd", "Function un.TakeFiles"]
    lines += [f'  Delete "{_inside(name)}"' for name in names]
    lines += [f'  RMDir "{_inside(folder)}"' for folder in reversed(folders)]
    return "\n".join([*lines, "FunctionEnd", ""])


def _order(name: str) -> tuple[bool, str]:
    return name == LAUNCHER, name


def _inside(name: str) -> str:
    return "\\".join(("$INSTDIR", *filter(None, name.split("/"))))
