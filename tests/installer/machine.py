"""Another computer, as far as a folder can be one: a distribution's files with namespaces of their own around them.

Not `chroot`: the kernel allows no user namespaces in one, so that no sandbox could be tried. It shares our network,
which is how a browser of pages here would reach it, and how a window in it finds a display of ours.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

PERSON: Final = "person"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_SYSTEM: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True, slots=True)
class Machine:
    """The root folder of it; `shared` is a folder of ours it sees as /shared."""

    root: Path
    shared: Path

    @property
    def home(self) -> Path:
        return self.root / "home" / PERSON

    def line(self, *command: str, person: bool, environment: Mapping[str, str]) -> list[str]:
        """The command line that runs `command` in there."""
        line = ["bwrap", "--bind", str(self.root), "/", "--ro-bind", str(self.shared), "/shared", "--dev", "/dev"]
        # Ours as it is: over one of its own, bubblewrap lays covers, and then a sandbox in there may mount none.
        line += ["--bind", "/proc", "/proc", "--ro-bind", "/sys", "/sys", "--bind", "/tmp", "/tmp"]  # noqa: S108 - the display's socket is there
        line += ["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf"]
        if person:  # whoever our computer trusts on its way out; not for root, who sets up what is trusted there
            line += ["--ro-bind", "/etc/ssl/certs", "/etc/ssl/certs"]
        line += ["--die-with-parent"]
        line += ["--cap-add", "ALL", "--clearenv", "--chdir", "/"]
        for name, value in {**_SYSTEM, **environment, "HOME": f"/home/{PERSON}" if person else "/root"}.items():
            line += ["--setenv", name, value]
        descend = ["setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups", "--inh-caps=-all"]
        return [*line, *(descend if person else ()), *command]

    def run(
        self, *command: str, person: bool = False, fails: bool = False, environment: Mapping[str, str] = NOTHING
    ) -> str:
        """What it prints; AssertionError, with that, unless it succeeds (or fails, if that is expected)."""
        done = subprocess.run(
            self.line(*command, person=person, environment=environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        assert (done.returncode != 0) is fails, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}"
        return done.stdout

    def timed(self, *command: str, person: bool = False, environment: Mapping[str, str] = NOTHING) -> tuple[float, str]:
        """Seconds it took, and what it printed."""
        before = time.monotonic()
        out = self.run(*command, person=person, environment=environment)
        return time.monotonic() - before, out

    def start(
        self, *command: str, person: bool = True, environment: Mapping[str, str] = NOTHING
    ) -> subprocess.Popen[bytes]:
        """The same, left running."""
        line = self.line(*command, person=person, environment=environment)
        return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def files(self) -> set[str]:
        """Every path in it that an installation could leave behind."""
        passing = ("var/cache/", "var/lib/", "var/log/", "proc/", "sys/", "dev/", "tmp/", "run/")
        every = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*"))
        # The system's own notes about its fonts and shaders: any program with a window has it write them.
        notes = (f"home/{PERSON}/.cache/fontconfig", f"home/{PERSON}/.cache/mesa_shader_cache")
        return {name for name in every if not name.startswith((*passing, *notes))}
