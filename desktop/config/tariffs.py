"""The rules for amounts of the owner's currency: electricity by the hour, and exchange rates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from desktop.config.rules import NotAllowed, Whole, items_of, text_of
from desktop.config.toml import inline, listed, quoted
from desktop.domain.tariff import DAYS, HOURS, MICRO, Band

_CODE: Final = re.compile(r"[A-Z]{3}")
_FIELDS: Final = frozenset({"days", "from", "to", "price"})
_MOST_BANDS: Final = 168
_MOST_PER_KWH: Final = 10_000  # of any currency: above that, somebody mistyped


@dataclass(frozen=True, slots=True)
class Currency:
    """Three letters, or nothing."""

    kind: str = "text"
    allowed: str = "a currency in three letters, such as EUR, or empty"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> str:
        """In capitals."""
        text = text_of(raw).strip().upper()
        if text and not _CODE.fullmatch(text):
            raise NotAllowed
        return text

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class Amount:
    """A decimal number from 0 to `most` with at most six places, or empty for unknown. Kept as text: exact."""

    most: int
    kind: str = "text"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The range."""
        return f"a number from 0 to {self.most:,} with at most six decimal places, such as 0.32, or empty"

    def check(self, raw: object) -> str:
        """In its shortest form, with a dot."""
        if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
            raw = str(raw)
        text = text_of(raw).strip().replace(",", ".")
        if not text:
            return ""
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{0,12})?", text):
            raise NotAllowed
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise NotAllowed from None
        if value > self.most or (value * MICRO) % 1:
            raise NotAllowed
        return f"{value.normalize():f}"

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class Bands:
    """Hours of the week with prices of their own."""

    kind: str = "electricity by the hour"
    allowed: str = (
        'a list of tables such as { days = "mon-fri", from = 22, to = 6, price = "0.24" }, no hour named twice'
    )
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> tuple[Band, ...]:
        """The bands in order; whether they fit together is checked where the price of the other hours is known."""
        bands = tuple(_band(item) for item in items_of(raw))
        if len(bands) > _MOST_BANDS:
            raise NotAllowed
        return bands

    def write(self, value: object) -> str:
        """As TOML."""
        return listed([_written(item) for item in items_of(value) if isinstance(item, Band)])


def micro(amount: str) -> int | None:
    """A checked amount in millionths; None for an empty one."""
    return int(Decimal(amount) * MICRO) if amount else None


def _band(raw: object) -> Band:
    if isinstance(raw, Band):
        return raw
    if not isinstance(raw, dict) or set(raw) != _FIELDS:
        raise NotAllowed
    price = micro(Amount(_MOST_PER_KWH).check(raw["price"]))
    if price is None:
        raise NotAllowed
    start, end = Whole(0, HOURS - 1).check(raw["from"]), Whole(0, HOURS).check(raw["to"])
    return Band(_days(text_of(raw["days"])), start, end, price)


def _days(text: str) -> tuple[int, ...]:
    """`mon-fri`, `sat,sun`, `fri-mon`, `all`."""
    if text.strip().lower() == "all":
        return tuple(range(len(DAYS)))
    days: list[int] = []
    for part in text.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise NotAllowed
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % len(DAYS) + 1 if dash else 1
        days += [(start + offset) % len(DAYS) for offset in range(length)]
    if len(set(days)) != len(days):
        raise NotAllowed
    return tuple(days)


def _written(band: Band) -> str:
    price = f"{(Decimal(band.micro_per_kwh) / MICRO).normalize():f}"
    days = ",".join(DAYS[day] for day in band.days)
    return inline({"days": days, "from": band.start, "to": band.end, "price": price})
