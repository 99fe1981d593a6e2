"""The Python that a worker runs: interpreter, standard library, installed packages, our own code."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import desktop

_SHARED_WITH_THE_WORKER = ("__init__.py", "domain", "worker")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where everything lies on this computer.

    `prefix` is the folder the interpreter finds its standard library under; `stdlib` and `shared_library` (None where
    the interpreter is one file) lie below it or are named in full. `site` are folders of installed packages.
    `packages` are the top-level packages of our own, by name, each with the parts of it a worker may see.
    """

    interpreter: Path
    prefix: Path
    stdlib: Path
    shared_library: Path | None
    site: tuple[Path, ...]
    packages: dict[str, tuple[Path, tuple[str, ...]]]

    @classmethod
    def current(cls, engine: Path | None = None) -> Runtime:
        """The Python this process itself runs; `engine` is a folder of packages that come before all others."""
        shared = None
        if sysconfig.get_config_var("Py_ENABLE_SHARED"):
            folder, name = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME")
            candidates = [Path(sys.base_prefix, "lib", name), Path(folder, name)]
            shared = next((candidate for candidate in candidates if os.access(candidate, os.R_OK)), None)
        interpreter = Path(sys.executable).resolve()
        site: tuple[Path, ...] = () if engine is None else (engine,)
        site += tuple(
            folder
            for folder in map(Path, sys.path)
            if folder.name in {"site-packages", "dist-packages"} and folder.is_dir()
        )
        return cls(
            interpreter=interpreter,
            prefix=Path(sys.base_prefix).resolve(),
            stdlib=Path(sysconfig.get_path("stdlib")).resolve(),
            shared_library=shared,
            site=site,
            packages={"desktop": (Path(desktop.__file__).resolve().parent, _SHARED_WITH_THE_WORKER)},
        )
