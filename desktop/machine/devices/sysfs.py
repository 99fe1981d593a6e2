"""Small files of the kernel: one value each, and any of them may be missing, forbidden or asleep."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str | None:
    """The trimmed content, or None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The number in it, or None if there is none."""
    text = read_text(path)
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None
