"""A Windows Python for Wine, of parts that package registries and this computer have. For tests; nothing of it ships.

The library is CPython's own for Windows, as the game engine panda3d brings it; the standard library is this Python's,
whose minor version is the same; the two small programs around them, and what Wine lacks, are in `shims`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Final

ENGINE: Final = "panda3d==1.10.16"
C_LIBRARY: Final = "msvc-runtime==14.44.35112"
SHIMS: Final = Path(__file__).parent / "shims"
TAG: Final = f"{sys.version_info.major}{sys.version_info.minor}"
_COMPILE: Final = ("/usr/bin/x86_64-w64-mingw32-gcc", "-O2", "-s", "-Wall")
_OBJDUMP: Final = "/usr/bin/x86_64-w64-mingw32-objdump"
# Of no use without a terminal, a compiler or the tests themselves.
_LEFT_OUT: Final = ("site-packages", "lib-dynload", "test", "__pycache__", "config-*", "idlelib", "dist-packages")
_LIBRARIES: Final = ("libffi-8.dll", "libcrypto-3.dll", "libssl-3.dll", "sqlite3.dll")


def assemble(folder: Path, work: Path) -> None:
    """Make it in `folder`; `work` is for what is needed on the way. Needs mingw, and a way to the registry."""
    engine, c_library = _fetch(work)
    (folder / "DLLs").mkdir(parents=True)
    with zipfile.ZipFile(c_library) as archive:
        for name in archive.namelist():
            if name.endswith(".dll"):
                (folder / name.rpartition("/")[2]).write_bytes(archive.read(name))
    with zipfile.ZipFile(engine) as archive:
        for name in archive.namelist():
            short = name.rpartition("/")[2]
            if name.startswith("deploy_libs/") and (short.endswith(".pyd") or short in _LIBRARIES):
                (folder / "DLLs" / short).write_bytes(archive.read(name))
        library = folder / f"python{TAG}.dll"
        library.write_bytes(archive.read(f"deploy_libs/{library.name}"))
    shutil.copytree(sysconfig.get_path("stdlib"), folder / "Lib", ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (folder / "Lib" / "site-packages").mkdir()
    named = f'-DLIBRARY=L"{library.name}"'
    launchers = folder / "Lib" / "venv" / "scripts" / "nt"
    launchers.mkdir(parents=True, exist_ok=True)
    for window, name in (((), "python.exe"), (("-mwindows",), "pythonw.exe")):
        _compile("-municode", *window, named, "-o", str(folder / name), str(SHIMS / "python.c"))
        _compile("-municode", *window, "-o", str(launchers / name), str(SHIMS / "venv.c"))
    _forward(library, folder / "python3.dll", work)
    build_library("mscms", folder)


def build_library(name: str, folder: Path) -> None:
    """One of the shims that are libraries, in `folder`."""
    _compile("-shared", "-o", str(folder / f"{name}.dll"), str(SHIMS / f"{name}.c"), "-ladvapi32")


def _fetch(work: Path) -> tuple[Path, Path]:
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    line += ["--platform", "win_amd64", "--dest", str(work), ENGINE, C_LIBRARY]
    subprocess.run(line, check=True)
    (engine,), (c_library,) = work.glob("panda3d-*.whl"), work.glob("msvc_runtime-*.whl")
    return engine, c_library


def _forward(library: Path, target: Path, work: Path) -> None:
    """python3.dll, which packages for any Python 3 load: hands every name on to the real library."""
    told = subprocess.run([_OBJDUMP, "-p", str(library)], capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"\b_?Py\w+$", told.split("Ordinal/Name Pointer", 1)[1], re.MULTILINE)))
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"  {name} = {library.stem}.{name}" for name in names)]
    exports, nothing = work / "python3.def", work / "nothing.c"
    exports.write_text("\n".join(lines) + "\n")
    nothing.write_text("int nothing;\n")
    _compile("-shared", "-nostdlib", "-e", "0", "-o", str(target), str(nothing), str(exports))


def _compile(*arguments: str) -> None:
    subprocess.run([*_COMPILE, *arguments], check=True)
