"""The files that belong to the program and are not code: model catalogue, translations, icons, pinned requirements.

One folder, `resources/`, is their source. A checkout, and an editable install, which is a checkout, reads it where it
stands; a wheel carries a copy inside the package (`pyproject.toml`, `force-include`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent
_IN_WHEEL: Final = _PACKAGE / "_resources"


def resource(name: str) -> Path:
    """The file or folder `name`, a path below `resources/` with `/` between its parts. It lies on disk, to be read."""
    return (_IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent / "resources") / name


def checkout() -> Path | None:
    """The folder of the source tree this program runs from; None for an installed one."""
    return None if _IN_WHEEL.is_dir() else _PACKAGE.parent
