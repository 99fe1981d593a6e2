"""Values written as TOML, which Python's library only reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

_DELETE: Final = "\x7f"


def quoted(text: str) -> str:
    """A string."""
    # JSON's strings are TOML's, but for one character that TOML wants escaped as well.
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")


def listed(items: Iterable[str]) -> str:
    """A list of written values, one to a line."""
    lines = "".join(f"\n  {item}," for item in items)
    return f"[{lines}\n]" if lines else "[]"


def inline(fields: Mapping[str, str | float]) -> str:
    """A table on one line."""
    parts = (f"{name} = {quoted(value) if isinstance(value, str) else value}" for name, value in fields.items())
    return "{ " + ", ".join(parts) + " }"
