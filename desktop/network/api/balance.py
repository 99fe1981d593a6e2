"""`/v1/balance/…`: session accounts made from tokens, and their money back (RIP-01)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Send

from desktop.domain.errors import KeyUnknown, RequestError
from desktop.network.api.body import BodyReader
from desktop.network.api.desk import Desk
from desktop.network.api.errors import Problem, Refused
from desktop.network.api.lasting import lasting
from desktop.network.api.payment import Cashier, checked_token, sent_token
from desktop.network.api.response import cashu, send_json
from desktop.network.api.schema import CreateRequest, TopUpRequest, parse

# Answers here are bearer money or name it: no cache may keep them.
_PRIVATE = (b"cache-control", b"no-store")


class Balance:
    """The endpoints of session accounts. Amounts are millisats."""

    def __init__(self, desk: Desk, cashier: Cashier, bodies: BodyReader) -> None:
        self._desk = desk
        self._cashier = cashier
        self._bodies = bodies

    async def create(self, request: Request, send: Send) -> None:
        """A key for a token, sent in the body or, as Routstr's clients do with GET, in the query."""
        if request.method == "POST":
            token = parse(await self._bodies.read(request), CreateRequest).initial_balance_token
        else:
            token = _queried(request, "initial_balance_token")
        (key, balance), _ = await lasting(self._desk.create_account(checked_token(token)))
        await send_json(send, 200, {"api_key": key, "balance": balance.msat}, [_PRIVATE])

    async def info(self, request: Request, send: Send) -> None:
        """What a key may still spend."""
        key = await self._cashier.key(request)
        account = await self._desk.account(key)
        content = {
            "api_key": key,
            "balance": account.available.msat,
            "reserved": account.reserved.msat,
            "is_child": False,
            "parent_key": None,
            "total_requests": account.requests,
            "total_spent": account.spent.msat,
            "balance_limit": None,
            "balance_limit_reset": None,
            "validity_date": None,
        }
        await send_json(send, 200, content, [_PRIVATE])

    async def top_up(self, request: Request, send: Send) -> None:
        """Another token for a key."""
        key = await self._cashier.key(request)
        body = await self._bodies.read(request)
        token = parse(body, TopUpRequest).cashu_token if body else _queried(request, "cashu_token")
        added, _ = await lasting(self._desk.top_up(key, checked_token(token)))
        await send_json(send, 200, {"msats": added.msat}, [_PRIVATE])

    async def refund(self, request: Request, send: Send) -> None:
        """Everything back: of a key, or of a request that was paid with a token (send that token as `X-Cashu`)."""
        paid = sent_token(request)
        if paid is None:
            token, _ = await lasting(self._desk.close_account(await self._cashier.key(request)))
        else:
            token = await self._owed(paid)
        await send_json(send, 200, {"token": token}, [_PRIVATE, cashu(token)])

    async def _owed(self, paid: str) -> str:
        try:
            token, _ = await lasting(self._desk.refund_token(paid))
        except KeyUnknown:
            raise Refused(
                Problem(
                    404,
                    "invalid_request_error",
                    "refund_not_found",
                    "Nothing is owed for that token: it was never redeemed here, or all of it was spent.",
                )
            ) from None
        return token


def _queried(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise RequestError(f"`{name}` is missing.", parameter=name, now="Send the ecash token in it.")
    return value
