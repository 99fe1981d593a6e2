"""Whether the files in a folder are those that its list of sums names: check.py FOLDER."""

import hashlib
import sys
from pathlib import Path

folder = Path(sys.argv[1])
damaged = []
for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines():
    digest, _, name = line.partition("  ")
    path = folder / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        damaged.append(name)
        print(f"{name} is missing or damaged")
sys.exit(bool(damaged))
