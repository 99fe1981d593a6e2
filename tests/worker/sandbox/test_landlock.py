"""Landlock applied to a child of this process; what it refuses in a worker is in `test_attacks`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.worker.sandbox import landlock
from tests.worker.sandbox.owners import REPOSITORY

PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from desktop.worker.sandbox import landlock
folder = Path(sys.argv[2])
abi = landlock.restrict(
    readable=[folder / "read", folder / "missing"], writable=[folder / "write"], devices=[Path("/dev/null")]
)
def attempt(act):
    try:
        act()
    except OSError as error:
        return error.errno
    return 0
print(json.dumps({
    "abi": abi,
    "read": attempt(lambda: (folder / "read" / "file").read_bytes()),
    "write what may be read": attempt(lambda: (folder / "read" / "file").write_bytes(b"x")),
    "make": attempt(lambda: (folder / "write" / "made").write_bytes(b"x")),
    "rename": attempt(lambda: (folder / "write" / "made").rename(folder / "write" / "renamed")),
    "remove": attempt(lambda: (folder / "write" / "renamed").unlink()),
    "move out": attempt(lambda: (folder / "write" / "other").rename(folder / "read" / "other")),
    "link": attempt(lambda: (folder / "write" / "link").symlink_to("/etc/passwd")),
    "pipe": attempt(lambda: os.mkfifo(folder / "write" / "pipe")),
    "elsewhere": attempt(lambda: (folder / "elsewhere").read_bytes()),
    "null": attempt(lambda: Path("/dev/null").write_bytes(b"x")),
    "execute": attempt(lambda: os.execv(sys.executable, [sys.executable])),
}))
"""


@pytest.fixture
def outcome(tmp_path: Path) -> dict[str, int]:
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
    for name in ("read/file", "write/other", "elsewhere"):
        (tmp_path / name).touch()
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(REPOSITORY), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    result: dict[str, int] = json.loads(done.stdout)
    return result


def test_what_is_allowed_works_and_nothing_else_does(outcome: dict[str, int]) -> None:
    assert outcome.pop("abi") == landlock.version()
    worked = {name for name, number in outcome.items() if number == 0}
    assert worked == {"read", "make", "rename", "remove", "null"}
