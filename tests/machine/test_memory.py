from __future__ import annotations

import subprocess
import sys

import pytest

# One large block, given back, is what makes the C library keep as much of small ones from then on, as a start's do.
PROGRAM = """
import sys
import psutil
from desktop.machine.memory import keep_little
if sys.argv[1] == "little":
    keep_little()
large = bytearray(16 << 20)
del large
before = psutil.Process().memory_info().rss
small = [bytearray(20_000) for _ in range(1000)]
del small
print(psutil.Process().memory_info().rss - before)
"""


def left_behind(what: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, what], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="another C library")
def test_what_was_freed_is_given_back() -> None:
    assert left_behind("as usual") > 10 << 20
    assert left_behind("little") < 4 << 20
