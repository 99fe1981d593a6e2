"""What a person waits for, and what it weighs: the packages, an installation, the first start and the second.

The window on a screen, and clean systems, are tests.installer's; this starts the command line only. The first start
takes its libraries from wherever `uv` takes them here, which is no measure of anybody's line.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from installer.payload.lock import CACHE

ROOT = Path(__file__).parents[2]


def tell(line: str) -> None:
    """For whoever reads it, and for RESULTS.md."""
    sys.stdout.write(f"{line}\n")


def timed(*command: str | Path, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of processor."""
    used, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    took_s, now = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took_s, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def main() -> None:
    """Build, install into an empty home, start twice."""
    with tempfile.TemporaryDirectory() as folder:
        out, home = Path(folder, "out"), Path(folder, "home")
        home.mkdir()
        build = (sys.executable, "-m", "installer", str(out), "--cache", str(CACHE))
        took_s, _ = timed(*build, environment=os.environ | {"PYTHONPATH": str(ROOT)})
        tell(f"{took_s:6.1f} s          to build all of them")
        for path in sorted(out.iterdir()):
            if path.suffix in {".deb", ".rpm", ".run"}:
                tell(f"{path.stat().st_size / 1e6:6.1f} MB         {path.suffix}")
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "HEARTH_AS_ROOT": "1"}
        hearth = home / ".local/bin/hearth"
        (script,) = out.glob("*.run")
        for what, command in (
            (".run installed", ("/bin/sh", script, "--quiet")),
            ("first start, from the index configured here", (hearth, "--version")),
            ("second start, `hearth --version`", (hearth, "--version")),
            ("`hearth earnings` of an empty ledger", (hearth, "earnings")),
        ):
            took_s, used_s = timed(*command, environment=environment)
            tell(f"{took_s:6.2f} s {used_s:6.2f} s CPU  {what}")
        runtime = home / ".local/share/hearth/runtime"
        disk = subprocess.run(["/usr/bin/du", "-sm", runtime], capture_output=True, text=True, check=True).stdout
        tell(f"{disk.split()[0]:>6} MB         on disk for the environment and its cache")


if __name__ == "__main__":
    main()
