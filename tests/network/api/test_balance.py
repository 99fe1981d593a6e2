import asyncio

import pytest

from desktop.domain.errors import MintUnreachable
from tests.fakes.patience import until
from tests.network.api.conftest import Served

HELLO = {"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}
CHAT = "/v1/chat/completions"


async def test_a_key_is_made_used_topped_up_and_refunded(served: Served) -> None:
    made = await served.http.post("/v1/balance/create", json={"initial_balance_token": served.desk.mint(100)})
    assert made.json()["balance"] == 100_000
    assert made.headers["cache-control"] == "no-store"
    pay = {"authorization": f"Bearer {made.json()['api_key']}"}
    assert (await served.http.post(CHAT, json=HELLO, headers=pay)).status_code == 200
    added = await served.http.post("/v1/balance/topup", json={"cashu_token": served.desk.mint(5)}, headers=pay)
    assert added.json() == {"msats": 5000}
    added = await served.http.post("/v1/balance/topup", params={"cashu_token": served.desk.mint(2)}, headers=pay)
    assert added.json() == {"msats": 2000}
    info = (await served.http.get("/v1/balance/info", headers=pay)).json()
    assert info["api_key"] == made.json()["api_key"]
    assert (info["balance"], info["reserved"], info["total_requests"], info["total_spent"]) == (105_974, 0, 1, 1026)
    refund = await served.http.post("/v1/balance/refund", headers=pay)
    assert served.desk.tokens[refund.json()["token"]] == 105
    assert refund.headers["x-cashu"] == refund.json()["token"]
    assert (await served.http.post("/v1/balance/refund", headers=pay)).json() == refund.json()
    assert (await served.http.post(CHAT, json=HELLO, headers=pay)).status_code == 401


async def test_a_key_by_get_as_routstr_has_it(served: Served) -> None:
    made = await served.http.get("/v1/balance/create", params={"initial_balance_token": served.desk.mint(8)})
    assert made.json()["balance"] == 8000
    missing = await served.http.get("/v1/balance/create")
    assert missing.status_code == 400
    assert missing.json()["error"]["param"] == "initial_balance_token"


async def test_a_token_as_bearer_is_a_key(served: Served) -> None:
    pay = {"authorization": f"bearer {served.desk.mint(100)}"}
    assert (await served.http.post(CHAT, json=HELLO, headers=pay)).status_code == 200
    assert (await served.http.post(CHAT, json=HELLO, headers=pay)).status_code == 200
    assert (await served.http.get("/v1/balance/info", headers=pay)).json()["total_requests"] == 2
    refund = await served.http.post("/v1/balance/refund", headers=pay)
    assert served.desk.tokens[refund.json()["token"]] == 97


async def test_the_change_of_a_token_payment_can_be_fetched_later(served: Served) -> None:
    token = served.desk.mint(100)
    answer = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token})
    refund = await served.http.post("/v1/balance/refund", headers={"X-Cashu": token})
    assert refund.json()["token"] == answer.headers["x-cashu"]
    stranger = await served.http.post("/v1/balance/refund", headers={"X-Cashu": served.desk.mint(3)})
    assert stranger.status_code == 404
    assert stranger.json()["error"]["code"] == "refund_not_found"


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ("Bearer sk-nobody", 401, "invalid_api_key"),
        ("Bearer anything", 401, "invalid_api_key"),
        ("Bearer", 401, "invalid_api_key"),
        ("Basic sk-x", 401, "invalid_api_key"),
        ("Bearer sk-\xff", 401, "invalid_api_key"),
        ("Bearer cashuBforged", 400, "invalid_cashu_token"),
    ],
)
async def test_keys_that_are_none(served: Served, value: str, status: int, code: str) -> None:
    headers = [(b"authorization", value.encode("latin-1"))]
    for method, path in (("POST", CHAT), ("GET", "/v1/balance/info")):
        response = await served.http.request(method, path, json=HELLO, headers=headers)
        assert response.status_code == status
        assert response.json()["error"]["code"] == code


@pytest.mark.parametrize("header", ["", "nonsense", "sk-key", "cashuB\xff", "creqA123"])
async def test_what_is_no_token_is_refused_before_the_node_sees_it(served: Served, header: str) -> None:
    response = await served.http.post(CHAT, json=HELLO, headers=[(b"x-cashu", header.encode("latin-1"))])
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_cashu_token"
    assert not served.desk.jobs


async def test_no_payment_is_answered_with_a_payment_request(served: Served) -> None:
    response = await served.http.post(CHAT, json={**HELLO, "max_tokens": 100})
    assert response.status_code == 402
    most = 2048 * 2 + 100 * 4 + 1000
    assert response.headers["x-cashu"] == f"creqA{most}xInference"
    assert response.json()["error"]["details"]["required"] == most
    embed = await served.http.post("/v1/embeddings", json={"model": "minilm", "input": ["a", "b"]})
    assert embed.json()["error"]["details"]["required"] == 2 * 512
    unknown = await served.http.post(CHAT, json={**HELLO, "model": "gpt-9"})
    assert unknown.status_code == 400
    assert unknown.json()["error"]["param"] == "model"


async def test_too_little_is_refused_and_kept_by_its_owner(served: Served) -> None:
    token = served.desk.mint(1)
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token})
    assert response.status_code == 402
    assert response.headers["x-cashu"].startswith("creqA")
    assert token not in served.desk.spent


async def test_what_we_cannot_promise_about_a_key_is_refused(served: Served) -> None:
    asked = {"initial_balance_token": served.desk.mint(8), "validity_date": 1738000000}
    response = await served.http.post("/v1/balance/create", json=asked)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "validity_date"
    assert not served.desk.spent


async def test_a_mint_that_is_away(served: Served) -> None:
    served.desk.account_failure = MintUnreachable("The mint is away.")
    response = await served.http.post("/v1/balance/create", json={"initial_balance_token": served.desk.mint(8)})
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1


async def test_redeeming_a_token_is_not_broken_off_by_a_stop(served: Served) -> None:
    gate = served.desk.account_gate = asyncio.Event()
    token = served.desk.mint(8)
    request = asyncio.create_task(served.http.post("/v1/balance/create", json={"initial_balance_token": token}))
    await until(lambda: token in served.desk.spent)
    stop = asyncio.create_task(served.server.stop(0))
    asyncio.get_running_loop().call_later(0.1, gate.set)
    response = await request
    await stop
    assert response.status_code == 200
    assert response.json()["balance"] == 8000
