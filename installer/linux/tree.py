"""Lays out what the packages hold, as it will lie below /usr."""

from __future__ import annotations

import gzip
import shutil
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Final

from installer.linux.icons import write_icons
from installer.linux.manual import man_page
from installer.payload.contents import SUMS, settle, write_sums
from installer.payload.source import ROOT, Source

FILES: Final = Path(__file__).parent / "files"
LAUNCHER: Final = Path(__file__).parent / "launcher"
MAINTAINER: Final = "The Hearth developers <hearth@hearth.invalid>"


def lay_out(usr: Path, payload: Path, source: Source, version: str) -> None:
    """Write all of it below `usr`, an empty folder, each file with the commit's time."""
    app = usr / "lib" / "hearth"
    shutil.copytree(payload, app)
    for script in LAUNCHER.iterdir():
        shutil.copy(script, app)
    (app / SUMS).unlink()
    write_sums(app)
    share = usr / "share"
    write_icons(share / "icons" / "hicolor")
    _write(share / "applications" / "hearth.desktop", _file("hearth.desktop"))
    day = datetime.fromtimestamp(source.epoch_s, UTC).date().isoformat()
    metainfo = _file("hearth.metainfo.xml").replace("@VERSION@", version).replace("@DATE@", day)
    _write(share / "metainfo" / "hearth.metainfo.xml", metainfo)
    _compress(share / "man" / "man1" / "hearth.1.gz", man_page(version, source.epoch_s))
    _write(share / "hearth" / "apparmor", _file("apparmor"))
    documents = share / "doc" / "hearth"
    licence = "\n".join(f" {line}" if line else " ." for line in (ROOT / "LICENSE").read_text().splitlines()[4:])
    _write(documents / "copyright", _file("copyright").replace("@LICENSE@", licence))
    _compress(documents / "changelog.gz", changelog(version, source.epoch_s))
    _compress(documents / "NEWS.gz", (ROOT / "CHANGELOG.md").read_text())
    _write(
        usr / "lib" / "systemd" / "user" / "hearth.service",
        _file("hearth.service").replace("@HEARTH@", "/usr/bin/hearth"),
    )
    settle(usr, source.epoch_s)


def changelog(version: str, epoch_s: int) -> str:
    """Debian's form of it, one entry: this version. What changed stands in NEWS, in people's words."""
    when = formatdate(epoch_s, localtime=False, usegmt=False).replace("-0000", "+0000")
    return f"hearth ({version}) stable; urgency=medium\n\n  * What changed: see NEWS.gz.\n\n -- {MAINTAINER}  {when}\n"


def _file(name: str) -> str:
    return (FILES / name).read_text("utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _compress(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
