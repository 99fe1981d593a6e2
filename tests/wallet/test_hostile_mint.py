"""A mint whose answers break the rules: refused, and no sat of ours is forgotten."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from desktop.domain.errors import MintMisbehaved, MintUnreachable, PaymentError, TokenInvalid
from desktop.network.local.mint import LocalMint
from desktop.wallet.curve import hash_to_curve
from desktop.wallet.mint_client import MintClient
from tests.wallet.between import Answer, Between, Tamper
from tests.wallet.conftest import OpenWallet
from tests.wallet.money import fund, token_of

POINT = hash_to_curve(b"anything").format().hex()


def each(field: str, change: Callable[[Any], Any]) -> Tamper:
    """Change one field of each signature."""

    def tamper(answer: Answer) -> object:
        for signature in answer["signatures"]:
            signature[field] = change(signature[field])
        return answer

    return tamper


def keysets(**changes: object) -> Tamper:
    def tamper(answer: Answer) -> object:
        answer["keysets"] = [keyset | changes for keyset in answer["keysets"]]
        return answer

    return tamper


def keys(change: Callable[[dict[str, str]], dict[str, str]]) -> Tamper:
    def tamper(answer: Answer) -> object:
        for keyset in answer["keysets"]:
            keyset["keys"] = change(keyset["keys"])
        return answer

    return tamper


def without(*names: str) -> Tamper:
    return lambda answer: {name: value for name, value in answer.items() if name not in names}


@pytest.mark.parametrize(
    "tamper",
    [
        each("C_", lambda _: POINT),
        each("C_", lambda text: text[:-2]),
        each("C_", lambda _: "02" + "ff" * 32),
        each("C_", lambda _: 7),
        each("amount", lambda amount: amount * 2),
        each("amount", lambda _: 0),
        each("amount", lambda _: -1),
        each("amount", lambda _: 2**70),
        each("id", lambda _: "00" * 8),
        each("dleq", lambda _: None),
        each("dleq", lambda dleq: {"e": dleq["s"], "s": dleq["e"]}),
        each("dleq", lambda _: {"e": "00" * 32, "s": "00" * 32}),
        lambda answer: {"signatures": answer["signatures"][:-1]},
        lambda answer: {"signatures": answer["signatures"] * 2},
        lambda answer: {"signatures": answer["signatures"][::-1]},
        lambda answer: {"signatures": answer["signatures"] * 5000},
        lambda _: {"signatures": None},
        lambda _: [],
        lambda _: "no",
        without("signatures"),
    ],
)
def test_bad_signatures_are_refused_and_the_good_ones_fetched_later(
    tamper: Tamper, open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 101, mint.url)
    between.tamper["/v1/swap"] = tamper
    with pytest.raises(MintMisbehaved):
        carol.receive(token, reference="pay")
    assert carol.balance() == {}
    between.tamper.clear()
    (outcome,) = carol.recover()
    assert outcome.error is None
    assert carol.balance() == {mint.url: outcome.operation.amount_sat}
    assert carol.receive(token, reference="pay").gross_sat == 101


@pytest.mark.parametrize(
    ("path", "tamper"),
    [
        ("/v1/keysets", keysets(id="00" * 8)),
        ("/v1/keysets", keysets(id="01" + "ab" * 32)),
        ("/v1/keysets", keysets(input_fee_ppk=0)),
        ("/v1/keysets", keysets(input_fee_ppk=-1)),
        ("/v1/keysets", keysets(input_fee_ppk=10**9)),
        ("/v1/keysets", keysets(final_expiry=1)),
        ("/v1/keysets", keysets(active=False)),
        ("/v1/keysets", keysets(unit="usd")),
        ("/v1/keysets", keysets(active="yes")),
        ("/v1/keysets", lambda _: {}),
        ("/v1/keys/", keys(lambda old: old | {"1": POINT})),
        ("/v1/keys/", keys(lambda old: {amount: key for amount, key in old.items() if amount != "4"})),
        ("/v1/keys/", keys(lambda old: old | {"3": POINT})),
        ("/v1/keys/", keys(lambda _: {})),
        ("/v1/keys/", keys(lambda _: {"1": "02"})),
        ("/v1/keys/", lambda _: {"keysets": []}),
        ("/v1/info", lambda answer: answer | {"nuts": {}}),
        ("/v1/info", lambda answer: answer | {"nuts": answer["nuts"] | {"12": {"supported": False}}}),
        ("/v1/info", lambda _: None),
    ],
)
def test_a_mint_whose_keys_cannot_be_trusted_gets_no_coin(
    path: str, tamper: Tamper, open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    between.tamper[path] = tamper
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 101, mint.url)
    with pytest.raises((MintMisbehaved, TokenInvalid)):
        carol.receive(token, reference="pay")
    assert "/v1/swap" not in between.calls
    between.tamper.clear()
    assert carol.receive(token, reference="pay").gross_sat == 101


def test_a_mint_that_changes_its_keys_under_the_same_id_is_refused(open_wallet: OpenWallet, mint: LocalMint) -> None:
    alice, carol = open_wallet("alice"), open_wallet("carol")
    carol.receive(token_of(alice, 101, mint.url), reference="before")
    between = Between()
    between.tamper["/v1/keys/"] = keys(lambda old: old | {"1": POINT})
    later = open_wallet("carol", between=between)
    with pytest.raises(MintMisbehaved):
        later.receive(token_of(alice, 101, mint.url), reference="after")


def test_a_mint_that_takes_anothers_keyset_is_refused(open_wallet: OpenWallet, mint: LocalMint) -> None:
    """The same keys under another address would make us use the same secrets at both."""
    alice = open_wallet("alice")
    fund(alice, 100, mint.url)
    twin = mint.url.replace("127.0.0.1", "localhost")
    both = open_wallet("alice", accepted=(mint.url, twin))
    with pytest.raises(MintMisbehaved, match="another"):
        both.mint_quote(10, twin)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"", MintMisbehaved),
        (200, b"<html>", MintMisbehaved),
        (200, b"\xff\xfe", MintMisbehaved),
        (200, b"[" * 100_000, MintMisbehaved),
        (200, b" " * (5 * 2**20), MintMisbehaved),
        (301, b"", MintMisbehaved),
        (429, b"", MintUnreachable),
        (500, b"{}", MintUnreachable),
        (503, b"", MintUnreachable),
    ],
    ids=lambda value: str(value)[:20],
)
def test_answers_that_are_none_are_told_apart(
    status: int, body: bytes, error: type[PaymentError], open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 101, mint.url)
    between.replace["/v1/swap"] = (status, body)
    with pytest.raises(error):
        carol.receive(token, reference="pay")
    between.replace.clear()
    assert carol.receive(token, reference="pay").gross_sat == 101


@pytest.mark.parametrize("code", [0, 10000, 11005, 11009, 12002, "x", None, 2**80])
def test_a_refusal_without_a_reason_we_know_does_not_take_the_token(
    code: object, open_wallet: OpenWallet, mint: LocalMint
) -> None:
    between = Between()
    alice, carol = open_wallet("alice"), open_wallet("carol", between=between)
    token = token_of(alice, 101, mint.url)
    between.replace["/v1/swap"] = (400, json.dumps({"detail": "a secret", "code": code}).encode())
    with pytest.raises(TokenInvalid) as caught:
        carol.receive(token, reference="pay")
    assert "a secret" not in str(caught.value)
    between.replace.clear()
    assert carol.receive(token, reference="pay").gross_sat == 101


def test_an_invoice_or_a_price_for_another_amount_is_refused(
    open_wallet: OpenWallet, mint: LocalMint, other_mint: LocalMint
) -> None:
    between = Between()
    alice = open_wallet("alice", accepted=(mint.url, other_mint.url), between=between)
    fund(alice, 500, mint.url)
    invoice = alice.mint_quote(50, other_mint.url).invoice
    between.tamper["/v1/melt/quote/bolt11"] = lambda answer: answer | {"amount": 60}
    with pytest.raises(MintMisbehaved):
        alice.melt_quote(invoice, mint.url)
    between.tamper["/v1/melt/quote/bolt11"] = lambda answer: answer | {"fee_reserve": 400}
    with pytest.raises(MintMisbehaved):
        alice.melt_quote(invoice, mint.url)
    between.tamper["/v1/mint/quote/bolt11"] = lambda answer: answer | {"request": invoice}
    with pytest.raises(MintMisbehaved):
        alice.mint_quote(60, mint.url)
    assert alice.balance()[mint.url] == 500


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    behave(connection)
                except OSError:
                    return  # the wallet hung up, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)


def endless(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


def elsewhere(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")


def half(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


def silent(connection: socket.socket) -> None:
    connection.recv(4096)


def no_http(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"\x00" * 1000)


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (endless, MintMisbehaved),
        (elsewhere, MintMisbehaved),
        (half, MintUnreachable),
        (silent, MintUnreachable),
        (no_http, MintUnreachable),
    ],
)
def test_the_client_is_not_held_up(behave: Callable[[socket.socket], None], error: type[PaymentError]) -> None:
    with server(behave) as url:
        client = MintClient(url)
        with pytest.raises(error):
            client.info()
        client.close()


def test_a_mint_that_drips_its_answer_is_given_up_in_time() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)  # the mint's slowness itself

    with server(drip) as url:
        client = MintClient(url, answer_within_s=0.5)
        begun = time.monotonic()
        with pytest.raises(MintUnreachable):
            client.info()
        assert time.monotonic() - begun < 30
        client.close()


def test_ambient_proxies_and_passwords_are_not_used() -> None:
    client = MintClient("http://127.0.0.1:9", lambda: made)
    made = requests.Session()
    with pytest.raises(MintUnreachable):
        client.info()
    assert not made.trust_env
    client.close()
