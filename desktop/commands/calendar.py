"""Local days and hours as edges in UTC milliseconds, right across daylight saving."""

from __future__ import annotations

from datetime import datetime, timedelta


def day_edges(now: datetime, days: int) -> list[int]:
    """`days` + 1 local midnights in UTC milliseconds, the last one being the end of today. `now` is aware."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return [_local_ms(midnight + timedelta(days=offset)) for offset in range(1 - days, 2)]


def hour_edges(now_ms: int, hours: int) -> list[int]:
    """`hours` + 1 full hours in UTC milliseconds, the last one being the end of this hour."""
    hour_ms = 3_600_000
    end = (now_ms // hour_ms + 1) * hour_ms
    return [end - hour_ms * offset for offset in range(hours, -1, -1)]


def _local_ms(local: datetime) -> int:
    return round(local.astimezone().timestamp() * 1000)
