"""The life of a sale: whatever happens, the job is settled once and the buyer's money is accounted for."""

import asyncio

import httpx
import msgspec
import pytest

from desktop.domain.errors import Busy, MintUnreachable, PaymentRequired, TokenInvalid, Unavailable, WorkerDied
from tests.fakes.desk import Behaviour, FakeDesk
from tests.fakes.patience import until
from tests.network.api.conftest import Served

HELLO = {"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}
CHAT = "/v1/chat/completions"


def settled_once(desk: FakeDesk) -> bool:
    return bool(desk.jobs) and all(job.settle_calls == 1 for job in desk.jobs)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_token_refunds_in_an_error_response(served: Served, *, stream: bool) -> None:
    served.desk.behaviour = Behaviour(failure=WorkerDied("Killed by /secret/place"), fail_after=0)
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json={**HELLO, "stream": stream}, headers={"X-Cashu": token})
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "upstream_request_failed"
    assert "secret" not in response.text
    assert served.desk.tokens[response.headers["x-cashu"]] == 100
    assert served.desk.earned.msat == 0
    assert settled_once(served.desk)


async def test_a_failure_in_mid_stream_is_an_event_with_the_refund(served: Served) -> None:
    served.desk.behaviour = Behaviour(failure=WorkerDied("Killed"), fail_after=2)
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json={**HELLO, "stream": True}, headers={"X-Cashu": token})
    blocks = response.text.split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    last = msgspec.json.decode(blocks[-3].removeprefix("data: "), type=dict[str, object])
    assert msgspec.convert(last["error"], dict[str, object])["code"] == "upstream_request_failed"
    assert served.desk.tokens[str(last["x_cashu"])] == 100
    assert settled_once(served.desk)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_bug_is_an_internal_error_without_its_inside(
    served: Served,
    *,
    stream: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served.desk.behaviour = Behaviour(failure=ZeroDivisionError("the prompt was: hunter2"), fail_after=0)
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json={**HELLO, "stream": stream}, headers={"X-Cashu": token})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text
    assert "hunter2" not in caplog.text
    assert token not in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "x-cashu" in response.headers
    assert settled_once(served.desk)


async def test_an_answer_that_breaks_off_without_an_end_is_an_error(served: Served) -> None:
    served.desk.behaviour = Behaviour(script=(), finishes=False)
    response = await served.http.post(CHAT, json=HELLO, headers=await served.key())
    assert response.status_code == 502
    assert settled_once(served.desk)


async def test_who_is_charged_for_part_of_an_answer_gets_that_part(served: Served) -> None:
    served.desk.behaviour = Behaviour(finishes=False)
    response = await served.http.post(CHAT, json=HELLO, headers=await served.key())
    assert response.status_code == 200
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert response.json()["hearth"]["error"]["code"] == "upstream_request_failed"
    assert settled_once(served.desk)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_delivered_even_if_its_bill_is_not(served: Served, *, stream: bool) -> None:
    served.desk.behaviour = Behaviour(settle_failure=MintUnreachable("The mint is away."))
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json={**HELLO, "stream": stream}, headers={"X-Cashu": token})
    assert response.status_code == 200
    assert "world" in response.text
    assert "cashu_mint_unreachable" in response.text
    assert "x-cashu" not in response.headers
    assert settled_once(served.desk)


async def test_a_bug_in_settling_does_not_lose_the_answer(served: Served) -> None:
    served.desk.behaviour = Behaviour(settle_failure=ZeroDivisionError())
    response = await served.http.post(CHAT, json=HELLO, headers=await served.key())
    assert response.status_code == 200
    assert response.json()["hearth"]["error"]["code"] == "internal_error"


@pytest.mark.parametrize("failure", [Busy("Full.", retry_after_s=3), Unavailable("Paused."), ZeroDivisionError()])
async def test_what_fails_after_the_token_was_redeemed_sends_a_new_one(served: Served, failure: Exception) -> None:
    served.desk.behaviour = Behaviour(late_open_failure=failure)
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token})
    assert response.status_code in {429, 500, 503}
    assert response.headers["x-cashu"] != token
    assert served.desk.tokens[response.headers["x-cashu"]] == 100
    assert served.desk.outstanding_sat() == 100


async def test_underpaid_after_redemption_gets_money_back_rather_than_a_request(served: Served) -> None:
    served.desk.behaviour = Behaviour(late_open_failure=PaymentRequired("Too little.", required_msat=9, offered_msat=8))
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": served.desk.mint(100)})
    assert response.status_code == 402
    assert served.desk.tokens[response.headers["x-cashu"]] == 100
    assert response.json()["error"]["details"]["payment_request"] == "creqA9xInference"


async def test_a_token_that_was_not_redeemed_comes_back_as_it_is(served: Served) -> None:
    served.desk.behaviour = Behaviour(open_failure=MintUnreachable("The mint is away."))
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token})
    assert response.status_code == 503
    assert response.headers["x-cashu"] == token


async def test_a_spent_token_is_refused_and_not_sent_back(served: Served) -> None:
    token = served.desk.mint(100)
    served.desk.redeem(token)
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "cashu_token_already_spent"
    assert "x-cashu" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_goes_away_stops_the_job_at_once(served: Served, *, stream: bool) -> None:
    served.desk.behaviour = Behaviour(script=("a",) * 100, gated=True)
    token = served.desk.mint(100)
    request = asyncio.create_task(
        served.http.post(CHAT, json={**HELLO, "stream": stream}, headers={"X-Cashu": token}, timeout=60)
    )
    await until(lambda: bool(served.desk.jobs))
    job = served.desk.jobs[0]
    for _ in range(3):
        job.permits.release()
    await until(lambda: job.pieces_made == 3)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await until(job.closed.is_set)
    assert job.pieces_made == 3
    assert job.cancel_calls == 1
    assert job.settle_calls == 1
    assert served.desk.owed[token]


async def test_a_client_that_goes_away_while_it_is_let_in_is_settled_too(served: Served) -> None:
    served.desk.behaviour = Behaviour(open_gate=asyncio.Event(), gated=True)
    token = served.desk.mint(100)
    request = asyncio.create_task(served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token}))
    await until(lambda: token in served.desk.spent)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert served.desk.behaviour.open_gate is not None
    served.desk.behaviour.open_gate.set()
    await until(lambda: bool(served.desk.jobs) and served.desk.jobs[0].closed.is_set())
    assert settled_once(served.desk)
    assert served.desk.outstanding_sat() + served.desk.earned.whole_sat == 100


async def test_an_embedding_client_that_goes_away_stops_the_job(served: Served) -> None:
    served.desk.behaviour = Behaviour(gated=True)
    headers = await served.key()
    asked = {"model": "minilm", "input": "x"}
    with pytest.raises(httpx.ReadTimeout):
        await served.http.post("/v1/embeddings", json=asked, headers=headers, timeout=httpx.Timeout(5, read=0.2))
    await until(lambda: bool(served.desk.jobs) and served.desk.jobs[0].closed.is_set())
    assert served.desk.jobs[0].cancel_calls == 1


async def test_stopping_lets_a_short_job_finish(served: Served) -> None:
    served.desk.behaviour = Behaviour(gated=True)
    request = asyncio.create_task(served.http.post(CHAT, json=HELLO, headers=await served.key()))
    await until(lambda: bool(served.desk.jobs))
    stop = asyncio.create_task(served.server.stop(10))
    for _ in served.desk.behaviour.script:
        served.desk.jobs[0].permits.release()
    assert (await request).status_code == 200
    async with asyncio.timeout(30):
        await stop


async def test_stopping_gives_what_was_paid_for_and_refunds_the_rest(served: Served) -> None:
    served.desk.behaviour = Behaviour(gated=True)
    whole = served.desk.mint(100)
    stream = served.desk.mint(100)
    requests = [
        asyncio.create_task(served.http.post(CHAT, json=HELLO, headers={"X-Cashu": whole})),
        asyncio.create_task(served.http.post(CHAT, json={**HELLO, "stream": True}, headers={"X-Cashu": stream})),
    ]
    await until(lambda: len(served.desk.jobs) == 2)
    for job in served.desk.jobs:
        job.permits.release()
    await until(lambda: all(job.pieces_made == 1 for job in served.desk.jobs))
    async with asyncio.timeout(30):
        await served.server.stop(0)
    first, second = [await request for request in requests]
    assert first.json()["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "Hello", "refusal": None},
        "logprobs": None,
        "finish_reason": "length",
    }
    assert first.json()["hearth"]["error"]["code"] == "stopping"
    assert served.desk.tokens[first.headers["x-cashu"]] == 98
    assert second.text.endswith("data: [DONE]\n\n")
    assert '"x_cashu":' in second.text
    assert settled_once(served.desk)
    with pytest.raises(httpx.ConnectError):
        await served.http.get("/v1/info")


async def test_stopping_while_money_is_taken_takes_it_and_refunds_it(served: Served) -> None:
    gate = asyncio.Event()
    served.desk.behaviour = Behaviour(open_gate=gate)
    token = served.desk.mint(100)
    request = asyncio.create_task(served.http.post(CHAT, json=HELLO, headers={"X-Cashu": token}))
    await until(lambda: token in served.desk.spent)
    stop = asyncio.create_task(served.server.stop(0))
    asyncio.get_running_loop().call_later(0.2, gate.set)
    response = await request
    await stop
    assert response.status_code == 503
    assert served.desk.tokens[response.headers["x-cashu"]] == 98
    assert settled_once(served.desk)


async def test_stopping_while_settling_delivers_the_answer(served: Served) -> None:
    gate = asyncio.Event()
    served.desk.behaviour = Behaviour(settle_gate=gate)
    request = asyncio.create_task(served.http.post(CHAT, json=HELLO, headers=await served.key()))
    await until(lambda: bool(served.desk.jobs) and served.desk.jobs[0].settle_calls == 1)
    stop = asyncio.create_task(served.server.stop(0))
    asyncio.get_running_loop().call_later(0.2, gate.set)
    response = await request
    await stop
    assert response.status_code == 200
    assert settled_once(served.desk)


async def test_a_job_that_ends_itself_is_an_answer_cut_short(served: Served) -> None:
    served.desk.behaviour = Behaviour(gated=True)
    request = asyncio.create_task(served.http.post(CHAT, json=HELLO, headers=await served.key()))
    await until(lambda: bool(served.desk.jobs))
    await served.desk.jobs[0].cancel()
    served.desk.jobs[0].permits.release()
    response = await request
    assert response.status_code == 200
    assert response.json()["choices"][0]["finish_reason"] == "length"


async def test_a_refund_that_cannot_be_made_now_is_explained(served: Served) -> None:
    served.desk.refund_failure = MintUnreachable("The mint is away.")
    served.desk.behaviour = Behaviour(late_open_failure=Unavailable("Paused."))
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": served.desk.mint(100)})
    assert response.status_code == 503
    assert "/v1/balance/refund" in response.json()["error"]["details"]["refund"]
    assert "x-cashu" not in response.headers


async def test_a_forged_token_that_met_a_full_house_is_told_of_the_full_house(served: Served) -> None:
    served.desk.refund_failure = TokenInvalid("That token is forged.")
    served.desk.behaviour = Behaviour(open_failure=Busy("Full.", retry_after_s=3))
    response = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": "cashuBforged"})
    assert response.status_code == 429
    assert "refund" not in response.json()["error"]["details"]


async def test_a_402_that_money_cannot_help_carries_no_payment_request(served: Served) -> None:
    served.desk.behaviour = Behaviour(open_failure=PaymentRequired("Wait.", required_msat=0, offered_msat=0))
    response = await served.http.post(CHAT, json=HELLO, headers=await served.key())
    assert response.status_code == 402
    assert "x-cashu" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_whose_refund_fails_too_says_where_to_ask(served: Served, *, stream: bool) -> None:
    served.desk.behaviour = Behaviour(
        failure=WorkerDied("Gone"), fail_after=1, settle_failure=MintUnreachable("The mint is away.")
    )
    token = served.desk.mint(100)
    response = await served.http.post(CHAT, json={**HELLO, "stream": stream}, headers={"X-Cashu": token})
    assert "upstream_request_failed" in response.text
    assert "/v1/balance/refund" in response.text
    assert settled_once(served.desk)
    served.desk.behaviour = Behaviour(failure=ZeroDivisionError(), fail_after=0)
    other = await served.http.post(CHAT, json=HELLO, headers={"X-Cashu": served.desk.mint(100)})
    assert other.json()["error"]["details"] == {}
