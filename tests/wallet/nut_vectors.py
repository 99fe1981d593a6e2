"""The test vectors of the NUTs, transcribed as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from coincurve import PublicKey

_FOLDER = Path(__file__).parent / "vectors"


def vectors(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads((_FOLDER / f"{name}.json").read_text("utf-8")))


def point(text: str) -> PublicKey:
    return PublicKey(bytes.fromhex(text))
