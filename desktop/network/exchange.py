"""What a bitcoin costs, from a web address the owner chose. Its answer is hostile: bounded, timed, validated."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
import requests

from desktop.domain.errors import NetworkError
from desktop.domain.tariff import ExchangeRate

SAT_PER_BITCOIN: Final = 100_000_000
WITHIN_S: Final = 5.0
MOST_BYTES: Final = 256 * 1024
_MOST_PRICE: Final = 10**15
_OK: Final = 200


def fetch_rate(url: str, field: str, at_ms: int) -> ExchangeRate:
    """Sats for one unit of the currency. Blocking. Raises NetworkError with the reason.

    `field` are names joined by dots, down to the price of one bitcoin: a number, or a text that is one. Redirects,
    ambient proxies and stored passwords are not followed.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.get(url, timeout=WITHIN_S, allow_redirects=False, stream=True) as response:
                if response.status_code != _OK:
                    raise _trouble(f"It answered with status {response.status_code}.")
                body = response.raw.read(MOST_BYTES + 1, decode_content=True)
    except (requests.RequestException, OSError):
        raise _trouble("It did not answer.") from None
    if len(body) > MOST_BYTES:
        raise _trouble("Its answer is too long.")
    return rate_in(body, field, url, at_ms)


def rate_in(body: bytes, field: str, source: str, at_ms: int) -> ExchangeRate:
    """The rate in a JSON answer. Raises NetworkError."""
    try:
        found: object = msgspec.json.Decoder(float_hook=Decimal).decode(body)
        for name in field.split("."):
            found = found[name] if isinstance(found, dict) else None
        price = Decimal(str(found)) if isinstance(found, int | str | Decimal) and not isinstance(found, bool) else None
    except (msgspec.MsgspecError, KeyError, ArithmeticError, RecursionError, UnicodeDecodeError):
        price = None
    if price is None or not price.is_finite() or not 0 < price < _MOST_PRICE:
        raise _trouble(f"Its answer has no price under {field}.")
    return ExchangeRate(SAT_PER_BITCOIN / Fraction(price), source, at_ms)


def _trouble(why: str) -> NetworkError:
    return NetworkError(
        "The exchange rate is not known.", why=why, now="Check exchange_source, or set sat_per_currency yourself."
    )
