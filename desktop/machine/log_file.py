"""The node's own log: what went wrong by a mistake of ours, kept over restarts where only its owner can read it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 1 << 20
KEPT_BEFORE: Final = 2


class LogFile(RotatingFileHandler):
    """A handler that writes warnings and worse to `file`, which is made with the first of them.

    `clean` takes out of each entry what no log may hold. At a megabyte the file is set aside and another begun; two
    older ones are kept. A log that cannot be written is gone without: it must never stop what it tells of.
    """

    def __init__(self, file: Path, clean: Callable[[str], str]) -> None:
        super().__init__(file, maxBytes=MOST_BYTES, backupCount=KEPT_BEFORE, encoding="utf-8", delay=True)
        self.setLevel(logging.WARNING)
        self._clean = clean

    def format(self, record: logging.LogRecord) -> str:
        """The entry, cleaned, its traceback included."""
        return self._clean(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """Go without this entry."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding)
