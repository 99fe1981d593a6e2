"""A provider that can be made to misbehave, as an HTTP application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from desktop.domain.errors import TokenInvalid, TokenSpent
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage


@dataclass
class Misbehaviour:
    """What this provider does wrong; by default nothing."""

    keeps_sat: int = 0
    says_msat_more: int = 0
    counts_more: int = 0
    keeps_change: bool = False
    stops_after: int | None = None
    refuses_with: int | None = None
    keeps_on_refusal: bool = False
    silent: bool = False
    never_refunds: bool = False


class Till(Protocol):
    """Where a provider's money goes in and out: an imaginary mint, or a wallet at a real one."""

    def redeem(self, token: str) -> int: ...

    def issue(self, amount_sat: int) -> str: ...


@dataclass
class Provider:
    """Sells `words` for `price`; redeems tokens at the mint, keeps what is owed by token, and session balances."""

    mint: Till
    price: Price
    words: tuple[str, ...] = ("Hello", " there", ", buyer", ".")
    does: Misbehaviour = field(default_factory=Misbehaviour)
    earned_msat: int = 0
    asked: int = 0
    owed: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/embeddings", self.embed, methods=["POST"]),
                Route("/v1/balance/create", self.create, methods=["POST"]),
                Route("/v1/balance/refund", self.refund, methods=["POST"]),
            ]
        )

    async def chat(self, request: Request) -> Response:
        self.asked += 1
        body = await request.json()
        if self.does.silent:
            await asyncio.sleep(60)
        pay = self._open(request)
        if isinstance(pay, Response):
            return pay
        if body["stream"]:
            return StreamingResponse(self._stream(pay), media_type="text/event-stream")
        change, bill = pay(len(self.words))
        message = {"role": "assistant", "content": "".join(self.words)}
        answer = {"choices": [{"message": message, "finish_reason": "stop"}], **bill}
        return JSONResponse(answer, headers={"X-Cashu": change} if change else {})

    async def embed(self, request: Request) -> Response:
        body = await request.json()
        pay = self._open(request)
        if isinstance(pay, Response):
            return pay
        change, bill = pay(0)
        data = [{"index": i, "embedding": [1.0, float(i)]} for i in reversed(range(len(body["input"])))]
        return JSONResponse({"data": data, **bill}, headers={"X-Cashu": change} if change else {})

    async def create(self, request: Request) -> Response:
        token = (await request.json())["initial_balance_token"]
        key = f"sk-{token}"
        if key not in self.sessions:
            self.sessions[key] = self.mint.redeem(token) * 1000
        return JSONResponse({"api_key": key, "balance": self.sessions[key]})

    async def refund(self, request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        paid = request.headers.get("x-cashu") or key
        if key in self.sessions and key not in self.owed and (rest := Money(self.sessions[key]).whole_sat):
            self.owed[key] = self.mint.issue(rest)
        token = self.owed.get(paid)
        if token is None or self.does.never_refunds:
            return JSONResponse({"error": {"message": "nothing is owed", "code": "refund_not_found"}}, 404)
        return JSONResponse({"token": token}, headers={"X-Cashu": token})

    def _open(self, request: Request) -> Response | Callable[[int], tuple[str | None, dict[str, object]]]:
        """Take the money; gives what settles the job for a number of words."""
        if self.does.refuses_with is not None and not self.does.keeps_on_refusal:
            return JSONResponse({"error": {"message": "not now", "code": "overloaded"}}, self.does.refuses_with)
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key in self.sessions:
            return lambda words: (None, self._charge_session(key, words))
        token = request.headers["x-cashu"]
        try:
            held_sat = self.mint.redeem(token)
        except (TokenInvalid, TokenSpent):
            return JSONResponse({"error": {"message": "bad token", "code": "cashu_token"}}, 400)
        if self.does.refuses_with is not None:
            self.owed[token] = self.mint.issue(held_sat)
            return JSONResponse({"error": {"message": "failed", "code": "x"}}, self.does.refuses_with)
        return lambda words: self._charge(token, held_sat, words)

    def _usage(self, words: int) -> Usage:
        return Usage(10 + self.does.counts_more, words)

    def _charge_session(self, key: str, words: int) -> dict[str, object]:
        cost = self.price.cost(self._usage(words))
        self.sessions[key] -= cost.msat
        return self._bill(self._usage(words), cost)

    def _charge(self, token: str, held_sat: int, words: int) -> tuple[str | None, dict[str, object]]:
        cost = self.price.cost(self._usage(words))
        change_sat = max(0, held_sat - cost.ceil_sat - self.does.keeps_sat)
        self.earned_msat += (held_sat - change_sat) * 1000
        bill = self._bill(self._usage(words), cost)
        if not change_sat:
            return None, bill
        self.owed[token] = self.mint.issue(change_sat)
        return (None if self.does.keeps_change else self.owed[token]), bill

    def _bill(self, usage: Usage, cost: Money) -> dict[str, object]:
        told = cost.msat + self.does.says_msat_more
        counted = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        return {"usage": {**counted, "cost": {"total_msats": told}}, "hearth": {"charged_msat": told}}

    async def _stream(self, pay: Callable[[int], tuple[str | None, dict[str, object]]]) -> AsyncIterator[bytes]:
        done = 0
        try:
            for word in self.words:
                if done == self.does.stops_after:
                    raise ConnectionAbortedError  # noqa: TRY301 - what a lost line looks like from here
                yield _event({"choices": [{"delta": {"content": word}}]})
                done += 1
                await asyncio.sleep(0.005)
        except BaseException:
            pay(done)
            raise
        yield _event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        change, bill = pay(done)
        yield _event({"choices": [], **bill, **({"x_cashu": change} if change else {})})
        yield b"data: [DONE]\n\n"


def _event(content: object) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"
