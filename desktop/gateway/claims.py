"""Claims: what we may still be owed, written down before a token leaves, so that no crash and no broken line loses it.

One small file per claim, in a folder only its owner can read. It holds no token of ours (the wallet makes the same one
again for the same reference), but, for the moment between a provider's answer and our mint, the change that came back.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
import psutil

from desktop.domain.errors import StorageUnusable

_log = logging.getLogger(__name__)

_SUFFIX: Final = ".claim"


class ClaimState(StrEnum):
    """How far a payment got, as far as it was written down."""

    PLANNED = "planned"
    SENT = "sent"
    ANSWERED = "answered"


class ClaimKind(StrEnum):
    """What was bought."""

    REQUEST = "request"
    SESSION = "session"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One payment under way. `urls` are the provider's; `change` is a bearer secret. Times are UTC milliseconds.

    `process` and `process_started_at` tell whose it is: a claim is nobody else's while that process lives.
    """

    reference: str
    kind: ClaimKind
    state: ClaimState
    provider: str
    urls: tuple[str, ...]
    mint: str
    amount_sat: int
    created_at_ms: int
    process: int
    process_started_at: float
    change: str = ""

    def __repr__(self) -> str:
        return f"Claim({self.reference}, {self.kind}, {self.state}, {self.amount_sat} sat)"


class Claims:
    """The claims in one folder. Every method but `open_claims` leaves the disk as promised before it returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = psutil.Process()

    def plan(
        self,
        reference: str,
        kind: ClaimKind,
        *,
        provider: str,
        urls: Sequence[str],
        mint: str,
        amount_sat: int,
        now_ms: int,
    ) -> Claim:
        """A new claim, before the wallet is asked for the token."""
        claim = Claim(
            reference=reference,
            kind=kind,
            state=ClaimState.PLANNED,
            provider=provider,
            urls=tuple(urls),
            mint=mint,
            amount_sat=amount_sat,
            created_at_ms=now_ms,
            process=self._process.pid,
            process_started_at=self._process.create_time(),
        )
        self._write(claim)
        return claim

    def sent(self, claim: Claim) -> Claim:
        """The token is about to leave."""
        return self._advance(claim, ClaimState.SENT)

    def answered(self, claim: Claim, change: str) -> Claim:
        """The provider gave change, which is not ours before the mint says so."""
        return self._advance(claim, ClaimState.ANSWERED, change)

    def close(self, claim: Claim) -> None:
        """Nothing is owed any more."""
        self._path(claim.reference).unlink(missing_ok=True)

    def open_claims(self) -> list[Claim]:
        """All that are open, oldest first, whoever's they are; one that cannot be read is left alone and reported."""
        claims = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                claims.append(msgspec.json.decode(path.read_bytes(), type=Claim))
            except FileNotFoundError:  # closed a moment ago
                continue
            except (OSError, msgspec.DecodeError):
                _log.warning("a claim cannot be read and was left where it is: %s", path.name)
        return sorted(claims, key=lambda claim: claim.created_at_ms)

    def idle(self, claim: Claim) -> bool:
        """Whether nobody else can be at work on it: it is this process's own, or its process has ended."""
        if (claim.process, claim.process_started_at) == (self._process.pid, self._process.create_time()):
            return True
        try:
            return psutil.Process(claim.process).create_time() != claim.process_started_at
        except psutil.NoSuchProcess:
            return True

    def _advance(self, claim: Claim, state: ClaimState, change: str = "") -> Claim:
        later = msgspec.structs.replace(claim, state=state, change=change)
        self._write(later)
        return later

    def _path(self, reference: str) -> Path:
        return self._folder / f"{hashlib.sha256(reference.encode()).hexdigest()[:32]}{_SUFFIX}"

    def _write(self, claim: Claim) -> None:
        path = self._path(claim.reference)
        draft = path.with_suffix(".draft")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(claim))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            self._sync_folder()
        except OSError as error:
            raise StorageUnusable(
                "A payment could not be written down, so it was not made.",
                why=f"The system said: {error.strerror or 'unknown error'}.",
                now="Check that the disk is not full and the data folder is yours.",
            ) from error

    def _sync_folder(self) -> None:
        # Windows opens no folders and writes renames through by itself.
        with contextlib.suppress(PermissionError):
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
