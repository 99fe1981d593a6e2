"""CBOR and base64 as Cashu texts use them, read with suspicion."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final, cast

import cbor2

_MOST_NESTING: Final = 16


def unpack(text: str) -> object:
    """Decode base64 (either alphabet, padding optional) of CBOR. Raises ValueError, and nothing else, on bad input."""
    return loads(unbase64(text))


def loads(data: bytes) -> object:
    """Decode CBOR of plain, shallow data. Raises ValueError, and nothing else, on bad input."""
    try:
        return cast(
            "object",
            cbor2.loads(data, max_depth=_MOST_NESTING, strict_hashable_types=True, object_hook=_drop_undefined),
        )
    except (cbor2.CBORError, RecursionError, OverflowError, TypeError):
        raise ValueError("not CBOR") from None


def pack(value: object) -> str:
    """CBOR of plain data as URL-safe base64, padded."""
    return base64.urlsafe_b64encode(cbor2.dumps(value)).decode()


def unbase64(text: str) -> bytes:
    """Decode base64. Some wallets write the ordinary alphabet, some the URL-safe one; padding may be left out."""
    body = text.rstrip("=").replace("+", "-").replace("/", "_")
    return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)


def _drop_undefined(mapping: Mapping[object, object], _immutable: bool) -> dict[object, object]:  # noqa: FBT001 - cbor2's call
    # Wallets written in JavaScript send fields that are not set as "undefined".
    return {key: value for key, value in mapping.items() if value is not cbor2.undefined}
