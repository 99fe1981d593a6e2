"""Where a chart's bars begin and end, in the owner's time zone: hours, days, weeks or months by the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from typing import Final

_DAYS_AS_DAYS: Final = 62
_DAYS_AS_WEEKS: Final = 400
_DECEMBER: Final = 12


class Span(Enum):
    """How far a chart looks back."""

    DAY = "24 h"
    WEEK = "7 days"
    MONTH = "30 days"
    ALL = "all"


class Step(Enum):
    """How long a bar is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def edges(
    span: Span, now_ms: int, *, first_ms: int | None = None, zone: tzinfo | None = None
) -> tuple[Step, tuple[int, ...]]:
    """The step and the edges of its bars, ascending; the last bar holds `now_ms`.

    `first_ms` is where `ALL` begins. `zone` None is the time zone of this computer. A day that daylight saving makes
    23 or 25 hours long is one bar, and every edge lies on a quarter of an hour.
    """
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    if span is Span.DAY:
        # Hours are counted in time that passes, not by the clock's face: an hour that is repeated has two bars.
        full = now_ms - (now.minute * 60_000 + now.second * 1000 + now.microsecond // 1000)
        return Step.HOUR, tuple(full + (hour - 23) * 3_600_000 for hour in range(25))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if span is not Span.ALL:
        days = 7 if span is Span.WEEK else 30
        return Step.DAY, _walk(midnight - timedelta(days=days - 1), midnight, _next_day, zone)
    first = midnight if first_ms is None else datetime.fromtimestamp(first_ms / 1000, zone).replace(tzinfo=None)
    first = min(first, midnight).replace(hour=0, minute=0, second=0, microsecond=0)
    age = (midnight - first).days
    if age <= _DAYS_AS_DAYS:
        return Step.DAY, _walk(min(first, midnight - timedelta(days=6)), midnight, _next_day, zone)
    if age <= _DAYS_AS_WEEKS:
        return Step.WEEK, _walk(first - timedelta(days=first.weekday()), midnight, _next_week, zone)
    return Step.MONTH, _walk(first.replace(day=1), midnight, _next_month, zone)


def _walk(
    first: datetime, last: datetime, following: Callable[[datetime], datetime], zone: tzinfo | None
) -> tuple[int, ...]:
    walked = [first]
    while walked[-1] <= last:
        walked.append(following(walked[-1]))
    return tuple(_at_ms(each, zone) for each in walked)


def _at_ms(wall: datetime, zone: tzinfo | None) -> int:
    return round((wall if zone is None else wall.replace(tzinfo=zone)).timestamp() * 1000)


def _next_day(at: datetime) -> datetime:
    return at + timedelta(days=1)


def _next_week(at: datetime) -> datetime:
    return at + timedelta(days=7)


def _next_month(at: datetime) -> datetime:
    return at.replace(year=at.year + 1, month=1) if at.month == _DECEMBER else at.replace(month=at.month + 1)
