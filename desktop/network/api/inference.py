"""`POST /v1/chat/completions`, `/v1/completions` and `/v1/embeddings`."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.types import Send

from desktop.network.api.body import BodyReader
from desktop.network.api.desk import Desk, Order
from desktop.network.api.embeddings import EmbeddingReply
from desktop.network.api.orders import Seed, chat_order, completion_order, embedding_order
from desktop.network.api.payment import Cashier
from desktop.network.api.replies import StreamReply, Subject, WholeReply
from desktop.network.api.sale import Reply, sell
from desktop.network.api.schema import ChatRequest, CompletionRequest, EmbeddingRequest, Generating, parse
from desktop.network.api.style import CHAT, COMPLETION, Style


class Inference:
    """The endpoints that sell work."""

    def __init__(
        self, desk: Desk, cashier: Cashier, bodies: BodyReader, *, now_ms: Callable[[], int], draw_seed: Seed
    ) -> None:
        self._desk = desk
        self._cashier = cashier
        self._bodies = bodies
        self._now_ms = now_ms
        self._draw_seed = draw_seed

    async def chat(self, request: Request, send: Send) -> None:
        """A chat, whole or streamed."""
        asked = parse(await self._bodies.read(request), ChatRequest)
        order = chat_order(asked, self._draw_seed)
        await self._sell(request, order, self._generated(send, CHAT, asked, order))

    async def complete(self, request: Request, send: Send) -> None:
        """A plain completion, whole or streamed."""
        asked = parse(await self._bodies.read(request), CompletionRequest)
        order = completion_order(asked, self._draw_seed)
        await self._sell(request, order, self._generated(send, COMPLETION, asked, order))

    async def embed(self, request: Request, send: Send) -> None:
        """Vectors of texts."""
        asked = parse(await self._bodies.read(request), EmbeddingRequest)
        reply = EmbeddingReply(send, asked.model, packed=asked.encoding_format == "base64")
        await self._sell(request, embedding_order(asked), reply)

    def _generated(self, send: Send, style: Style, asked: Generating, order: Order) -> Reply:
        seed = order.sampling.seed if order.sampling is not None else 0
        subject = Subject(style, asked.model, seed, self._now_ms() // 1000)
        if not asked.stream:
            return WholeReply(send, subject)
        options = asked.stream_options
        return StreamReply(send, subject, include_usage=options is not None and bool(options.include_usage))

    async def _sell(self, request: Request, order: Order, reply: Reply) -> None:
        payment = await self._cashier.payment(request, order)
        await sell(self._desk, order, payment, request.receive, reply)
