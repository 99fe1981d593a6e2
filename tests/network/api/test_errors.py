import inspect
import logging

import pytest
from starlette.exceptions import HTTPException

from desktop.domain import errors
from desktop.domain.errors import HearthError
from desktop.network.api.errors import INTERNAL, problem_of
from tests.fakes.desk import Behaviour
from tests.network.api.conftest import Served

HELLO = {"model": "smol", "messages": [{"role": "user", "content": "Hi"}]}

EXPECTED = {
    "HearthError": (500, "api_error", "internal_error"),
    "SettingsError": (500, "api_error", "internal_error"),
    "RequestError": (400, "invalid_request_error", "invalid_request"),
    "ModelNotFound": (400, "invalid_model", "model_not_found"),
    "ContextOverflow": (400, "invalid_request_error", "context_length_exceeded"),
    "PaymentError": (400, "cashu_error", "cashu_token_redemption_failed"),
    "PaymentRequired": (402, "insufficient_quota", "insufficient_balance"),
    "TokenInvalid": (400, "invalid_token", "invalid_cashu_token"),
    "TokenSpent": (400, "token_already_spent", "cashu_token_already_spent"),
    "TokenWorthless": (422, "mint_error", "cashu_token_swap_fees_exceed_amount"),
    "MintNotAccepted": (400, "mint_error", "cashu_mint_not_accepted"),
    "MintUnreachable": (503, "mint_unreachable", "cashu_mint_unreachable"),
    "MintMisbehaved": (400, "cashu_error", "cashu_token_redemption_failed"),
    "FundsShort": (503, "mint_error", "funds_short"),
    "KeyUnknown": (401, "invalid_request_error", "invalid_api_key"),
    "Busy": (429, "rate_limit_exceeded", "rate_limit"),
    "Unavailable": (503, "upstream_error", "unavailable"),
    "WorkerError": (502, "upstream_error", "upstream_request_failed"),
    "WorkerDied": (502, "upstream_error", "upstream_request_failed"),
    "FrameError": (502, "upstream_error", "upstream_request_failed"),
    "SandboxUnavailable": (502, "upstream_error", "upstream_request_failed"),
    "SandboxBroken": (502, "upstream_error", "upstream_request_failed"),
    "ModelCorrupt": (502, "upstream_error", "upstream_request_failed"),
    "LedgerError": (503, "upstream_error", "unavailable"),
    "DatabaseNewer": (503, "upstream_error", "unavailable"),
    "StorageUnusable": (503, "upstream_error", "unavailable"),
    "NetworkError": (500, "api_error", "internal_error"),
    "EnrolmentFailed": (500, "api_error", "internal_error"),
    "ProviderUnreachable": (500, "api_error", "internal_error"),
    "AlreadyRunning": (500, "api_error", "internal_error"),
}
BUYERS_BUSINESS = {"RequestError", "PaymentError", "Busy", "Unavailable"}


def one(kind: type[HearthError]) -> HearthError:
    """An error of that kind with a recognisable text."""
    more = {
        name: 7
        for name in inspect.signature(kind.__init__).parameters
        if name in {"required_msat", "offered_msat", "retry_after_s"}
    }
    return kind("What happened.", why="At /home/owner/x.", now="Do that.", **more)


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HearthError)]


def expected(kind: type[HearthError]) -> tuple[int, str, str]:
    """What its nearest relative above is told as."""
    return next(EXPECTED[parent.__name__] for parent in kind.__mro__ if parent.__name__ in EXPECTED)


def test_the_table_names_errors_that_exist() -> None:
    assert set(EXPECTED) <= {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_domain_error_arrives_in_routstrs_shape(served: Served, kind: type[HearthError]) -> None:
    served.desk.behaviour = Behaviour(open_failure=one(kind))
    response = await served.http.post("/v1/chat/completions", json=HELLO, headers=await served.key())
    body = response.json()
    assert set(body) == {"error"}
    told = body["error"]
    assert (response.status_code, told["type"], told["code"]) == expected(kind)
    for_buyers = any(parent.__name__ in BUYERS_BUSINESS for parent in kind.__mro__)
    assert ("/home/owner" in told["message"]) is for_buyers
    assert isinstance(told["details"], dict)
    if response.status_code in {429, 503}:
        assert int(response.headers["retry-after"]) >= 1
    if response.status_code == 402:
        assert response.headers["x-cashu"] == "creqA7xInference"
        assert told["details"]["required"] == 7


def test_a_bug_is_told_as_one_and_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="sk-secret") as caught:
        int("sk-secret")
    with caplog.at_level(logging.ERROR):
        assert problem_of(caught.value) is INTERNAL
    assert "ValueError" in caplog.text
    assert "test_errors.py" in caplog.text
    assert "sk-secret" not in caplog.text


def test_paths_and_methods() -> None:
    assert problem_of(HTTPException(404)).code == "not_found"
    wrong = problem_of(HTTPException(405, headers={"Allow": "POST, GET"}))
    assert (wrong.status, wrong.message) == (405, "This address takes GET or POST.")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/models/", 400),
        ("GET", "/v1/chat/completions", 405),
        ("HEAD", "/v1/balance/create", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/balance/info", 405),
        ("GET", "/v1/models/none", 400),
        ("OPTIONS", "/v1/info", 405),
    ],
)
async def test_wrong_addresses_are_told_in_json(served: Served, method: str, path: str, status: int) -> None:
    response = await served.http.request(method, path)
    assert response.status_code == status
    if method != "HEAD":
        assert "error" in response.json()
