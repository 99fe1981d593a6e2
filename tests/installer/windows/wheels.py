"""Every library of the lock as a wheel for Windows: `python -m tests.installer.windows.wheels FOLDER`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

from installer.payload.lock import LOCK


def for_windows(lock: str, python: str) -> list[str]:
    """The lines of a lock that hold for that Python on Windows, without the condition that says so."""
    system = {
        "os_name": "nt",
        "sys_platform": "win32",
        "platform_system": "Windows",
        "platform_machine": "AMD64",
        "platform_release": "10",
        "platform_version": "10.0.19045",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "extra": "",
    }
    lines = []
    for line in filter(None, lock.replace("\\\n", " ").splitlines()):
        named, _, hashes = line.partition("--hash")
        requirement = Requirement(named.strip())
        if requirement.marker is None or requirement.marker.evaluate(system):
            lines.append(f"{requirement.name}{requirement.specifier} --hash{hashes}")
    return lines


def main() -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write("\n".join(for_windows(LOCK.read_text(), python)))
        wanted.flush()
        line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        line += [
            "--platform",
            "win_amd64",
            "--python-version",
            python,
            "--require-hashes",
            "--requirement",
            wanted.name,
        ]
        subprocess.run([*line, "--dest", str(Path(sys.argv[1]))], check=True)


if __name__ == "__main__":
    main()
