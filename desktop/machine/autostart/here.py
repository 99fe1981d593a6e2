"""Every autostart of the system this runs on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from desktop.machine.autostart.switch import Autostart, program_of
from desktop.machine.paths import Paths

if sys.platform == "win32":
    from desktop.machine.autostart.windows import autostarts
else:
    from desktop.machine.autostart.linux import autostarts


def autostarts_of(environ: Mapping[str, str], user: Path, paths: Paths) -> tuple[Autostart, ...]:
    """Those of this Hearth, the window's first; one with a `--home` of its own has entries of its own."""
    home = None if paths == Paths.of_user(environ, user) else paths.data.parent
    own = (
        ""
        if home is None
        else "-" + hashlib.sha256(str(home.absolute()).encode(errors="surrogateescape")).hexdigest()[:8]
    )
    return autostarts(environ, user, f"hearth{own}", program_of(environ, Path(sys.executable)), home)
