"""How a request says who pays: a token with it, a session key, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from desktop.domain.errors import KeyUnknown, ModelNotFound, PaymentRequired, TokenInvalid
from desktop.domain.pricing import Usage
from desktop.network.api.desk import Desk, Order, PaymentOffer, SessionPayment, TokenPayment
from desktop.network.api.lasting import lasting

_BEARER: Final = "bearer "


class Cashier:
    """Reads the payment from a request's headers (RIP-01: `X-Cashu`, or `Authorization: Bearer` key or token).

    A token as bearer opens an account, and stays good as a name for it: `Desk.create_account` gives the same token
    the same key. `admit_key` may raise Busy for keys that come too often.
    """

    def __init__(self, desk: Desk, admit_key: Callable[[str], None]) -> None:
        self._desk = desk
        self._admit_key = admit_key

    async def payment(self, request: Request, order: Order) -> PaymentOffer:
        """What pays for that order; PaymentRequired with what it may cost if nothing was offered."""
        token = sent_token(request)
        if token is not None:
            return TokenPayment(token)
        if "authorization" not in request.headers:
            raise self._nothing_offered(order)
        return SessionPayment(await self.key(request))

    async def key(self, request: Request) -> str:
        """The session key a request names, or KeyUnknown."""
        header = request.headers.get("authorization", "")
        name = header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""
        if name.startswith("sk-") and name.isascii() and name.isprintable():
            self._admit_key(name)
            return name
        if name.startswith("cashu"):
            (key, _), _ = await lasting(self._desk.create_account(checked_token(name)))
            self._admit_key(key)
            return key
        raise KeyUnknown(
            "There is no session key in this request.",
            why="`Authorization: Bearer` takes a key (`sk-…`) or an ecash token (`cashu…`).",
            now="Make a key with POST /v1/balance/create, or pay by request with `X-Cashu`.",
        )

    def _nothing_offered(self, order: Order) -> PaymentRequired:
        """What to bring: enough for the longest answer to a full context; what is not used comes back."""
        offer = next((offer for offer in self._desk.offers() if offer.model.id == order.model_id), None)
        if offer is None:
            raise ModelNotFound(
                "That model is not for sale here.", parameter="model", now="GET /v1/models lists those that are."
            )
        longest = offer.model.max_output_tokens
        asked = order.sampling.max_tokens if order.sampling is not None else None
        contexts = max(1, len(order.texts))
        most = Usage(contexts * offer.model.context_tokens, longest if asked is None else min(asked, longest))
        return PaymentRequired(
            "This costs money, and none was offered.",
            required_msat=offer.price.cost(most).msat,
            offered_msat=0,
            now="Send an ecash token as `X-Cashu`, or a session key as `Authorization: Bearer`. Change comes back.",
        )


def sent_token(request: Request) -> str | None:
    """The token in the `X-Cashu` header, if there is one; TokenInvalid if it cannot be a token."""
    header = request.headers.get("x-cashu")
    return None if header is None else checked_token(header)


def checked_token(text: str) -> str:
    """That text without white space, if it looks like a token at all; TokenInvalid otherwise."""
    token = "".join(text.split())
    if token.startswith("cashu") and token.isascii() and token.isprintable():
        return token
    raise TokenInvalid("That is not an ecash token.", now="A token starts with `cashuA` or `cashuB`.")
