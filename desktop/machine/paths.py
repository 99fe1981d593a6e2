"""Where Hearth keeps its files on this computer, for this user alone."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from desktop.domain.errors import StorageUnusable

if sys.platform == "win32":
    from desktop.machine.windows import base_folders, intruders
else:
    from desktop.machine.linux import base_folders, intruders

_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one Hearth. All are absolute; none needs to exist before `create`."""

    data: Path
    config: Path
    cache: Path
    log: Path
    runtime: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str], user: Path) -> Paths:
        """The folders this system gives its users' programs; `user` is the user's home folder."""
        return cls(**base_folders(environ, user))

    @classmethod
    def below(cls, home: Path) -> Paths:
        """All folders inside one (`--home`): a Hearth of its own, apart from the user's."""
        home = home.absolute()
        return cls(home / "data", home / "config", home / "cache", home / "log", home / "run")

    def create(self) -> None:
        """Make what is missing, close what is ours to other users, and make sure that files can be written.

        Raises:
            StorageUnusable: a folder that is a file, belongs to another user, or cannot be written.
        """
        for folder in astuple(self):
            _create(folder)


def _create(folder: Path) -> None:
    advice = f"Check {folder} and the disk it is on, or choose another place with --home."
    try:
        # `parents=True` would give what is missing above it the usual mode.
        folder.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        if intruders(folder.stat()):
            folder.chmod(_PRIVATE)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise StorageUnusable(
            f"The folder {folder} cannot be used.", why=f"The system says: {error.strerror}.", now=advice
        ) from error
    if reason := intruders(folder.stat()):
        raise StorageUnusable(f"The folder {folder} is not private.", why=reason, now=advice)
