"""The program `uv`, which the installers bring: found, run, and understood when it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from desktop.domain.errors import DownloadFailed, DownloadStopped, HearthError, StorageUnusable, Unavailable

_LOOK_S: Final = 0.1
_MOST_SAID: Final = 400
# What uv needs of the environment it is started in: to find its way, its cache, and the owner's proxy or mirror.
_PASSED_ON: Final = frozenset({
    "HOME", "PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "XDG_CACHE_HOME",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "UV_CACHE_DIR", "UV_DEFAULT_INDEX", "UV_INDEX",
})  # fmt: skip


def find_uv(environment: Mapping[str, str]) -> Path:
    """Where uv is: in the payload of the installer that brought this app, beside this Python, or on the path.

    Raises Unavailable.
    """
    payload = environment.get("HEARTH_PAYLOAD")
    if payload:
        brought = Path(payload, "uv.exe" if sys.platform == "win32" else "uv")
        if os.access(brought, os.X_OK):
            return brought
    places = [str(Path(sys.executable).parent), environment.get("PATH", "")]
    found = shutil.which("uv", path=os.pathsep.join(places))
    if found is None:
        raise Unavailable(
            "The tool uv is missing.",
            why="The installers bring it; a checkout has what it needs already.",
            now="Install Hearth again.",
        )
    return Path(found)


class Uv:
    """Runs uv without a terminal, one command after the other; `stop` ends the present one. Blocking."""

    def __init__(self, program: Path, stop: threading.Event, *, retries: int = 3) -> None:
        self._program = program
        self._stop = stop
        self._retries = retries

    def run(self, arguments: Sequence[str], within_s: float) -> None:
        """Return when it ended well.

        Raises what its last words mean: Unavailable (no such thing), StorageUnusable (disk), DownloadFailed (source,
        network, other content than promised) or DownloadStopped.
        """
        environment = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
        environment |= {"UV_SYSTEM_CERTS": "1", "NO_COLOR": "1", "UV_HTTP_RETRIES": str(self._retries)}
        line = [str(self._program), *arguments, "--quiet", "--no-config", "--no-progress"]
        deadline_s = time.monotonic() + within_s
        with tempfile.TemporaryFile() as told:
            try:
                process = subprocess.Popen(
                    line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told
                )
            except OSError as error:
                raise Unavailable(
                    "The tool uv cannot be started.", why=f"{error.strerror}.", now="Install Hearth again."
                ) from error
            with process:
                try:
                    self._wait(process, deadline_s)
                finally:
                    process.kill()
            told.seek(0)
            if process.returncode:
                raise failure(told.read().decode(errors="replace"))

    def _wait(self, process: subprocess.Popen[bytes], deadline_s: float) -> None:
        while process.poll() is None:
            if self._stop.wait(_LOOK_S):
                raise DownloadStopped("It was stopped.", now="Start it again to go on where it was.")
            if time.monotonic() > deadline_s:
                raise DownloadFailed(
                    "The source does not answer in time.", now="Check the internet connection, then try again."
                )


def failure(told: str) -> HearthError:
    """What uv's last words mean."""
    said = " ".join(told.split())[:_MOST_SAID]
    if "No space left" in told or "os error 28" in told or "os error 112" in told:
        return StorageUnusable("The disk is full.", now="Make room, then try again; what has arrived is kept.")
    if "No solution found" in told or "not found in the" in told or "no usable wheels" in told:
        return Unavailable("The source has no such build.", why=said)
    if "ash mismatch" in told:
        return DownloadFailed("A file is not the one that was meant.", why=said, now="Try again, or another source.")
    return DownloadFailed(
        "The source could not be asked.", why=said, now="Check the internet connection and the proxy, then try again."
    )
