"""Numbers, money, times and spans as people of a place write them. What is unknown is a dash, never zero."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QDateTime, QLocale

from desktop.ui.language import tr

UNKNOWN: Final = "—"
_MSAT: Final = 1000
_SECOND_MS: Final = 1000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_GIB: Final = 2**30
_MIB: Final = 2**20


def number(value: float | None, decimals: int = 0) -> str:
    """A number with the separators of the place."""
    if value is None:
        return UNKNOWN
    return QLocale().toString(float(value), "f", decimals)


def sats(msat: int | None) -> str:
    """Sats without the unit: whole ones where there are many, thousandths where there are few. Never rounded up."""
    if msat is None:
        return UNKNOWN
    size = abs(msat)
    if size % _MSAT == 0 or size >= 1000 * _MSAT:
        step, decimals = _MSAT, 0
    elif size >= 10 * _MSAT:
        step, decimals = 100, 1
    else:
        step, decimals = 1, 3
    kept = size // step * step
    return number((kept if msat >= 0 else -kept) / _MSAT, decimals)


def money(msat: int | None) -> str:
    """Sats with the unit."""
    return UNKNOWN if msat is None else tr("{amount} sat").format(amount=sats(msat))


def percent(share: float | None, decimals: int = 0) -> str:
    """A share of 1 in percent, without the sign."""
    return UNKNOWN if share is None else number(share * 100, decimals)


def clock(at_ms: int | None) -> str:
    """The local time of day."""
    if at_ms is None:
        return UNKNOWN
    return QLocale().toString(QDateTime.fromMSecsSinceEpoch(at_ms).time(), QLocale.FormatType.ShortFormat)


def day(at_ms: int | None) -> str:
    """The local day and month, short."""
    if at_ms is None:
        return UNKNOWN
    return QLocale().toString(QDateTime.fromMSecsSinceEpoch(at_ms).date(), tr("d MMM"))


def month(at_ms: int) -> str:
    """The local month and year, short."""
    return QLocale().toString(QDateTime.fromMSecsSinceEpoch(at_ms).date(), tr("MMM yyyy"))


def weekday(day: int, *, long: bool = False) -> str:
    """A day of the week, 0 for Monday."""
    form = QLocale.FormatType.LongFormat if long else QLocale.FormatType.ShortFormat
    return QLocale().standaloneDayName(day + 1, form)


def moment(at_ms: int | None, now_ms: int) -> str:
    """The time of day for today, with its date for any other day."""
    if at_ms is None:
        return UNKNOWN
    then, now = QDateTime.fromMSecsSinceEpoch(at_ms), QDateTime.fromMSecsSinceEpoch(now_ms)
    if then.date() == now.date():
        return clock(at_ms)
    if then.date().year() == now.date().year():
        return f"{day(at_ms)}, {clock(at_ms)}"
    return QLocale().toString(then, QLocale.FormatType.ShortFormat)


def span(length_ms: int | None) -> str:
    """A length of time in its two largest units."""
    if length_ms is None:
        return UNKNOWN
    length_ms = max(0, length_ms)  # a clock that was set back makes no time run backwards
    if length_ms < _MINUTE_MS:
        return tr("{seconds} s").format(seconds=number(length_ms / _SECOND_MS, 1 if length_ms < 10 * _SECOND_MS else 0))
    minutes = length_ms // _MINUTE_MS
    if length_ms < _HOUR_MS:
        return tr("{minutes} min").format(minutes=number(minutes))
    if length_ms < _DAY_MS:
        return tr("{hours} h {minutes} min").format(hours=number(minutes // 60), minutes=number(minutes % 60))
    hours = length_ms // _HOUR_MS
    return tr("{days} d {hours} h").format(days=number(hours // 24), hours=number(hours % 24))


def size(size_bytes: int | None) -> str:
    """Bytes as MiB or GiB."""
    if size_bytes is None:
        return UNKNOWN
    if size_bytes < _GIB:
        return tr("{size} MiB").format(size=number(size_bytes / _MIB))
    return tr("{size} GiB").format(size=number(size_bytes / _GIB, 1))
