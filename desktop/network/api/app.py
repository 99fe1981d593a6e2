"""The HTTP API as one ASGI application: what comes in is admitted, routed, and always answered."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from desktop.domain.money import Money
from desktop.network.api.balance import Balance
from desktop.network.api.body import BodyReader
from desktop.network.api.catalogue import Catalogue
from desktop.network.api.desk import Desk
from desktop.network.api.errors import STOPPING, Problem, Refused, log_bug, problem_of
from desktop.network.api.inference import Inference
from desktop.network.api.lasting import forgive
from desktop.network.api.limits import Bucket, Limits, Pool
from desktop.network.api.payment import Cashier
from desktop.network.api.response import Headers, cashu, send_problem
from desktop.network.api.sale import NotOpened
from desktop.network.api.schema import LARGEST_SEED

Endpoint = Callable[[Request, Send], Awaitable[None]]

PAYMENT_REQUIRED = 402


def create_app(
    desk: Desk,
    limits: Limits,
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    now_s: Callable[[], float] = time.monotonic,
    draw_seed: Callable[[], int] = lambda: secrets.randbelow(LARGEST_SEED + 1),
) -> ASGIApp:
    """The API in front of that desk. `now_s` is a monotonic clock for rates, `now_ms` the time of day."""
    bodies = BodyReader(limits, Pool(limits.buffered_bytes))
    keys = Bucket(rate_per_s=limits.key_rate_per_s, burst=limits.key_burst, now_s=now_s)
    cashier = Cashier(desk, keys.take)
    catalogue = Catalogue(desk, limits, since_s=now_ms() // 1000)
    inference = Inference(desk, cashier, bodies, now_ms=now_ms, draw_seed=draw_seed)
    balance = Balance(desk, cashier, bodies)
    router = Router(
        [
            _route("/v1/chat/completions", inference.chat, "POST"),
            _route("/v1/completions", inference.complete, "POST"),
            _route("/v1/embeddings", inference.embed, "POST"),
            _route("/v1/models", catalogue.models, "GET"),
            _route("/v1/models/{model:path}", catalogue.model, "GET"),
            _route("/v1/info", catalogue.info, "GET"),
            _route("/v1/balance/create", balance.create, "GET", "POST"),
            _route("/v1/balance/info", balance.info, "GET"),
            _route("/v1/balance/topup", balance.top_up, "POST"),
            _route("/v1/balance/refund", balance.refund, "POST"),
        ],
        redirect_slashes=False,
    )
    addresses = Bucket(rate_per_s=limits.address_rate_per_s, burst=limits.address_burst, now_s=now_s)
    return Api(desk, router, limits, addresses)


class Api:
    """The boundary: limits on the way in, and on the way out every failure as an answer, none with its inside."""

    def __init__(self, desk: Desk, router: Router, limits: Limits, addresses: Bucket) -> None:
        self._desk = desk
        self._router = router
        self._limits = limits
        self._addresses = addresses
        self._places = Pool(limits.requests_in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI 3)."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        scope["app"] = self  # asks the router to raise for unknown paths instead of answering in its own words
        try:
            with self._places.held(1):
                self._admit(scope)
                await self._router(scope, receive, send)
        except ClientDisconnect:
            return
        except NotOpened as error:
            refund = [] if error.refund is None else [cashu(error.refund)]
            await self._answer(send, error.problem, refund)
        except asyncio.CancelledError:
            forgive()
            await self._answer(send, STOPPING, [])
        except Exception as error:  # noqa: BLE001 - the server must live on and the client must hear something
            await self._answer(send, problem_of(error), [])

    def _admit(self, scope: Scope) -> None:
        headers = scope["headers"]
        size = sum(len(name) + len(value) + 4 for name, value in headers) + len(scope["raw_path"])
        size += len(scope["query_string"])
        if len(headers) > self._limits.headers or size > self._limits.head_bytes:
            raise Refused(
                Problem(
                    431,
                    "invalid_request_error",
                    "headers_too_large",
                    f"A request may have {self._limits.headers} headers of {self._limits.head_bytes} bytes in all.",
                )
            )
        client = scope.get("client")
        self._addresses.take(client[0] if client else "")

    async def _answer(self, send: Send, problem: Problem, headers: Headers) -> None:
        """Send the problem; with 402 goes a payment request (NUT-24), unless the header holds money already."""
        extra = list(headers)
        try:
            required = problem.details.get("required")
            if problem.status == PAYMENT_REQUIRED and isinstance(required, int) and required > 0:
                asked = self._desk.payment_request(Money(required), "Inference")
                problem = replace(problem, details={**problem.details, "payment_request": asked})
                if not extra:
                    extra.append(cashu(asked))
            await send_problem(send, problem, extra)
        except Exception as error:  # noqa: BLE001 - the answer itself cannot be sent; the server closes the connection
            log_bug(error)


class _Asgi:
    """An endpoint as the ASGI application a route takes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoint(Request(scope, receive), send)


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    route = Route(path, _Asgi(endpoint), methods=methods)
    route.methods = set(methods)  # without the HEAD that comes with GET: making a key and not telling it helps nobody
    return route
