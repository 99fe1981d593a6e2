"""The three things done at a mint: coins for coins, a paid invoice for coins, coins for paying an invoice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from desktop.domain.errors import (
    FundsShort,
    HearthError,
    MintMisbehaved,
    MintUnreachable,
    PaymentRequired,
    PayoutFailed,
    TokenInvalid,
    TokenSpent,
)
from desktop.domain.money import MSAT_PER_SAT
from desktop.wallet import operation_records
from desktop.wallet.amounts import input_fee, split
from desktop.wallet.executor import Asked, Executor, Retry, Verdict
from desktop.wallet.mint import Mint
from desktop.wallet.operation import OperationKind, SignedOutput, Sums, Work
from desktop.wallet.refusal import Code, MintRefusal
from desktop.wallet.signing import Request, verified

_OUTPUTS_KNOWN: Final = {Code.OUTPUTS_SIGNED, Code.OUTPUTS_PENDING}
_INPUTS_BAD: Final = {Code.PROOF_INVALID, Code.SPENT}
_LEFT_ALONE_MS: Final = 180_000
"""Longer than any request of ours is waited for: a payment younger than this may be in the mint's hands."""


class SwapTrade:
    """Coins for coins (NUT-03): to receive, to make change, to take back."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def ask(self, mint: Mint, work: Work, requests: Sequence[Request]) -> list[SignedOutput]:
        """Swap."""
        signatures = mint.client.swap(work.inputs, [request.message for request in requests])
        return verified(requests, signatures, mint.recorded())

    def look(self, mint: Mint, work: Work) -> list[SignedOutput] | None:
        """The signatures of an earlier swap, if our coins were taken for them."""
        found = self._executor.look_for_all(mint, work)
        # Without that question, signatures that a copy of this wallet got for the same numbers would count as ours.
        if found is None or set(self._executor.states(mint, work.inputs)) != {"SPENT"}:
            return None
        return found

    def judge(self, mint: Mint, work: Work, refusal: MintRefusal, asked: Asked) -> Verdict:
        """Tell coins that are gone from coins that cannot be swapped just now, or not like this."""
        received = work.operation.kind is OperationKind.RECEIVE
        first = asked is Asked.NEVER
        if first and received and refusal.code in _INPUTS_BAD:
            return Verdict(_spent() if refusal.code == Code.SPENT else _invalid(), certain=True, unsigned=True)
        states = self._executor.states(mint, work.inputs)
        if "SPENT" in states:
            return Verdict(_spent(), unsigned=True, states=tuple(states))
        if "PENDING" in states or refusal.code == Code.PENDING:
            raise _busy(mint)
        if refusal.code in _OUTPUTS_KNOWN:
            self._executor.skip_used_counters(mint, work)
            self._plan_again(mint, work)
        elif self._plan_is_stale(mint, work):
            self._plan_again(mint, work)
        if asked is Asked.RECENTLY and refusal.code != Code.PROOF_INVALID:
            raise _busy(mint)
        return Verdict(_invalid() if received else _refuses(mint), unsigned=first)

    def sums(self, work: Work, signed: Sequence[SignedOutput]) -> Sums:
        """What came in, or what went out in the token; the difference is the mint's."""
        arrived = sum(one.amount for one in signed)
        fee = work.put_in_sat - arrived
        if work.operation.kind is OperationKind.SEND:
            leaving = sum(one.amount for one in signed if one.output.leaves)
            return Sums(work.operation.amount_sat, leaving, fee)
        return Sums(arrived, work.put_in_sat, fee)

    def _plan_is_stale(self, mint: Mint, work: Work) -> bool:
        keysets = mint.keysets(anew=True)
        used = keysets[work.outputs[0].keyset_id]
        fee = input_fee(keysets[coin.keyset_id].fee_ppk for coin in work.inputs)
        return not used.active or work.put_in_sat - fee != sum(output.amount for output in work.outputs)

    def _plan_again(self, mint: Mint, work: Work) -> None:
        """New outputs, for the present keyset and fee. What leaves in a token stays the same."""
        keyset = mint.active()
        leaves = [output.amount for output in work.outputs if output.leaves]
        rest = work.put_in_sat - mint.fee(work.inputs) - sum(leaves)
        if rest < 0 or (rest == 0 and not leaves):
            return
        with self._executor.storage.transaction() as db:
            stays = split(rest, keyset.denominations)
            operation_records.add_outputs(db, work.id, keyset.id, stays=stays, leaves=leaves)
        raise Retry


class MintTrade:
    """A paid invoice for coins (NUT-04)."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def ask(self, mint: Mint, work: Work, requests: Sequence[Request]) -> list[SignedOutput]:
        """Mint."""
        signatures = mint.client.mint(work.quote, [request.message for request in requests])
        return verified(requests, signatures, mint.recorded())

    def look(self, mint: Mint, work: Work) -> list[SignedOutput] | None:
        """The signatures of an earlier attempt, if the invoice was used up for them."""
        found = self._executor.look_for_all(mint, work)
        # PENDING: the mint died after signing. With anything else they are a copy's of this wallet.
        if found is None or self._state(mint, work) not in {"ISSUED", "PENDING"}:
            return None
        return found

    def judge(self, mint: Mint, work: Work, refusal: MintRefusal, asked: Asked) -> Verdict:
        """Give up only where the mint says that there is nothing to take; the invoice may have been paid."""
        state = self._state(mint, work)
        if refusal.code == Code.QUOTE_UNPAID or state == "UNPAID":
            if asked is Asked.RECENTLY:
                raise _busy(mint)
            return Verdict(_unpaid(work), unsigned=asked is Asked.NEVER)
        if state == "ISSUED":
            return Verdict(TokenSpent("Somebody has taken the coins of this invoice already."))
        keysets = mint.keysets(anew=True)
        if state == "PAID" and refusal.code in _OUTPUTS_KNOWN:
            self._executor.skip_used_counters(mint, work)
            self._plan_again(mint, work)
        if state == "PAID" and not keysets[work.outputs[0].keyset_id].active:
            self._plan_again(mint, work)
        raise _busy(mint)

    def _plan_again(self, mint: Mint, work: Work) -> NoReturn:
        keyset = mint.active()
        with self._executor.storage.transaction() as db:
            stays = split(work.operation.amount_sat, keyset.denominations)
            operation_records.add_outputs(db, work.id, keyset.id, stays=stays)
        raise Retry

    def _state(self, mint: Mint, work: Work) -> str:
        try:
            return mint.client.mint_quote(work.quote).state
        except MintRefusal:
            raise MintMisbehaved(
                f"The mint {mint.url} breaks the rules.",
                why="It does not know its own invoice.",
                now="Use another mint.",
            ) from None

    def sums(self, work: Work, signed: Sequence[SignedOutput]) -> Sums:  # noqa: ARG002 - Trade's
        """New coins, without a fee."""
        arrived = sum(one.amount for one in signed)
        return Sums(arrived, arrived, 0)


class MeltTrade:
    """Coins for having an invoice paid (NUT-05), with change in blank outputs (NUT-08)."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def ask(self, mint: Mint, work: Work, requests: Sequence[Request]) -> list[SignedOutput]:
        """Melt, and wait for the payment."""
        answer = mint.client.melt(work.quote, work.inputs, [request.message for request in requests])
        if answer.state == "UNPAID":
            raise MintRefusal(Code.PAYMENT_FAILED)
        if answer.state != "PAID":
            raise _on_its_way(mint)
        if answer.change is None:
            return self._executor.look_for(mint, work.outputs)
        if len(answer.change) > len(requests):
            raise MintMisbehaved(f"The mint {mint.url} breaks the rules.", why="It gives change nobody asked for.")
        return verified(requests[: len(answer.change)], answer.change, mint.recorded())

    def look(self, mint: Mint, work: Work) -> list[SignedOutput] | None:
        """The change of a payment that went through; None if it did not."""
        # The reference mint, asked about a payment it is making, settles it a second time and signs other change.
        # Later the question is what makes some mints look after a payment whose end they missed.
        age_ms = self._executor.now_ms() - work.operation.at_ms
        if 0 <= age_ms < _LEFT_ALONE_MS and "PENDING" in self._executor.states(mint, work.inputs):
            raise _on_its_way(mint)
        try:
            state = mint.client.melt_quote(work.quote).state
        except MintRefusal:
            return None
        if state == "PENDING":
            raise _on_its_way(mint)
        if state != "PAID" or "SPENT" not in self._executor.states(mint, work.inputs):
            return None
        return self._executor.look_for(mint, work.outputs)

    def judge(self, mint: Mint, work: Work, refusal: MintRefusal, asked: Asked) -> Verdict:
        """The payment failed, unless our coins are with the mint."""
        states = self._executor.states(mint, work.inputs)
        if "PENDING" in states or refusal.code in {Code.PENDING, Code.QUOTE_PENDING}:
            raise _on_its_way(mint)
        if asked is Asked.RECENTLY and "SPENT" not in states:
            raise _on_its_way(mint)
        # Never "unsigned": mints remember the blank outputs of a payment that failed.
        failed = PayoutFailed("The Lightning payment did not go through.", now="The money is in the wallet. Try again.")
        return Verdict(failed, states=tuple(states))

    def sums(self, work: Work, signed: Sequence[SignedOutput]) -> Sums:
        """What the invoice asked for; all else that did not come back is a fee."""
        amount = work.operation.amount_sat
        return Sums(amount, amount, work.put_in_sat - amount - sum(one.amount for one in signed))


def trades(executor: Executor) -> Callable[[OperationKind], SwapTrade | MintTrade | MeltTrade]:
    """The trade by which an operation of each kind is carried out."""
    swap, mint, melt = SwapTrade(executor), MintTrade(executor), MeltTrade(executor)
    special: dict[OperationKind, MintTrade | MeltTrade] = {OperationKind.MINT: mint, OperationKind.MELT: melt}
    return lambda kind: special.get(kind, swap)


def _spent() -> HearthError:
    return TokenSpent("The token was already redeemed.", now="Send another one.")


def _invalid() -> HearthError:
    return TokenInvalid("The mint does not take this token.", why="It may be forged or locked.", now="Send another.")


def _refuses(mint: Mint) -> HearthError:
    return FundsShort(f"The mint {mint.url} does not take our coins at present.", now="Try again later.")


def _busy(mint: Mint) -> HearthError:
    return MintUnreachable(f"The mint {mint.url} is still at work on these coins.", now="Try again in a moment.")


def _on_its_way(mint: Mint) -> HearthError:
    return MintUnreachable(f"The mint {mint.url} is still paying.", why="The payment is on its way.", now="Ask again.")


def _unpaid(work: Work) -> HearthError:
    return PaymentRequired(
        "The invoice is not paid yet.",
        required_msat=work.operation.amount_sat * MSAT_PER_SAT,
        offered_msat=0,
        now="Pay it, then try again.",
    )
