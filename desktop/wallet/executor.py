"""Carrying operations out at the mint, so that none is lost or done twice, whatever happens in between.

An operation is written down, with its inputs and outputs, before the mint hears of it. From then on there is one way
forward: ask the mint whether it has signed the outputs already (NUT-09); if not, make the very same request again.
The mint executes a request once at most, so repeating is safe, and the operation ends the same way whether the
process lived, died, or did both several times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, Protocol

from desktop.domain.errors import HearthError, MintMisbehaved, MintUnreachable
from desktop.wallet import coin_records, operation_records, tokens
from desktop.wallet.coin import Coin
from desktop.wallet.derivation import SecretSource
from desktop.wallet.keyset_records import next_counter, raise_counter
from desktop.wallet.mint import Mint
from desktop.wallet.operation import Output, SignedOutput, Sums, Work
from desktop.wallet.refusal import MintRefusal
from desktop.wallet.signing import Request, blinded, verified, whole
from desktop.wallet.storage import Storage

_ROUNDS: Final = 3
_BATCH: Final = 100


class Retry(Exception):
    """The operation's outputs were replaced: ask again, with the new ones."""


class Asked(Enum):
    """Whether the mint may have this operation's request from before.

    RECENTLY: one may still be on its way, from a process that died just now; so a mint that does not know of it may
    carry it out in a moment. LONG_AGO: whatever was sent has arrived, or never will.
    """

    NEVER = auto()
    RECENTLY = auto()
    LONG_AGO = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an operation is to be closed.

    `certain`: the mint's reason leaves no doubt, there is no need to look whether it acted all the same. `unsigned`:
    if it did not, it never will sign these outputs, so that their numbers can be used again. `states` are those of the
    inputs where the mint was asked; what is spent is forgotten, the rest can be used again.
    """

    error: HearthError
    certain: bool = False
    unsigned: bool = False
    states: tuple[str, ...] = ()


class Trade(Protocol):
    """What differs between the kinds of operations. None of its methods is called inside a transaction."""

    def ask(self, mint: Mint, work: Work, requests: Sequence[Request]) -> list[SignedOutput]:
        """Make the request and verify what comes back. Raises MintRefusal."""
        ...

    def look(self, mint: Mint, work: Work) -> list[SignedOutput] | None:
        """What the mint signed for this operation before; None if it has not carried it out."""
        ...

    def judge(self, mint: Mint, work: Work, refusal: MintRefusal, asked: Asked) -> Verdict:
        """What a refusal means, unless `look` finds afterwards that the operation was carried out all the same.

        Mints also refuse, with no code that says so, what they have just done. Raises Retry after replacing the
        outputs, and MintUnreachable if nothing is decided yet.
        """
        ...

    def sums(self, work: Work, signed: Sequence[SignedOutput]) -> Sums:
        """What the operation came to."""
        ...


class Executor:
    """Runs the operations of one wallet."""

    def __init__(self, storage: Storage, source: SecretSource, now_ms: Callable[[], int]) -> None:
        self.storage = storage
        self.source = source
        self.now_ms = now_ms

    def run(self, mint: Mint, trade: Trade, operation_id: int, asked: Asked) -> None:
        """Bring a running operation to its end: return once it is done, raise what it failed with.

        If that cannot be known now, it is left stalled, and MintUnreachable or MintMisbehaved is raised.
        """
        settled = False
        try:
            failure = self._run(mint, trade, operation_id, asked)
            settled = True
        finally:
            if not settled:
                with self.storage.transaction() as db:
                    operation_records.stall(db, operation_id, self.now_ms())
        if failure is not None:
            raise failure

    def load(self, operation_id: int) -> Work:
        """An operation with its inputs and outputs."""
        with self.storage.transaction() as db:
            record = operation_records.get(db, operation_id)
            stored = coin_records.inputs_of(db, operation_id)
            attempts = operation_records.attempts_of(db, operation_id)
        offered = tokens.decode(record.offered).coins if record.offered else ()
        return Work(record.id, record.operation, offered + whole(self.source, stored), attempts, record.quote)

    def look_for(self, mint: Mint, outputs: Sequence[Output]) -> list[SignedOutput]:
        """Those of these outputs that the mint has signed (NUT-09), verified."""
        if not outputs:
            return []
        requests = blinded(self.source, outputs)
        try:
            found = mint.client.restore([request.message for request in requests])
        except MintRefusal:
            raise _lacking(mint, "It does not restore signatures.") from None
        signed = [request for request in requests if request.point in found]
        return verified(signed, [found[request.point] for request in signed], mint.recorded())

    def look_for_all(self, mint: Mint, work: Work) -> list[SignedOutput] | None:
        """The signatures on all outputs of an operation, of the newest attempt that has them all; or None.

        Signatures on other amounts, or on a part of the outputs, are of another operation: of a copy of this wallet.
        """
        for outputs in work.attempts:
            found = self.look_for(mint, [replace(output, amount=0) for output in outputs])
            if [one.amount for one in found] == [output.amount for output in outputs]:
                return [replace(one, output=output) for one, output in zip(found, outputs, strict=True)]
        return None

    def skip_used_counters(self, mint: Mint, work: Work) -> None:
        """Move the counter past all that the mint has signed, after a copy of this wallet was ahead of us."""
        keyset_id = work.outputs[0].keyset_id
        while True:
            with self.storage.transaction() as db:
                first = next_counter(db, keyset_id)
            batch = [Output(keyset_id, counter, 0) for counter in range(first, first + _BATCH)]
            found = self.look_for(mint, batch)
            if not found:
                return
            with self.storage.transaction() as db:
                raise_counter(db, keyset_id, max(one.output.counter for one in found) + 1)

    def states(self, mint: Mint, coins: Sequence[Coin]) -> list[str]:
        """For each coin, UNSPENT, PENDING or SPENT (NUT-07)."""
        states: list[str] = []
        for start in range(0, len(coins), _BATCH):
            try:
                states += mint.client.states([coin.y for coin in coins[start : start + _BATCH]])
            except MintRefusal:
                raise _lacking(mint, "It does not tell the state of coins.") from None
        return states

    def _run(self, mint: Mint, trade: Trade, operation_id: int, asked: Asked) -> HearthError | None:
        for turn in range(_ROUNDS):
            work = self.load(operation_id)
            try:
                return self._step(mint, trade, work, asked if turn == 0 else Asked.RECENTLY)
            except Retry:
                continue
            except MintUnreachable:
                # Once more at once: it may just have been an old connection that the mint had closed.
                if turn > 0:
                    raise
        raise MintUnreachable(
            f"The mint {mint.url} keeps refusing.", why="Nothing is lost.", now="Try again in a moment."
        )

    def _step(self, mint: Mint, trade: Trade, work: Work, asked: Asked) -> HearthError | None:
        signed = None if asked is Asked.NEVER else trade.look(mint, work)
        if signed is None:
            try:
                signed = trade.ask(mint, work, blinded(self.source, work.outputs))
            except MintRefusal as refusal:
                verdict = trade.judge(mint, work, refusal, asked)
                signed = None if verdict.certain else trade.look(mint, work)
                if signed is None:
                    self._fail(work, verdict)
                    return verdict.error
        self._finish(work, trade.sums(work, signed), signed)
        return None

    def _finish(self, work: Work, sums: Sums, signed: Sequence[SignedOutput]) -> None:
        with self.storage.transaction() as db:
            for one in signed:
                coin_records.add_coin(db, one, sent_by=work.id if one.output.leaves else None)
            coin_records.spend(db, work.id)
            operation_records.finish(db, work.id, sums, self.now_ms())

    def _fail(self, work: Work, verdict: Verdict) -> None:
        with self.storage.transaction() as db:
            # Inputs of ours stand last; coins that were offered to us are not in the records.
            ours = coin_records.inputs_of(db, work.id)
            for coin, state in zip(reversed(ours), reversed(verdict.states), strict=False):
                if state == "SPENT":
                    coin_records.mark_spent(db, coin, was="reserved")
            coin_records.release(db, work.id)
            operation_records.fail(
                db, work.id, type(verdict.error).__name__, unsigned=verdict.unsigned, now_ms=self.now_ms()
            )


def _lacking(mint: Mint, why: str) -> MintMisbehaved:
    return MintMisbehaved(f"The mint {mint.url} breaks the rules.", why=why, now="Use another mint.")
