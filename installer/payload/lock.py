"""The list of libraries with the hash of every file that may be installed: `python -m installer.payload.lock`.

Made for every system and Python at once, so that one list serves all installers. It names no index: whoever installs
decides where the files come from, and the hashes decide whether they are the right ones.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from installer.payload.source import ROOT
from installer.payload.targets import LINUX
from installer.payload.tools import fetch, unpack

LOCK: Final = ROOT / "installer" / "payload" / "requirements.lock"
CACHE: Final = ROOT / "build" / "tools"
OLDEST_PYTHON: Final = "3.11"


def compile_lock(lock: Path = LOCK) -> None:
    """Bring `lock` up to what `pyproject.toml` asks for; versions already in it stay where they still fit."""
    tool = LINUX.tools[0]
    with tempfile.TemporaryDirectory() as folder:
        unpack(tool, fetch(tool, CACHE), Path(folder))
        line = [f"{folder}/uv", "pip", "compile", "--quiet", "--no-config", "--universal", "--generate-hashes"]
        line += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        line += ["--python-version", OLDEST_PYTHON, "--output-file", str(lock), str(ROOT / "pyproject.toml")]
        subprocess.run(line, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    compile_lock()
