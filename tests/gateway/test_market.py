"""The whole way with real parts: announced on real relays, found there, reached by public key, asked, paid, checked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from desktop.domain.errors import ModelNotFound
from desktop.domain.inference import Message
from desktop.domain.model import ModelKind
from desktop.domain.pricing import Price
from desktop.gateway.buyer import Buyer
from desktop.gateway.claims import Claims
from desktop.gateway.question import Question
from desktop.gateway.roads import Roads
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.enrolment import Enrolment
from desktop.network.directory.finder import Finder
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Patience, Relays
from desktop.network.local.relay import LocalRelay
from desktop.network.wire.dial import WireDialer
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from tests.fakes.http_server import serving
from tests.fakes.provider import Provider
from tests.fakes.purse import MINT, ImaginaryMint, ImaginaryPurse

LOOPBACK = Reach(loopback=True)
PRICE = Price(1_000_000, 500_000_000, 2000)
QUESTION = Question((Message("user", "Say hello."),), model="smol", max_tokens=20)
QUICK = Patience(connect_s=2, answer_s=2, first_retry_s=0.05, last_retry_s=0.2, look_s=0.05)


def now_ms() -> int:
    return int(time.time() * 1000)


async def test_a_stranger_finds_asks_and_pays_while_relays_die(tmp_path: Path) -> None:
    mint = ImaginaryMint(fee_sat=1)
    provider = Provider(mint, PRICE)
    purse = ImaginaryPurse(mint, 1000)
    listing = Listing("smol", "Smol", ModelKind.CHAT, 2048, 512, PRICE)
    async with (
        LocalRelay() as one,
        LocalRelay() as two,
        serving(provider.app()) as port,
        WireServer(b"\x21" * 32, port, LOOPBACK) as wire,
        Relays([one.url, "ws://127.0.0.1:9", two.url], now_ms=now_ms, patience=QUICK) as sellers_relays,
        Relays([two.url, "ws://127.0.0.1:9", one.url], now_ms=now_ms, patience=QUICK) as buyers_relays,
        WireDialer(LOOPBACK) as dialer,
    ):
        buyer = Buyer(
            Finder(buyers_relays, now_ms=now_ms, loopback=True),
            Roads(dialer),
            purse,
            Claims(tmp_path),
            now_ms=now_ms,
        )
        announcement = Announcement("node", (str(wire.address()),), (MINT,), "0.1.0", models=(listing,))
        enrolment = Enrolment(sellers_relays, NostrIdentity(b"\x22" * 32), announcement, now_ms=now_ms)
        async with enrolment:
            await enrolment.wait_enrolled(5)
            for dying in (None, one):
                if dying is not None:
                    await dying.kill()
                async with buyer.ask(QUESTION) as answer:
                    assert "".join([piece async for piece in answer]) == "Hello there, buyer."
                assert answer.bill is not None
                assert answer.bill.honest, answer.bill.complaint
        with pytest.raises(ModelNotFound):
            async with buyer.ask(QUESTION):
                pass
    assert provider.earned_msat == 10_000
    assert purse.funds_sat + mint.fees_sat + 10 == 1000
