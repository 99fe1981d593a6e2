"""The publisher's signature over the list of sums, made with minisign where there is a key."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

KEY: Final = "HEARTH_MINISIGN_KEY"
"""The environment variable that names the secret key's file. The key itself is never part of the source."""


def sign(sums: Path, comment: str, key: str | None = None) -> Path | None:
    """Write `sums` + `.minisig`, or nothing where no key is named; `comment` is signed with it.

    minisign asks for the key's password, if it has one, on the terminal. Raises CalledProcessError if it refuses.
    """
    key = os.environ.get(KEY) if key is None else key
    if not key:
        print(f"Not signed: {KEY} names no key.", file=sys.stderr)
        return None
    line = ["minisign", "-S", "-s", key, "-m", str(sums), "-t", comment, "-c", "Hearth's installers"]
    subprocess.run(line, stdout=sys.stderr, check=True)
    return sums.with_name(f"{sums.name}.minisig")
