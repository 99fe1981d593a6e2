"""Builds every installer: `python -m installer OUT`."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from installer import signing
from installer.linux import packages, selfextract, tree
from installer.payload import contents
from installer.payload.lock import CACHE
from installer.payload.source import Source
from installer.payload.targets import LINUX, WINDOWS
from installer.windows import setup
from installer.windows.authenticode import Authenticode


def main() -> None:
    """Build from the commit that is checked out, with that commit's own builder; say what came out."""
    parser = argparse.ArgumentParser(prog="python -m installer", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder to write; what is in it goes")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where downloaded tools are kept")
    arguments = parser.parse_args()
    source = Source.here()
    if source.exported:
        build(arguments.out, source, arguments.cache)
        return
    if source.differs():
        print("Note: what is changed here and not committed is not in the build.", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="hearth-commit-") as folder:
        source.export(Path(folder))
        line = [sys.executable, "-m", "installer", str(arguments.out.absolute()), "--cache", str(arguments.cache)]
        done = subprocess.run(line, cwd=folder, env=os.environ | {"PYTHONPATH": folder}, check=False)
    sys.exit(done.returncode)


def build(out: Path, source: Source, cache: Path) -> None:
    """Write all installers of an exported commit, their sums, and signatures where there is a key."""
    # Owner, time and order are the packages' own doing; the modes of files are not.
    os.umask(0o022)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="hearth-build-") as work:
        payload, usr = Path(work, "payload"), Path(work, "usr")
        contents.build(LINUX, payload, source, cache=cache)
        version = (payload / contents.VERSION).read_text().strip()
        tree.lay_out(usr, payload, source, version)
        for kind in packages.KINDS:
            packages.build(kind, usr, out, source, version, cache)
        selfextract.build(usr, out, source, version)
        windows = Path(work, "windows")
        contents.build(WINDOWS, windows, source, cache=cache)
        setup.build(windows, out, source, Authenticode.named(os.environ))
    contents.write_sums(out)
    signing.sign(out / contents.SUMS, f"Hearth {version}, commit {source.commit}")
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.name}")


if __name__ == "__main__":
    main()
