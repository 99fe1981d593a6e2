"""From outputs to coins: what to ask the mint to sign, and whether what it gives back is what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coincurve import PublicKey

from desktop.domain.errors import MintMisbehaved
from desktop.wallet.coin import Coin
from desktop.wallet.coin_records import StoredCoin
from desktop.wallet.curve import Dleq, blind, dleq_holds, unblind
from desktop.wallet.derivation import Blank, SecretSource
from desktop.wallet.keyset import Keyset
from desktop.wallet.messages import BlindedMessage, Signature
from desktop.wallet.operation import Output, SignedOutput


@dataclass(frozen=True, slots=True)
class Request:
    """One output, blinded."""

    output: Output
    blank: Blank
    blinded: PublicKey

    @property
    def message(self) -> BlindedMessage:
        """What the mint gets to see. A blank output says 1, since some mints do not take 0 (NUT-08)."""
        return BlindedMessage(self.output.amount or 1, self.output.keyset_id, self.point)

    @property
    def point(self) -> str:
        """The blinded point in hex."""
        return self.blinded.format().hex()


def blinded(source: SecretSource, outputs: Sequence[Output]) -> list[Request]:
    """The requests for these outputs; the same ones every time."""
    requests = []
    for output in outputs:
        blank = source.blank(output.keyset_id, output.counter)
        requests.append(Request(output, blank, blind(blank.secret, blank.factor)))
    return requests


def verified(
    requests: Sequence[Request], signatures: Sequence[Signature], keysets: Mapping[str, Keyset]
) -> list[SignedOutput]:
    """Unblind one signature for each request, in the same order. Raises MintMisbehaved at the first that is wrong.

    Checked are the keyset, the amount (any, for a blank output) and the proof that the published key was used, which
    a signature must carry (NUT-12).
    """
    if len(requests) != len(signatures):
        raise _misbehaved("It gave another number of signatures than was asked for.")
    return [_verified(one, signature, keysets) for one, signature in zip(requests, signatures, strict=True)]


def _verified(request: Request, signature: Signature, keysets: Mapping[str, Keyset]) -> SignedOutput:
    output = request.output
    if signature.id != output.keyset_id:
        raise _misbehaved("It signed with another keyset than was asked for.")
    if signature.amount < 1 or output.amount not in {0, signature.amount}:
        raise _misbehaved("It signed another amount than was asked for.")
    key = keysets[output.keyset_id].point(signature.amount)
    if key is None:
        raise _misbehaved("It signed an amount its keyset does not have.")
    if signature.dleq is None:
        raise _misbehaved("It gave a signature without the proof that it is genuine.")
    dleq = Dleq(bytes.fromhex(signature.dleq.e), bytes.fromhex(signature.dleq.s))
    try:
        point = PublicKey(bytes.fromhex(signature.point))
        unblinded = unblind(point, request.blank.factor, key)
    except ValueError:
        raise _misbehaved("It gave a signature that is not a point.") from None
    if not dleq_holds(dleq, key=key, blinded=request.blinded, signature=point):
        raise _misbehaved("It signed with another key than it published.")
    return SignedOutput(output, signature.amount, unblinded.format(), dleq.e, dleq.s)


def whole(source: SecretSource, stored: Sequence[StoredCoin]) -> tuple[Coin, ...]:
    """Coins of ours with their secrets, and with the proof another user needs to check them (NUT-12)."""
    coins = []
    for coin in stored:
        blank = source.blank(coin.keyset_id, coin.counter)
        dleq = Dleq(coin.dleq_e, coin.dleq_s, blank.factor)
        coins.append(Coin(coin.keyset_id, coin.amount, blank.secret, coin.signature, dleq))
    return tuple(coins)


def _misbehaved(why: str) -> MintMisbehaved:
    return MintMisbehaved("The mint breaks the rules.", why=why, now="Use another mint.")
