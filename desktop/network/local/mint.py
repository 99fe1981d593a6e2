"""A mint of our own on this computer: the reference mint, for the demo and for tests. Its money is play money.

It runs in an environment of its own, because its pinned dependencies cannot share ours. Its backend settles every
Lightning invoice by itself, so anyone who can reach it can have as much as they like: it listens on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from desktop.domain.errors import SettingsError, Unavailable
from desktop.resources import resource

PYTHONS: Final = ((3, 11), (3, 12), (3, 13))
"""The Pythons for which every pinned package of the mint has a ready-made wheel."""

_PORTS: Final = range(20_000, 32_000)
_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.05
_INSTALL_WITHIN_S: Final = 900.0
_DONE_MARK: Final = "hearth-requirements.txt"


def ensure_environment(path: Path, progress: Callable[[str], None] = lambda _: None, *, uv: Path | None = None) -> None:
    """Make the mint's virtual environment at `path` unless it is there already and complete.

    Downloads about sixty packages from the configured package index; calls `progress` with a sentence before each
    long step. With `uv`, that program does it: an installed Hearth's Python need have no pip. Safe to call again after
    it was interrupted. Raises Unavailable if the packages cannot be installed.
    """
    requirements = resource("mint-requirements.txt")
    wanted = requirements.read_text("utf-8")
    mark = path / _DONE_MARK
    if mark.is_file() and mark.read_text("utf-8") == wanted:
        return
    if sys.version_info[:2] not in PYTHONS:
        raise Unavailable(
            "The local mint needs Python 3.11, 3.12 or 3.13.", now="Start Hearth with one of them, or use another mint."
        )
    progress("Making an environment for the local mint.")
    if uv is None:
        venv.EnvBuilder(with_pip=True, clear=True).create(path)
        install = [str(_python(path)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    else:
        venv.EnvBuilder(with_pip=False, clear=True).create(path)
        install = [str(uv), "pip", "install", "--quiet", "--python", str(_python(path))]
    progress("Installing the local mint; this takes about half a minute.")
    done = subprocess.run(
        [*install, "--no-deps", "--only-binary=:all:", "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
        timeout=_INSTALL_WITHIN_S,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason."])[-1]
        raise Unavailable("The local mint could not be installed.", why=reason, now="Check the network and try again.")
    mark.write_text(wanted, "utf-8")


class LocalMint:
    """One mint with its data in `folder`: stopped or killed and started again, it knows all it knew.

    The port is chosen once for each folder and kept, unless given, so that the mint's address stays the same. Use it
    as a context manager, plain or asynchronous, or call `start` and `stop`. Not safe for use from several threads.

    `settings` are further settings of the reference mint, such as `{"MINT_INPUT_FEE_PPK": "0"}`.
    """

    def __init__(
        self, environment: Path, folder: Path, port: int | None = None, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._port = port
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The mint's address, known once it was started."""
        if self._port is None:
            raise RuntimeError("the mint was never started")
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log(self) -> Path:
        """Where the mint writes what it does."""
        return self._folder / "mint.log"

    def start(self) -> None:
        """Start the process and wait until it answers. Raises Unavailable if it does not within a minute."""
        if self.pid is not None:
            return
        if not _python(self._environment).exists():
            raise SettingsError("The local mint is not installed.", now="Run `make setup` first.")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._port = self._kept_port()
        self._write_settings()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(_python(self._environment)), "-m", "cashu.mint"],
                cwd=self._folder,
                env=_clean_environment(self._folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl+C in a terminal is for us; we stop the mint ourselves, after the node has used it.
                start_new_session=True,
            )
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the mint in an orderly way, or by force if that takes too long. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the mint as a power cut would: at once, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _kept_port(self) -> int:
        file = self._folder / "port"
        if self._port is None and file.is_file():
            return int(file.read_text("utf-8"))
        port = self._port if self._port is not None else _free_port()
        file.write_text(str(port), "utf-8")
        return port

    def _write_settings(self) -> None:
        """The mint reads `.env` in its working folder: the one way in that neither `ps` nor /proc shows to others."""
        key_file = self._folder / "private-key"
        if not key_file.exists():
            _write_private(key_file, secrets.token_hex(32))
        settings = {
            "CASHU_DIR": str(self._folder),
            "MINT_DATABASE": str(self._folder / "database"),
            "MINT_LISTEN_HOST": "127.0.0.1",
            "MINT_LISTEN_PORT": str(self._port),
            "MINT_PRIVATE_KEY": key_file.read_text("utf-8"),
            "MINT_BACKEND_BOLT11_SAT": "FakeWallet",
            "MINT_INFO_NAME": "Hearth local mint",
            # All its callers come from one address, ours.
            "MINT_RATE_LIMIT": "FALSE",
            "MINT_QUOTE_BACKEND_CHECK_RATE_LIMIT": "0",
            "FAKEWALLET_BRR": "TRUE",
            "FAKEWALLET_DELAY_OUTGOING_PAYMENT": "0",
            **self._settings,
        }
        _write_private(self._folder / ".env", "".join(f"{name}='{value}'\n" for name, value in settings.items()))

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                self._process = None
                raise Unavailable(
                    "The local mint stopped as soon as it was started.", now=f"Its reasons are in {self.log.name}."
                )
            if self._answers():
                return
            time.sleep(_POLL_S)
        self.kill()
        raise Unavailable("The local mint did not answer within a minute.", now=f"Its log is {self.log.name}.")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/v1/info", timeout=_READY_WITHIN_S).ok
        except requests.RequestException:
            return False


def _python(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _free_port() -> int:
    """A port nobody uses, of those that no system hands out by itself: it is ours while the mint is down, too."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _clean_environment(folder: Path) -> dict[str, str]:
    """Nothing of ours reaches the mint but what a process needs to run at all; a setting inherited would win."""
    needed = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG", "LC_ALL")
    return {name: os.environ[name] for name in needed if name in os.environ} | {
        "HOME": str(folder),
        "USERPROFILE": str(folder),
        "PYTHONUNBUFFERED": "1",
    }
