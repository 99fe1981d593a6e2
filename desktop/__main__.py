"""The `hearth` command: with a word it follows it, without one it opens the window.

The two ways share no imports: a window that stays in the tray all day must not carry what only the node needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command or the window; the exit status is 0 when all went well."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="hearth", add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--hidden", action="store_true")
    parser.add_argument("--attach", action="store_true")
    try:
        parsed, rest = parser.parse_known_args(given)
    except argparse.ArgumentError:
        parsed, rest = argparse.Namespace(), given
    if not rest and "home" in parsed:
        from desktop.window import open_window

        return open_window(parsed.home, hidden=parsed.hidden, attach=parsed.attach)
    from desktop.commands.line import run

    return run(given)


if __name__ == "__main__":
    sys.exit(main())
