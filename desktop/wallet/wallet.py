"""The wallet's face: Cashu ecash held on this computer, safe against being killed at any instant.

All calls may wait for a mint and block meanwhile; from asyncio, call them in a thread. One wallet may be used from
several threads, and several processes of one user may have the same folder open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from desktop.domain.errors import HearthError, StorageUnusable
from desktop.wallet import coin_records, operation_records, tokens
from desktop.wallet.checking import Checking
from desktop.wallet.derivation import SecretSource
from desktop.wallet.executor import Executor
from desktop.wallet.keyset import SAT
from desktop.wallet.lightning import Lightning
from desktop.wallet.mint_url import normalise
from desktop.wallet.mints import Mints
from desktop.wallet.operation import Operation, OperationKind
from desktop.wallet.operation_records import Record
from desktop.wallet.operations import Operations
from desktop.wallet.receiving import Receiving
from desktop.wallet.restoring import Restoring
from desktop.wallet.results import MeltQuote, MintCheck, MintQuote, Paid, Received, Restored, Sent, TokenSummary
from desktop.wallet.sending import Sending
from desktop.wallet.session import Session
from desktop.wallet.storage import Storage


@dataclass(frozen=True, slots=True)
class OperationOutcome:
    """An operation that was taken up again. `error` says why it is still unsettled, or why it failed."""

    operation: Operation
    error: HearthError | None


class Wallet:
    """Ecash in sats. Made by `open`; a context manager."""

    def __init__(self, storage: Storage, session: Session, mints: Mints, executor: Executor) -> None:
        self._storage = storage
        self._session = session
        self._mints = mints
        self._operations = Operations(executor, mints, session)
        self._receiving = Receiving(self._operations, mints, storage)
        self._restoring = Restoring(executor)
        self._checking = Checking(executor)
        self._lightning = Lightning(self._operations, mints, storage)
        self._sending = Sending(self._operations, mints, storage, executor.source)

    @classmethod
    def open(
        cls,
        folder: Path,
        seed: bytes,
        accepted_mints: Iterable[str],
        *,
        new_session: Callable[[], requests.Session] = requests.Session,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> Self:
        """Open or create the wallet in `folder`. Contacts no mint; call `recover` next.

        `seed` is the 64-byte BIP-39 seed all coins derive from; it is not written anywhere. `new_session` makes the
        HTTP sessions, for instance with a proxy. Raises StorageUnusable or DatabaseNewer, and SettingsError for the
        address of a mint that cannot be one.
        """
        storage = Storage.open(folder / "wallet.db")
        try:
            mints = Mints(accepted_mints, storage, new_session)
            executor = Executor(storage, SecretSource(seed), now_ms)
            session = Session(folder / "sessions")
        except OSError as error:
            storage.close()
            raise StorageUnusable(
                "The wallet's folder cannot be written.", why=error.strerror or "", now="Check its rights and the disk."
            ) from None
        except BaseException:
            storage.close()
            raise
        return cls(storage, session, mints, executor)

    def close(self) -> None:
        """Close files and connections. Operations in other threads should have ended."""
        self._mints.close()
        self._session.close()
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def accepts(self, mint: str) -> bool:
        """Whether tokens of that mint are taken."""
        return self._mints.accepts(mint)

    @property
    def accepted_mints(self) -> tuple[str, ...]:
        """The accepted mints in their normal spelling."""
        return self._mints.accepted

    def inspect(self, token: str) -> TokenSummary:
        """Read a token without asking anyone. Raises TokenInvalid. That it can be read does not make it money."""
        read = tokens.decode(token)
        return TokenSummary(read.mint, SAT, read.amount_sat, len(read.coins), read.digest)

    def receive(self, token: str, *, reference: str) -> Received:
        """Redeem a token. When this returns, the money is ours and final.

        Asked again with the same reference and token, the result is the same, and the mint is asked at most once.
        Raises TokenInvalid, TokenSpent, TokenWorthless or MintNotAccepted if nothing was taken and nothing will be;
        MintUnreachable or MintMisbehaved if it is not known whether the mint acted: then the same call, `recover`, or
        another reference with the same token takes the operation up. ValueError: the reference is another token's.
        """
        return _received(self._receiving.receive(tokens.decode(token), reference))

    def send(self, amount_sat: int, mint: str, *, reference: str, include_receive_fee: bool = False) -> Sent:
        """Make a token worth `amount_sat`, plus what the mint will charge its receiver if that is to be included.

        Asked again with the same reference, the very same token comes back. No mint is contacted if the coins at hand
        fit. Raises FundsShort, MintUnreachable, MintMisbehaved, MintNotAccepted; ValueError if the reference is
        another token's.
        """
        return self._sending.send(amount_sat, normalise(mint), reference, include_receive_fee=include_receive_fee)

    def reclaim(self, reference: str) -> Received | None:
        """Take back the token sent under that reference, or what is left of it; None if it was redeemed.

        Asked again after success, the result is the same. Raises MintUnreachable.
        """
        record = self._sending.reclaim(reference)
        return None if record is None else _received(record)

    def mint_quote(self, amount_sat: int, mint: str) -> MintQuote:
        """An invoice that, once paid, turns into that many sats: see `mint_tokens`. It is written down already."""
        return self._lightning.mint_quote(amount_sat, normalise(mint))

    def mint_quotes(self) -> list[MintQuote]:
        """Invoices for which no coins were taken yet, oldest first; paid or not, the mint knows."""
        return self._lightning.mint_quotes()

    def mint_tokens(self, quote: MintQuote) -> Received:
        """Take the coins of a paid invoice. Asked again, the result is the same. PaymentRequired: not paid yet."""
        return _received(self._lightning.mint_tokens(quote))

    def melt_quote(self, invoice: str, mint: str) -> MeltQuote:
        """What it costs to have a Lightning invoice paid from our coins at that mint."""
        return self._lightning.melt_quote(invoice, normalise(mint))

    def melt(self, quote: MeltQuote) -> Paid:
        """Pay the invoice; what Lightning did not cost comes back as change (NUT-08). May take two minutes.

        Asked again, the result is the same, and nothing is paid twice. PayoutFailed: the money is in the wallet
        again. MintUnreachable: the payment is on its way; ask again, or `recover`. FundsShort. A mint without NUT-08
        would keep the change; none such is known.
        """
        operation = self._lightning.melt(quote).operation
        return Paid(operation.amount_sat, operation.fee_sat, operation.mint)

    def restore(self, mint: str) -> Restored:
        """Bring back from the seed alone what the mint signed for it and nobody spent (NUT-13).

        For a new folder, or after a copy of this wallet was used elsewhere. Tokens that were sent and not yet redeemed
        look like money of ours; a wallet that has sent them itself knows better and leaves them out.
        """
        return self._restoring.restore(self._mints.known_mint(normalise(mint)))

    def check(self) -> list[MintCheck]:
        """Compare our coins with each mint's view of them (NUT-07), and drop what was spent behind our back.

        Raises MintUnreachable or MintMisbehaved at the first mint that cannot be asked.
        """
        return [self._checking.check(mint) for mint in self._mints.all_known()]

    def balance(self) -> Mapping[str, int]:
        """Sats that can be spent, per mint."""
        return self._sums("free")

    def pending(self) -> Mapping[str, int]:
        """Sats of ours inside unsettled operations, per mint: not spendable now, and not lost."""
        return self._sums("reserved")

    def outstanding(self) -> Mapping[str, int]:
        """Sats in tokens that were sent and are not known to be redeemed, per mint. Not ours unless reclaimed."""
        return self._sums("sent")

    def recover(self) -> list[OperationOutcome]:
        """Take up what a dead process, or a mint that did not answer, left unfinished. Never raises for a mint.

        Call it after opening, and now and then while operations are stalled. What another living wallet is working
        on is left alone.
        """
        return [OperationOutcome(operation, error) for operation, error in self._operations.recover()]

    def operation(self, kind: OperationKind, reference: str) -> Operation | None:
        """How the operation of that kind with that reference stands."""
        with self._storage.transaction() as db:
            record = operation_records.find(db, kind, reference)
        return None if record is None else record.operation

    def operations(self, *, since_ms: int = 0, reference: str | None = None) -> list[Operation]:
        """Operations changed since then, in the order they were begun, of that reference if one is given."""
        with self._storage.transaction() as db:
            return [record.operation for record in operation_records.listed(db, since_ms=since_ms, reference=reference)]

    def _sums(self, state: str) -> Mapping[str, int]:
        with self._storage.transaction() as db:
            return coin_records.sums_by_mint(db, state)


def _received(record: Record) -> Received:
    operation = record.operation
    return Received(operation.amount_sat, operation.fee_sat, operation.mint, operation.face_sat)
