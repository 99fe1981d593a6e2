"""What happens in the demo: jobs of every kind, and the ways to cheat that must not work."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from desktop.commands.console import Console, sats
from desktop.commands.demo.stage import Stage
from desktop.domain.errors import Unavailable
from desktop.domain.inference import Message
from desktop.gateway.bill import Bill
from desktop.gateway.choose import Choice
from desktop.gateway.purchase import Answer
from desktop.gateway.question import Question, Texts
from desktop.gateway.session import Session, open_session
from desktop.node import references
from desktop.wallet import tokens

ANSWER_TOKENS: Final = 40
SESSION_SAT: Final = 60
QUESTIONS: Final = (
    "Why is the sky blue?",
    "Name three uses of a brick.",
    "What is a tray icon?",
    "How do bees find flowers?",
    "What makes bread rise?",
    "Why do cats purr?",
    "What is a public key?",
    "Tell me a fact about the Moon.",
)
CANCELLED_AFTER_PIECES: Final = 5
LONG_ANSWER: Final = "Write a long story about a lighthouse keeper."


@dataclass(slots=True)
class Story:
    """What happened: answered jobs, refusals, and whatever did not come out as it should."""

    jobs: int = 0
    tokens: int = 0
    refusals: int = 0
    complaints: list[str] = field(default_factory=list)

    def expect(self, *, true: bool, else_say: str) -> None:
        """Note a complaint unless something is as it should be."""
        if not true:
            self.complaints.append(else_say)


async def play(stage: Stage, console: Console) -> Story:
    """Play all scenes, one after the other."""
    story = Story()
    scenes: tuple[tuple[str, Callable[[Stage, Story, Console], Coroutine[Any, Any, None]]], ...] = (
        ("Four questions at once, each paid with a token of its own, two streamed and two plain.", _tokens),
        ("Four questions at once from one session key, two streamed and two plain.", _session),
        ("Three sentences turned into vectors.", _embedding),
        ("A long answer, cancelled half-way.", _cancelled),
        ("A token worth too little.", _underpaid),
        ("A token that was spent before.", _spent),
        ("A token of a mint that is not accepted.", _foreign),
    )
    console.say()
    console.say("The buyer finds the node on the relays and reaches it by its public key.")
    for title, scene in scenes:
        console.say()
        console.say(title)
        start = time.monotonic()
        await scene(stage, story, console)
        console.say(f"  {time.monotonic() - start:.1f} s")
    return story


async def _tokens(stage: Stage, story: Story, console: Console) -> None:
    async def ask(text: str, *, stream: bool) -> None:
        async with stage.buyer.ask(question(text, stream=stream)) as answer:
            said = [piece async for piece in answer]
        _answered(story, console, text, "".join(said), answer)

    await asyncio.gather(*(ask(text, stream=number < 2) for number, text in enumerate(QUESTIONS[:4])))  # noqa: PLR2004 - half of them


async def _session(stage: Stage, story: Story, console: Console) -> None:
    choice = await _choice(stage)

    async def ask(session: Session, text: str, *, stream: bool) -> None:
        async with session.ask(question(text, stream=stream)) as answer:
            said = [piece async for piece in answer]
        _answered(story, console, text, "".join(said), answer)

    async with open_session(stage.buyer, choice, SESSION_SAT) as session:
        await asyncio.gather(*(ask(session, text, stream=number < 2) for number, text in enumerate(QUESTIONS[4:])))  # noqa: PLR2004 - half of them
    refund = session.refund
    story.expect(true=refund is not None and refund.returned_sat > 0, else_say="The session's rest did not come back.")
    if refund is not None:
        console.say(f"  {SESSION_SAT} sat were put in, {refund.returned_sat} sat came back.")


async def _embedding(stage: Stage, story: Story, console: Console) -> None:
    texts = ("A cat sits on the mat.", "A kitten rests on a rug.", "Interest rates rose again.")
    answer = await stage.buyer.embed(Texts(texts))
    cat_kitten, cat_money = (_cosine(answer.vectors[0], other) for other in answer.vectors[1:])
    story.expect(true=cat_kitten > cat_money, else_say="The vectors do not mean what the texts mean.")
    console.say(f"  Likeness of cat and kitten {cat_kitten:.2f}, of cat and interest rates {cat_money:.2f}.")
    _billed(story, console, answer)


async def _cancelled(stage: Stage, story: Story, console: Console) -> None:
    question = Question((Message("user", LONG_ANSWER),), max_tokens=400, temperature=0.7, seed=7)
    pieces = 0
    async with stage.buyer.ask(question) as answer:
        async for _ in answer:
            pieces += 1
            if pieces == CANCELLED_AFTER_PIECES:
                break
    bill = answer.bill
    story.jobs += 1
    back_sat = bill.change.whole_sat if bill is not None else 0
    paid_sat = bill.paid.whole_sat if bill is not None else 0
    story.expect(true=0 < back_sat < paid_sat, else_say="A cancelled answer was not charged for its part only.")
    console.say(f"  Hung up after {pieces} pieces. {paid_sat} sat were sent, {back_sat} sat came back.")


async def _underpaid(stage: Stage, story: Story, console: Console) -> None:
    reference = references.owner("demo/underpaid")
    sent = await asyncio.to_thread(stage.wallet.send, 2, stage.mint_url, reference=reference)
    status, body, _ = await _offer(stage, sent.token)
    story.expect(true=status == httpx.codes.PAYMENT_REQUIRED, else_say=f"Too little money was answered with {status}.")
    back = await asyncio.to_thread(stage.wallet.reclaim, reference)
    story.expect(true=back is not None, else_say="The token that was too small was kept.")
    _refused(story, console, status, body)


async def _spent(stage: Stage, story: Story, console: Console) -> None:
    sent = await asyncio.to_thread(stage.wallet.send, 30, stage.mint_url, reference=references.owner("demo/twice"))
    status, body, change = await _offer(stage, sent.token)
    story.expect(true=status == httpx.codes.OK and change != "", else_say=f"The first use was answered with {status}.")
    story.jobs += status == httpx.codes.OK
    story.tokens += int(body.get("usage", {}).get("completion_tokens", 0))
    if change:
        await asyncio.to_thread(stage.wallet.receive, change, reference=references.owner("demo/twice/change"))
    status, body, _ = await _offer(stage, sent.token)
    story.expect(true=status == httpx.codes.BAD_REQUEST, else_say=f"A spent token was answered with {status}.")
    _refused(story, console, status, body)


async def _foreign(stage: Stage, story: Story, console: Console) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as ear:
        ear.setblocking(False)  # noqa: FBT003 - the socket module's own signature
        mint = f"http://127.0.0.1:{ear.getsockname()[1]}"
        sent = await asyncio.to_thread(
            stage.wallet.send, 30, stage.mint_url, reference=references.owner("demo/foreign")
        )
        status, body, _ = await _offer(stage, tokens.encode(mint, tokens.decode(sent.token).coins))
        story.expect(true=400 <= status < 500, else_say=f"A foreign token was answered with {status}.")  # noqa: PLR2004 - any refusal
        try:
            ear.accept()
        except BlockingIOError:
            console.say("  That mint was never contacted.")
        else:
            story.complaints.append("A mint that is not accepted was contacted.")
    back = await asyncio.to_thread(stage.wallet.reclaim, references.owner("demo/foreign"))
    story.expect(true=back is not None, else_say="The coins of the forged token were taken.")
    _refused(story, console, status, body)


async def _offer(stage: Stage, token: str) -> tuple[int, dict[str, Any], str]:
    """One plain question paid with that token, by hand: status, body, and the change if there is any."""
    choice = await _choice(stage)
    async with await stage.buyer.open_road(choice) as client:
        body = question(QUESTIONS[0], stream=False).body(choice.listing.id)
        response = await client.post("/v1/chat/completions", json=body, headers={"X-Cashu": token})
    change = response.headers.get("x-cashu", "")
    return response.status_code, response.json(), change if response.is_success else ""


async def _choice(stage: Stage) -> Choice:
    choices = await stage.buyer.choices(question(QUESTIONS[0], stream=True).wish())
    if not choices:
        raise Unavailable("The node is not on the relays.")
    return choices[0]


def question(text: str, *, stream: bool) -> Question:
    """A short question; the same text is always answered alike."""
    return Question((Message("user", text),), max_tokens=ANSWER_TOKENS, temperature=0.7, seed=len(text), stream=stream)


def _answered(story: Story, console: Console, question: str, said: str, answer: Answer) -> None:
    story.expect(true=bool(said.strip()), else_say=f"No answer to: {question}")
    console.say(f"  “{question}” → {' '.join(said.split())[:70]}…")
    _billed(story, console, answer)


def _billed(story: Story, console: Console, answer: Answer) -> None:
    bill: Bill | None = answer.bill
    story.jobs += 1
    if bill is None or bill.usage is None or bill.charged is None:
        story.complaints.append("An answer came without a bill.")
        return
    story.tokens += bill.usage.completion_tokens
    story.expect(true=bill.honest, else_say=bill.complaint)
    story.expect(true=answer.closing.receipt is not None, else_say="An answer came without a receipt.")
    console.say(f"      {bill.usage.total_tokens} tokens, {sats(bill.charged)} sat, the bill matches the price.")


def _refused(story: Story, console: Console, status: int, body: dict[str, Any]) -> None:
    story.refusals += 1
    console.say(f"  Refused with {status}: {body.get('error', {}).get('message', '')}")


def _cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
