"""Generated answers, whole or streamed (RIP-01, OpenAI's chat and text completion objects)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.types import Send

from desktop.domain.errors import WorkerDied
from desktop.domain.inference import Delta, Finish, FinishReason
from desktop.domain.pricing import Usage
from desktop.network.api.bill import bill_headers, hearth_object, usage_object
from desktop.network.api.desk import OpenJob, Settlement
from desktop.network.api.errors import Problem
from desktop.network.api.response import send_json, send_problem
from desktop.network.api.style import Style

# An answer cut short is what OpenAI's clients know as "length"; the receipt's outcome tells the difference.
_REASONS: Final = MappingProxyType(
    {FinishReason.STOP: "stop", FinishReason.LENGTH: "length", FinishReason.CANCELLED: "length"}
)
_STREAM_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
_DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an answer says about itself."""

    style: Style
    model_id: str
    seed: int
    created_s: int

    def head(self, kind: str, job_id: str) -> dict[str, object]:
        """The fields every object of the answer begins with."""
        return {
            "id": f"{self.style.id_prefix}{job_id}",
            "object": kind,
            "created": self.created_s,
            "model": self.model_id,
        }


class WholeReply:
    """The answer at once, when it is complete and settled."""

    def __init__(self, send: Send, subject: Subject) -> None:
        self._send = send
        self._subject = subject
        self._job_id = ""
        self._texts: list[str] = []
        self._end: Finish | None = None

    async def deliver(self, job: OpenJob) -> None:
        """Gather the pieces."""
        self._job_id = job.id
        async for piece in job.answer():
            if isinstance(piece, Delta):
                self._texts.append(piece.text)
            else:
                self._end = piece
        _ended(self._end)

    async def finish(self, settlement: Settlement | Problem) -> None:
        """Send the answer; the change in the header."""
        end = _ended(self._end)
        await self._answer(_REASONS[end.reason], end.usage, settlement, hearth_object(*self._told(), settlement))

    async def fail(self, problem: Problem, settlement: Settlement | None) -> None:
        """Send the error; the refund in the header. Who is charged for part of an answer gets that part, cut short."""
        if settlement is None or not settlement.charged or not self._texts:
            await send_problem(self._send, problem, bill_headers(settlement))
            return
        told = {**hearth_object(*self._told(), settlement), **problem.body()}
        await self._answer(_REASONS[FinishReason.CANCELLED], settlement.usage, settlement, told)

    def _told(self) -> tuple[str, int]:
        return self._job_id, self._subject.seed

    async def _answer(
        self, reason: str, usage: Usage, settlement: Settlement | Problem, hearth: dict[str, object]
    ) -> None:
        style = self._subject.style
        content = {
            **self._subject.head(style.whole, self._job_id),
            "choices": [style.choice("".join(self._texts), reason)],
            "usage": usage_object(usage, settlement),
            "hearth": hearth,
        }
        await send_json(self._send, 200, content, bill_headers(settlement))


class StreamReply:
    """The answer as server-sent events, a piece each, sent as it comes.

    Nothing is sent before the first piece, so that what fails before it still gets an honest status. The last event
    before `[DONE]` carries usage, change and receipt: the one with the finish reason, or, where the client asked for
    `include_usage`, the one after it, whose `choices` are empty.
    """

    def __init__(self, send: Send, subject: Subject, *, include_usage: bool) -> None:
        self._send = send
        self._subject = subject
        self._include_usage = include_usage
        self._job_id = ""
        self._begun = False
        self._end: Finish | None = None

    async def deliver(self, job: OpenJob) -> None:
        """Send each piece. This loop is the cost of the API per token: bytes around one encoded string."""
        self._job_id = job.id
        style = self._subject.style
        head = msgspec.json.encode(self._subject.head(style.chunk, job.id))
        event = b"data: " + head[:-1] + b',"choices":['
        close = style.close + (b'],"usage":null}\n\n' if self._include_usage else b"]}\n\n")
        before = event + style.first
        encode = msgspec.json.Encoder().encode
        send = self._send
        async for piece in job.answer():
            if isinstance(piece, Finish):
                self._end = piece
            elif piece.text:
                if not self._begun:
                    await self._begin()
                await send(
                    {"type": "http.response.body", "body": before + encode(piece.text) + close, "more_body": True}
                )
                before = event + style.next
        _ended(self._end)

    async def finish(self, settlement: Settlement | Problem) -> None:
        """Send the finish reason and the bill."""
        end = _ended(self._end)
        if not self._begun:
            await self._begin()
        style = self._subject.style
        choices = [style.last_choice(_REASONS[end.reason])]
        bill = {"usage": usage_object(end.usage, settlement), **self._private(settlement)}
        head = self._subject.head(style.chunk, self._job_id)
        if self._include_usage:
            await self._event({**head, "choices": choices, "usage": None})
            await self._event({**head, "choices": [], **bill}, last=True)
        else:
            await self._event({**head, "choices": choices, **bill}, last=True)

    async def fail(self, problem: Problem, settlement: Settlement | None) -> None:
        """Send the error with the change: as a response if nothing was sent yet, else as the last event."""
        if not self._begun:
            await send_problem(self._send, problem, bill_headers(settlement))
        else:
            await self._event({**problem.body(), **self._private(settlement)}, last=True)

    def _private(self, settlement: Settlement | Problem | None) -> dict[str, object]:
        told: dict[str, object] = {"hearth": hearth_object(self._job_id, self._subject.seed, settlement)}
        if isinstance(settlement, Settlement) and settlement.change_token is not None:
            told["x_cashu"] = settlement.change_token
        return told

    async def _begin(self) -> None:
        self._begun = True
        await self._send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_HEADERS)})

    async def _event(self, content: dict[str, object], *, last: bool = False) -> None:
        body = b"data: " + msgspec.json.encode(content) + b"\n\n"
        if last:
            body += _DONE
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


def _ended(end: Finish | None) -> Finish:
    """The end of an answer, without which it is not an answer."""
    if end is None:
        raise WorkerDied("The answer broke off.")
    return end
