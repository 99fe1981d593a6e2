"""The exchange rate in force: the owner's own, or the last one fetched while it is fresh."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec

from desktop.domain.errors import NetworkError
from desktop.domain.tariff import ExchangeRate

FRESH_MS: Final = 3_600_000
RETRY_MS: Final = 600_000
STALE_MS: Final = 24 * 3_600_000


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept on disk between processes; the rate as a fraction, exact."""

    source: str
    field: str
    over: int
    under: int
    at_ms: int


class Exchange:
    """`declared` wins; else the price at `source`, under `field`. `fetch` asks it, `write` keeps a file private."""

    def __init__(
        self,
        declared: ExchangeRate | None,
        source: str,
        field: str,
        file: Path,
        *,
        fetch: Callable[[str, str, int], ExchangeRate],
        write: Callable[[Path, str], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._declared = declared
        self._source = source
        self._field = field
        self._file = file
        self._fetch = fetch
        self._write = write
        self._now_ms = now_ms
        self._tried_at_ms: int | None = None
        self.trouble = ""

    def current(self) -> ExchangeRate | None:
        """The rate; None if nothing is declared and nothing younger than a day was fetched."""
        return self._declared or self._kept(STALE_MS)

    def refresh(self) -> ExchangeRate | None:
        """Ask the source if what is kept is older than an hour. Blocking; a failure leaves what is known."""
        if self._declared is not None or not self._source or self._kept(FRESH_MS) is not None:
            return self.current()
        now_ms = self._now_ms()
        if self._tried_at_ms is not None and 0 <= now_ms - self._tried_at_ms < RETRY_MS:
            return self.current()
        self._tried_at_ms = now_ms
        try:
            rate = self._fetch(self._source, self._field, self._now_ms())
        except NetworkError as error:
            self.trouble = error.why
            return self.current()
        self.trouble = ""
        over, under = rate.sat_per_unit.as_integer_ratio()
        kept = Kept(self._source, self._field, over, under, self._now_ms())
        self._write(self._file, msgspec.json.encode(kept).decode())
        return rate

    def _kept(self, within_ms: int) -> ExchangeRate | None:
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            return None
        same = (kept.source, kept.field) == (self._source, self._field)
        if not same or not 0 <= self._now_ms() - kept.at_ms <= within_ms or kept.over <= 0 or kept.under <= 0:
            return None
        return ExchangeRate(Fraction(kept.over, kept.under), kept.source, kept.at_ms)
