"""The operating system's keyring, spoken to with a deadline.

Only the stores that a desktop really has. The `keyring` package would also pick a back end from an environment
variable, a settings file with an import path, or any installed plug-in, some of which keep plain text or nothing.
"""

from __future__ import annotations

import importlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from keyring.backend import KeyringBackend

SERVICE: Final = "Hearth"
_DEADLINE_S: Final = 10.0
_REAL: Final = {
    "win32": ("keyring.backends.Windows.WinVaultKeyring",),
    "darwin": ("keyring.backends.macOS.Keyring",),
}
_REAL_ELSEWHERE: Final = (
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
)

Answer = TypeVar("Answer")


class KeyringFailed(Exception):
    """The keyring refused, broke or did not answer in time; the text says which and holds no secret."""


class Keyring(Protocol):
    """A store of secrets by account name."""

    def read(self, account: str) -> str | None:
        """The secret of that account, None if there is none. Raises KeyringFailed."""

    def write(self, account: str, secret: str) -> None:
        """Keep a secret, and make sure it can be read back. Raises KeyringFailed."""

    def forget(self, account: str) -> None:
        """Keep that account's secret no longer; nothing happens if there is none. Raises KeyringFailed."""


class SystemKeyring:
    """A `keyring` back end under a deadline, in seconds, for each call.

    A locked keyring asks its user for a password and may wait for ever, which on a machine without a screen it
    does. Each call runs in a thread of its own that is left behind when it is late.
    """

    def __init__(self, backend: KeyringBackend, deadline_s: float = _DEADLINE_S) -> None:
        self._backend = backend
        self._deadline_s = deadline_s

    def read(self, account: str) -> str | None:
        """As `Keyring.read`."""
        return _within(self._deadline_s, lambda: self._backend.get_password(SERVICE, account))

    def write(self, account: str, secret: str) -> None:
        """As `Keyring.write`."""

        def write_and_read_back() -> str | None:
            self._backend.set_password(SERVICE, account, secret)
            return self._backend.get_password(SERVICE, account)

        if _within(self._deadline_s, write_and_read_back) != secret:
            raise KeyringFailed("The keyring did not keep what it was given.")

    def forget(self, account: str) -> None:
        """As `Keyring.forget`."""

        def forget() -> None:
            if self._backend.get_password(SERVICE, account) is not None:
                self._backend.delete_password(SERVICE, account)

        _within(self._deadline_s, forget)


def find_keyring(deadline_s: float = _DEADLINE_S) -> SystemKeyring | None:
    """The keyring of this user's session, None if there is none or it does not answer in time."""
    try:
        backend = _within(deadline_s, _best_backend)
    except KeyringFailed:
        return None
    return None if backend is None else SystemKeyring(backend, deadline_s)


def _best_backend() -> KeyringBackend | None:
    found: list[KeyringBackend] = []
    for name in _REAL.get(sys.platform, _REAL_ELSEWHERE):
        module, _, kind = name.rpartition(".")
        backend = getattr(importlib.import_module(module), kind)
        if backend.viable:
            found.append(backend())
    return max(found, key=lambda backend: float(backend.priority), default=None)


def _within(deadline_s: float, call: Callable[[], Answer]) -> Answer:
    answers: queue.SimpleQueue[Answer | KeyringFailed] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(call())
        # The back ends raise errors of four libraries, D-Bus among them. Only the kind is told: a text might quote.
        except Exception as error:  # noqa: BLE001 - any failure of a keyring means the same: it cannot be used
            answers.put(KeyringFailed(f"The keyring failed ({type(error).__name__})."))

    # A daemon: an answer that never comes must not keep the process from ending.
    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline_s)
    except queue.Empty:
        raise KeyringFailed(f"The keyring did not answer within {deadline_s:g} seconds.") from None
    if isinstance(answer, KeyringFailed):
        raise answer
    return answer
