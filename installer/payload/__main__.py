"""`python -m installer.payload --target linux|windows OUT`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from installer.payload.contents import build
from installer.payload.source import Source
from installer.payload.targets import TARGETS


def main() -> None:
    """Build one payload, and say of what."""
    parser = argparse.ArgumentParser(prog="python -m installer.payload", description=__doc__)
    parser.add_argument("--target", choices=sorted(TARGETS), required=True)
    parser.add_argument("out", type=Path, help="the folder to write; what is in it goes")
    arguments = parser.parse_args()
    source = Source.here()
    if source.differs():
        print("Note: what is changed here and not committed is not in the build.", file=sys.stderr)
    identity = build(TARGETS[arguments.target], arguments.out, source)
    print(f"{arguments.out}: payload {identity} of commit {source.commit[:12]} for {arguments.target}")


if __name__ == "__main__":
    main()
