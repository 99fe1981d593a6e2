"""The sleep watch of the system this runs on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from desktop.machine.sleep import Notice, Sleeper, SleepWatch

if sys.platform == "win32":
    from desktop.machine.windows import slept_ms
else:
    from desktop.machine.linux import slept_ms


def sleep_watch(sleeper: Sleeper, environ: Mapping[str, str], now_ms: Callable[[], int]) -> SleepWatch:
    """Tells `sleeper`; `run` it in a task. Outside Linux a sleep is noticed only when it is over."""
    return SleepWatch(sleeper, _notice(environ), slept_ms=slept_ms, now_ms=now_ms)


def _notice(environ: Mapping[str, str]) -> Notice | None:
    if sys.platform != "linux":
        return None
    from desktop.machine.presence.bus import SYSTEM_BUS
    from desktop.machine.sleep_notice import LogindNotice

    return LogindNotice(environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS)
