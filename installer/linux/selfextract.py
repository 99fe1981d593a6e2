"""The .run: a self-extracting archive that installs for one user, on any distribution, without an administrator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from installer.linux.tree import FILES
from installer.payload.contents import settle
from installer.payload.source import Source


def build(usr: Path, out: Path, source: Source, version: str) -> Path:
    """Make it of the tree `usr`, in the folder `out`. Needs `makeself`."""
    target = out / f"hearth-{version}-x86_64.run"
    with tempfile.TemporaryDirectory(prefix="hearth-run-") as folder:
        inside = Path(folder, "hearth")
        shutil.copytree(usr / "lib" / "hearth", inside / "app")
        for part in ("applications", "icons", "man", "metainfo"):
            shutil.copytree(usr / "share" / part, inside / "share" / part)
        shutil.copy(FILES / "install", inside)
        shutil.copy(FILES / "use", inside)
        shutil.copy(FILES / "hearth.service", inside)
        settle(inside, source.epoch_s)
        tar = f"--format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime=@{source.epoch_s}"
        # gzip, because every system has it; with the n it leaves out what time it is.
        line = ["makeself", "--nox11", "--sha256", "--gzip", "--complevel", "9n", "--quiet"]
        line += ["--packaging-date", str(source.epoch_s), "--tar-extra", tar]
        # Its own command line is written into it: no names of folders that are others the next time.
        line += [inside.name, target.name, f"Hearth {version}", "./install"]
        environment = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
        subprocess.run(line, cwd=folder, env=environment, stdout=sys.stderr, check=True)
        shutil.move(Path(folder, target.name), target)
    return target
