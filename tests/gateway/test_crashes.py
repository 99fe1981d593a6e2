"""The buyer's process dies at every step of a purchase in turn: nothing is lost, nothing is paid twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from desktop.domain.errors import HearthError
from desktop.domain.inference import Message
from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Price
from desktop.gateway.buyer import Buyer
from desktop.gateway.claims import Claim, ClaimKind, Claims
from desktop.gateway.question import Question
from desktop.gateway.roads import Roads
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.announcement import Provider as Announced
from desktop.network.directory.finder import Found
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from tests.fakes.http_server import serving
from tests.fakes.provider import Misbehaviour, Provider
from tests.fakes.purse import MINT, ImaginaryMint, ImaginaryPurse, Movement

LOOPBACK = Reach(loopback=True)
PRICE = Price(1_000_000, 500_000_000, 2000)
QUESTION = Question((Message("user", "Say hello."),), max_tokens=20)
START_SAT = 100
STEPS = 14
T = TypeVar("T")


class PowerCut(BaseException):
    """Not an Exception: nothing may catch it."""


class Fuse:
    """Blows before the given step, or after its effect; from then on nothing works any more."""

    def __init__(self, step: int, *, after: bool) -> None:
        self.blown = False
        self._left = step
        self._after = after

    def through(self, work: Callable[[], T]) -> T:
        self._left -= 1
        if self.blown or (self._left < 0 and not self._after):
            self.blown = True
            raise PowerCut
        result = work()
        if self._left < 0:
            self.blown = True
            raise PowerCut
        return result


class FusedPurse(ImaginaryPurse):
    """The same wallet, as the doomed process reaches it."""

    def __init__(self, purse: ImaginaryPurse, fuse: Fuse) -> None:
        super().__init__(purse.mint, 0)
        self._purse = purse
        self._fuse = fuse

    def send(self, amount_sat: int, mint: str, *, reference: str, include_receive_fee: bool) -> Movement:
        return self._fuse.through(
            lambda: self._purse.send(amount_sat, mint, reference=reference, include_receive_fee=include_receive_fee)
        )

    def receive(self, token: str, *, reference: str) -> Movement:
        return self._fuse.through(lambda: self._purse.receive(token, reference=reference))

    def reclaim(self, reference: str) -> Movement | None:
        return self._fuse.through(lambda: self._purse.reclaim(reference))

    def balance(self) -> dict[str, int]:
        return self._fuse.through(lambda: dict(self._purse.balance()))


class FusedClaims(Claims):
    """The same folder, as the doomed process reaches it."""

    def __init__(self, folder: Path, fuse: Fuse) -> None:
        super().__init__(folder)
        self._fuse = fuse

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
        plan = super().plan
        return self._fuse.through(
            lambda: plan(reference, kind, provider=provider, urls=urls, mint=mint, amount_sat=amount_sat, now_ms=now_ms)
        )

    def sent(self, claim: Claim) -> Claim:
        sent = super().sent
        return self._fuse.through(lambda: sent(claim))

    def answered(self, claim: Claim, change: str) -> Claim:
        answered = super().answered
        return self._fuse.through(lambda: answered(claim, change))

    def close(self, claim: Claim) -> None:
        close = super().close
        self._fuse.through(lambda: close(claim))


class OneProvider:
    """A directory with one entry."""

    def __init__(self, url: str) -> None:
        listing = Listing("smol", "Smol", ModelKind.CHAT, 2048, 512, PRICE)
        announcement = Announcement("node", (url,), (MINT,), "1", models=(listing,))
        self._found = Found((Announced("ab" * 32, "cd" * 32, 0, 2**60, announcement),), (), 1)

    async def find(self) -> Found:
        return self._found


@asynccontextmanager
async def shop(mint: ImaginaryMint, does: Misbehaviour) -> AsyncIterator[tuple[Provider, OneProvider, Roads]]:
    provider = Provider(mint, PRICE, does=does)
    async with (
        serving(provider.app()) as port,
        WireServer(b"\x08" * 32, port, LOOPBACK) as wire,
        WireDialer(LOOPBACK, connect_s=2) as dialer,
    ):
        yield provider, OneProvider(str(wire.address())), Roads(dialer)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "does",
    [Misbehaviour(), Misbehaviour(keeps_change=True), Misbehaviour(refuses_with=503), Misbehaviour(stops_after=1)],
    ids=["served", "change kept back", "refused", "broken off"],
)
async def test_every_step(tmp_path: Path, does: Misbehaviour, *, after: bool) -> None:
    reached = 0
    mint = ImaginaryMint(fee_sat=1)
    async with shop(mint, does) as (provider, finder, roads):
        for step in range(STEPS):
            mint.fees_sat = provider.earned_msat = 0
            purse = ImaginaryPurse(mint, START_SAT)
            folder = tmp_path / str(step)
            fuse = Fuse(step, after=after)
            doomed = Buyer(
                finder,
                roads,
                FusedPurse(purse, fuse),
                FusedClaims(folder, fuse),
                now_ms=lambda: 0,
                patience_s=0.3,
            )
            try:
                async with doomed.ask(QUESTION) as answer:
                    async for _ in answer:
                        continue
            except (PowerCut, HearthError):
                pass
            reached += fuse.blown
            # A quarter of an hour later, so that a provider's "nothing owed" is its last word.
            later = Buyer(finder, roads, purse, Claims(folder), now_ms=lambda: 20 * 60_000)
            await later.recover()
            assert Claims(folder).open_claims() == []
            assert mint.outstanding_sat == 0
            assert Money.from_sat(purse.funds_sat + mint.fees_sat) + Money(provider.earned_msat) == Money.from_sat(
                START_SAT
            )
            assert provider.earned_msat <= PRICE.request_msat + 3000
    assert STEPS > reached >= 5, "every step was reached, and the last runs went through unharmed"
