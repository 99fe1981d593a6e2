"""Runs this checkout as if it were another version: `python other_version.py HOME VERSION -m desktop …`.

What ails that version is the text of `HOME/ails-VERSION`: `import`; `start`: its node ends at once; `door`: its node
ends when it has opened its records; `tables`: it knows one more table of the ledger. `HOME/publishers.toml` holds the
keys it believes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import desktop


def main() -> int:
    """Take the part."""
    home, version, _, _, *arguments = sys.argv[1:]
    desktop.__version__ = version
    file = Path(home, f"ails-{version}")
    ails = file.read_text().split() if file.exists() else []
    if "import" in ails:
        raise ImportError("a library is missing")
    if "node" in arguments and "start" in ails:
        sys.exit(3)
    if "tables" in ails:
        from desktop.ledger import storage
        from desktop.ledger.schema import MIGRATIONS, migrations

        numbered = (*MIGRATIONS, ("9999 later", "CREATE TABLE later (id INTEGER PRIMARY KEY);"))
        vars(storage).update(MIGRATIONS=numbered, migrations=lambda: migrations(numbered))
    if "door" in ails:
        from desktop.control import server

        vars(server)["Door"] = _Absent
    from desktop.updates.publishers import Publishers

    whole = Publishers.load
    Publishers.load = lambda _: whole(Path(home, "publishers.toml"))  # type: ignore[assignment, method-assign]  # it is to believe the keys of a test
    from desktop.__main__ import main as hearth

    return hearth(arguments)


class _Absent:
    def __init__(self, *_: object, **__: object) -> None:
        os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
