"""Runs a module of the tests as the kind of owner a node can have: root, an ordinary user, root in a plain container.

Only root can become somebody else. Tests that run as an ordinary user have that one kind of owner.
"""

import json
import os
import subprocess
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Final

from desktop.worker.sandbox import account, descend
from desktop.worker.sandbox.family import facts_of
from desktop.worker.sandbox.runtime import Runtime

_CAP_SYS_ADMIN: Final = 21
REPOSITORY: Final = Path(__file__).resolve().parents[3]


class Owner(StrEnum):
    """Who the node runs as."""

    ROOT = "root"
    USER = "user"
    CONTAINER = "container"


def possible_owners() -> list[Owner]:
    """Whom this test run can play."""
    if os.geteuid() != 0:
        return [Owner.USER]
    rights = int(facts_of(os.getpid())["CapEff"], 16)
    return list(Owner) if rights >> _CAP_SYS_ADMIN & 1 else [Owner.CONTAINER]


_START: Final = """
import runpy, sys
repository, site, sys.argv = sys.argv[1], sys.argv[2], sys.argv[3:]
sys.path[:0] = [repository]
sys.path.append(site)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def run_as(owner: Owner, module: str, *arguments: str, timeout_s: float = 120) -> str:
    """Standard output of the module, run to its end as that owner; a failure of its own is the test's failure."""
    with tempfile.TemporaryDirectory(prefix="owner-") as home:
        line, environment = line_for(owner, Path(home), module, *arguments)
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def line_for(owner: Owner, home: Path, module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment that run a module as that owner, with `home` to itself."""
    runtime = Runtime.current()
    site = runtime.site[0]
    environment = {"HOME": str(home), "TMPDIR": str(home), "HEARTH_TEST_SECRET": "must stay outside"}
    if owner is Owner.CONTAINER:
        arguments = (module, *arguments)
        module = "tests.worker.sandbox.container"
    start = ["-I", "-B", "-c", _START]
    if owner is not Owner.USER or os.geteuid() != 0:
        return [str(runtime.interpreter), *start, str(REPOSITORY), str(site), module, *arguments], environment
    user = account.unprivileged_user()
    os.chown(home, user, user)
    stage = "/tmp"  # noqa: S108 - the empty one of `descend.py`
    errand = {
        "uid": user,
        "read_any": False,
        "mounts": [
            (str(runtime.prefix), "python"),
            (str(site), "site-packages"),
            (str(REPOSITORY), "repo"),
            (str(home), "home"),
        ],
        "argv": [
            *(f"{stage}/python/bin/{runtime.interpreter.name}", *start),
            *(f"{stage}/repo", f"{stage}/site-packages", module, *arguments),
        ],
    }
    environment |= {"HOME": f"{stage}/home", "TMPDIR": f"{stage}/home", "LD_LIBRARY_PATH": f"{stage}/python/lib"}
    return [str(runtime.interpreter), "-I", "-S", "-B", descend.__file__, json.dumps(errand)], environment
