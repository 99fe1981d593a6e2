"""Keyrings without an operating system behind them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from keyring.backend import KeyringBackend

from desktop.machine.keyrings import KeyringFailed


@dataclass
class FakeKeyring:
    """At our own seam; `broken` says why every call fails."""

    entries: dict[str, str] = field(default_factory=dict)
    broken: str = ""

    def read(self, account: str) -> str | None:
        self._answer()
        return self.entries.get(account)

    def write(self, account: str, secret: str) -> None:
        self._answer()
        self.entries[account] = secret

    def forget(self, account: str) -> None:
        self._answer()
        self.entries.pop(account, None)

    def _answer(self) -> None:
        if self.broken:
            raise KeyringFailed(self.broken)


class FakeBackend(KeyringBackend):
    """At the seam of the `keyring` package: a store that forgets, fails or never answers, as asked."""

    priority = 0.1

    def __init__(self, *, forgets: bool = False, fails: Exception | None = None, hangs: bool = False) -> None:
        self._entries: dict[tuple[str, str], str] = {}
        self._forgets = forgets
        self._fails = fails
        self._hangs = hangs
        self.released = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self._answer()
        return self._entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._answer()
        if not self._forgets:
            self._entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._answer()
        del self._entries[service, username]

    def _answer(self) -> None:
        if self._hangs:
            self.released.wait()
        if self._fails is not None:
            raise self._fails
