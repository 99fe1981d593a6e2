"""The presence sensor of the system this runs on."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from desktop.machine.presence.windows import open_presence
else:
    from desktop.machine.presence.linux import open_presence

__all__ = ["open_presence"]
