"""Who a worker runs as: the owner, or, where the node runs as root, a user that owns nothing at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from desktop.domain.errors import SandboxUnavailable

_DYNAMIC_USERS: Final = range(61184, 65520)
"""The range that systemd, and Debian after it, set aside for users who exist only while a service runs."""


def unprivileged_user() -> int:
    """A user id nobody has: no entry in the user database, no process now. Used for the group as well."""
    import pwd

    taken = {entry.pw_uid for entry in pwd.getpwall()} | _owners_of_processes()
    mapped = [uid for uid in _DYNAMIC_USERS if uid not in taken and _exists_here(uid)]
    if not mapped:
        raise SandboxUnavailable(
            "There is no free user id for the worker.",
            why="The node runs as root, the worker must not, and every id from 61184 to 65519 is taken or not mapped.",
            now="Run Hearth as an ordinary user.",
        )
    return secrets.choice(mapped)


def others_may_read(path: Path) -> bool:
    """Whether any user can reach and read `path` by its permission bits (access control lists are not looked at)."""
    resolved = path.resolve()
    if any(not parent.stat().st_mode & 0o001 for parent in resolved.parents):
        return False
    wanted = 0o005 if resolved.is_dir() else 0o004
    return resolved.stat().st_mode & wanted == wanted


def closed_to_others(path: Path) -> Path | None:
    """What of `path` itself and, if it is a folder, of what lies directly in it, only some may read; None if nothing.

    Its parents do not matter here: see `descend.py`.
    """
    content = list(path.iterdir()) if path.is_dir() else []
    for each in [path, *content]:
        wanted = 0o005 if each.is_dir() else 0o004
        if each.stat().st_mode & wanted != wanted:
            return each
    return None


def _owners_of_processes() -> set[int]:
    owners = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                owners.add(entry.stat().st_uid)
            except FileNotFoundError:
                continue
    return owners


def _exists_here(uid: int) -> bool:
    """In a container's user namespace only some ids exist."""
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        start, _, count = map(int, line.split())
        if start <= uid < start + count:
            return True
    return False
