"""From domain errors to what the outside hears: one table, statuses and codes as a Routstr node answers them.

Only errors a buyer can act on tell their own words. Everything else, expected or a bug, is one bland sentence
outside, and its type and place in our own log; never its text, which might repeat what a buyer sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from traceback import extract_tb
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException

from desktop.domain import errors as domain

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it leaves: `{"error": {"type", "message", "code", "param", "details"}}` under `status`.

    `token_untouched` says that a token sent with the request is still the sender's to spend.
    """

    status: int
    type: str
    code: str
    message: str
    parameter: str = ""
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    retry_after_s: int | None = None
    token_untouched: bool = False

    def body(self) -> dict[str, object]:
        """The JSON object; `param` is where OpenAI's clients look for the field to blame."""
        error: dict[str, object] = {"type": self.type, "message": self.message, "code": self.code}
        if self.parameter:
            error["param"] = self.parameter
        details = dict(self.details)
        if self.parameter:
            details["field"] = self.parameter
        if self.retry_after_s is not None:
            details["retry_after"] = self.retry_after_s
        error["details"] = details
        return {"error": error}


class Refused(Exception):
    """The HTTP layer itself refuses: too large, too slow, no such path."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Rule:
    status: int
    type: str
    code: str
    retry_after_s: int | None = None
    token_untouched: bool = False
    public: bool = True


_INVALID: Final = "invalid_request_error"
INTERNAL: Final = Problem(
    500, "api_error", "internal_error", "Something went wrong inside this node. What was paid and not used is refunded."
)
STOPPING: Final = Problem(
    503,
    "upstream_error",
    "stopping",
    "This node is shutting down. Ask another provider.",
    retry_after_s=30,
)

_RULES: Final = MappingProxyType(
    {
        domain.RequestError: _Rule(400, _INVALID, "invalid_request"),
        domain.ModelNotFound: _Rule(400, "invalid_model", "model_not_found"),
        domain.ContextOverflow: _Rule(400, _INVALID, "context_length_exceeded"),
        domain.PaymentError: _Rule(400, "cashu_error", "cashu_token_redemption_failed"),
        domain.PaymentRequired: _Rule(402, "insufficient_quota", "insufficient_balance"),
        domain.TokenInvalid: _Rule(400, "invalid_token", "invalid_cashu_token", token_untouched=True),
        domain.TokenSpent: _Rule(400, "token_already_spent", "cashu_token_already_spent"),
        domain.TokenWorthless: _Rule(422, "mint_error", "cashu_token_swap_fees_exceed_amount", token_untouched=True),
        domain.MintNotAccepted: _Rule(400, "mint_error", "cashu_mint_not_accepted", token_untouched=True),
        domain.MintUnreachable: _Rule(
            503, "mint_unreachable", "cashu_mint_unreachable", retry_after_s=5, token_untouched=True
        ),
        domain.MintMisbehaved: _Rule(400, "cashu_error", "cashu_token_redemption_failed"),
        domain.FundsShort: _Rule(503, "mint_error", "funds_short", retry_after_s=60),
        domain.KeyUnknown: _Rule(401, _INVALID, "invalid_api_key"),
        domain.Busy: _Rule(429, "rate_limit_exceeded", "rate_limit"),
        domain.Unavailable: _Rule(503, "upstream_error", "unavailable", retry_after_s=15),
        domain.WorkerError: _Rule(502, "upstream_error", "upstream_request_failed", retry_after_s=5, public=False),
        domain.LedgerError: _Rule(503, "upstream_error", "unavailable", retry_after_s=60, public=False),
        domain.HearthError: _Rule(500, "api_error", "internal_error", public=False),
    }
)
_WORKER_FAILED: Final = "The model process failed while it worked on this request. You were not charged. Try again."
_NOT_NOW: Final = "This node cannot keep its records at the moment. Try again later, or ask another provider."
_BLAND: Final = MappingProxyType(
    {502: _WORKER_FAILED, 503: _NOT_NOW, 500: INTERNAL.message},
)


def problem_of(error: BaseException) -> Problem:
    """How that error is told outside. What has no rule is a bug: logged by type and place, told as INTERNAL."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, HTTPException):
        return _path_problem(error)
    if not isinstance(error, domain.HearthError):
        log_bug(error)
        return INTERNAL
    rule = next(_RULES[kind] for kind in type(error).__mro__ if kind in _RULES)
    if not rule.public:
        log_bug(error)
    parameter = error.parameter if isinstance(error, domain.RequestError) else ""
    return Problem(
        rule.status,
        rule.type,
        rule.code,
        str(error) if rule.public else _BLAND[rule.status],
        parameter=parameter,
        details=_details(error),
        retry_after_s=error.retry_after_s if isinstance(error, domain.Busy) else rule.retry_after_s,
        token_untouched=rule.token_untouched,
    )


def log_bug(error: BaseException) -> None:
    """Record what happened without a word of what anybody sent: the type and the line it came from."""
    frames = extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    log.error("request failed inside: %s at %s", type(error).__qualname__, place)


def _details(error: domain.HearthError) -> dict[str, object]:
    if not isinstance(error, domain.PaymentRequired):
        return {}
    return {
        "required": error.required_msat,
        "balance": error.offered_msat,
        "shortfall": max(0, error.required_msat - error.offered_msat),
        "unit": "msat",
    }


def _path_problem(error: HTTPException) -> Problem:
    allowed = (error.headers or {}).get("Allow")
    if allowed is None:
        return Problem(error.status_code, _INVALID, "not_found", "There is nothing at this address.")
    return Problem(
        error.status_code,
        _INVALID,
        "method_not_allowed",
        f"This address takes {' or '.join(sorted(allowed.split(', ')))}.",
    )
