"""The setup .exe, made by makensis from the payload."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.version import Version

from installer.payload.contents import ID, VERSION
from installer.payload.source import Source
from installer.windows import tree
from installer.windows.authenticode import Authenticode
from installer.windows.welcome import write_welcome


def build(
    payload: Path, out: Path, source: Source, authenticode: Authenticode | None = None, *, compression: str = "lzma"
) -> Path:
    """Make it of a Windows payload, in the folder `out`; `compression`: lzma is small, zlib quick. Needs `makensis`.

    Where there is a key, launcher, uninstaller and setup are signed with it. Without one, the same commit gives the
    same bytes.
    """
    version = (payload / VERSION).read_text().strip()
    target = out / f"hearth-{version}-setup.exe"
    with tempfile.TemporaryDirectory(prefix="hearth-setup-") as folder:
        app = Path(folder, "app")
        tree.lay_out(app, payload)
        defines = {
            "VERSION": version,
            "NUMBERS": numbers(version),
            "ID": (payload / ID).read_text().strip(),
            "ICON": str(app / tree.ICON),
            "COMPRESSION": compression,
        }
        launcher = app / tree.LAUNCHER
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(source.epoch_s), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        _compile("launcher.nsi", launcher, defines, environment, Path(folder))
        if authenticode:
            authenticode.sign(launcher)
            defines["SIGN"] = authenticode.command()
            environment |= authenticode.environment()
        tree.finish(app, source)
        defines["KILOBYTES"] = str(tree.kilobytes(app))
        picture = Path(folder, "welcome.bmp")
        write_welcome(picture)
        os.utime(picture, (source.epoch_s, source.epoch_s))  # which makensis keeps with it
        defines["PICTURE"] = str(picture)
        Path(folder, "files.nsh").write_text(tree.script(app))
        _compile("setup.nsi", target, defines, environment, Path(folder))
    if authenticode:
        authenticode.sign(target)
    return target


def numbers(version: str) -> str:
    """A version as Windows wants it, four numbers, and nothing else: `1.2rc3` is 1.2.0.0."""
    release = (*Version(version).release, 0, 0, 0, 0)
    return ".".join(map(str, release[:4]))


def _compile(script: str, target: Path, defines: dict[str, str], environment: dict[str, str], made: Path) -> None:
    line = ["makensis", "-V2", "-WX", "-NOCD", "-XTarget amd64-unicode"]
    line += [f'-X!addincludedir "{each}"' for each in (tree.FILES, made)]
    line += [f"-D{name}={value}" for name, value in {**defines, "OUT": str(target)}.items()]
    line += [str(tree.FILES / script)]
    subprocess.run(line, env=environment, stdout=sys.stderr, check=True)
