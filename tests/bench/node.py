"""A whole node beside its targets: start, idle, first token, streaming, stop. `python -m tests.bench.node`.

The node is the demo's: a process of its own, a real relay pair and mint, a sandboxed worker. "Alone" is the handle of a
second worker of the same kind, held by this process with no node around it. The two answer the same greedy question
in turns, so that a busy machine disturbs both alike; figures are medians. Equal workers were seen to differ by up to
five percent for as long as they live, so both are started several times. The client of the API is this process, so its
own work is counted against us. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil

from desktop.commands.console import Console
from desktop.commands.demo.node_process import NodeProcess
from desktop.commands.demo.stage import Stage
from desktop.domain.inference import Delta, Generation, Message, Sampling
from desktop.gateway.settle import create_session
from desktop.node import references
from tests.e2e.stand import lend_models
from tests.fakes.bundled_models import CHAT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from desktop.worker.handle import WorkerHandle

QUESTION = "Tell me a long story about a lighthouse keeper."
LIVES = 4
FIRST_ROUNDS = 9
STREAM_ROUNDS = 3
STREAM_TOKENS = 64
CROWD = 8
CROWD_ROUNDS = 2
CROWD_TOKENS = 48
STARTS = 5
SETTLE_S = 5.0
IDLE_S = 30.0
SESSION_SAT = 1000


class Target(NamedTuple):
    """A figure, and what it may be: at least or at most."""

    what: str
    measured: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def met(self) -> bool:
        return (self.least is None or self.measured >= self.least) and (self.most is None or self.measured <= self.most)

    def __str__(self) -> str:
        target = f">= {self.least:g}" if self.most is None else f"<= {self.most:g}"
        verdict = "met" if self.met else "MISSED"
        return f"{self.what:<58} {self.measured:8.2f} {self.unit:<9} target {target:<8} {verdict}"


class Heard(NamedTuple):
    """One answer as it arrived: seconds to its first piece, from there to its last, and its text."""

    first_s: float
    stream_s: float
    text: str


Ask = Callable[[int], Awaitable[Heard]]


def say(line: str) -> None:
    """Print at once, so that a bench that hangs shows where."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def ask_worker(worker: WorkerHandle, tokens: int) -> Heard:
    """The question, asked of a worker's handle."""
    sampling = Sampling(max_tokens=tokens, temperature=0.0)
    generation = Generation(os.urandom(8).hex(), CHAT, sampling, messages=(Message("user", QUESTION),))
    start_s = time.perf_counter()
    arrivals, pieces = [], []
    async with aclosing(worker.generate(generation)) as answer:
        async for piece in answer:
            if isinstance(piece, Delta) and piece.text:
                arrivals.append(time.perf_counter())
                pieces.append(piece.text)
    return Heard(arrivals[0] - start_s, arrivals[-1] - arrivals[0], "".join(pieces))


async def ask_api(port: int, key: str, tokens: int) -> Heard:
    """The question, asked over HTTP on a new connection, paid from a session key."""
    message = {"role": "user", "content": QUESTION}
    order = {"model": CHAT, "messages": [message], "max_tokens": tokens, "temperature": 0, "stream": True}
    body = json.dumps(order).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start_s = time.perf_counter()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % (key.encode(), len(body), body)
    )
    arrivals, pieces = [], []
    status = await reader.readline()
    assert b" 200 " in status, status + await reader.read()
    while line := await reader.readline():
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:]).get("choices")
            text = choices[0].get("delta", {}).get("content") if choices else None
            if text:
                arrivals.append(time.perf_counter())
                pieces.append(text)
    writer.close()
    await writer.wait_closed()
    return Heard(arrivals[0] - start_s, arrivals[-1] - arrivals[0], "".join(pieces))


async def in_turns(alone: Ask, through: Ask, tokens: int, rounds: int) -> list[tuple[Heard, Heard]]:
    """Both sides' answers, round by round; who begins alternates, and one round before the first warms up."""
    pairs = []
    for number in range(-1, rounds):
        if number % 2:
            theirs, ours = await through(tokens), await alone(tokens)
        else:
            ours, theirs = await alone(tokens), await through(tokens)
        assert ours.text == theirs.text, "the two must do the same work"
        if number >= 0:
            pairs.append((ours, theirs))
    return pairs


async def crowd_s(ask: Ask) -> float:
    """Seconds until everybody of a crowd has the whole answer."""
    start_s = time.perf_counter()
    await asyncio.gather(*(ask(CROWD_TOKENS) for _ in range(CROWD)))
    return time.perf_counter() - start_s


@asynccontextmanager
async def lone_worker(stage: Stage) -> AsyncIterator[WorkerHandle]:
    """A worker as the node starts it, without the node."""
    home = stage.node_home
    policy = home.mode_policy(unsandboxed=True)
    folders = await home.equipment.preparation(policy, lambda _: None).folders([CHAT])
    worker = await home.launcher(folders, policy).launch()
    try:
        yield worker
    finally:
        await worker.stop(1.0)


async def session_key(stage: Stage, port: int) -> str:
    """A key with money in it."""
    sent = await asyncio.to_thread(
        stage.wallet.send, SESSION_SAT, stage.mint_url, reference=references.owner("bench/session")
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        key = await create_session(client, sent.token)
    assert key is not None
    return key


def beside(title: str, pairs: list[tuple[float, float]], unit: str) -> None:
    """Say what both sides took, in the middle."""
    alone, through = (statistics.median(each) for each in zip(*pairs, strict=True))
    say(f"{title}, median of {len(pairs)}: worker alone {alone:.2f} {unit}, through the API {through:.2f} {unit}")


async def idle(node: psutil.Process) -> list[Target]:
    """What the node's own process takes while nobody asks anything."""
    await asyncio.sleep(SETTLE_S)
    before = node.cpu_times()
    await asyncio.sleep(IDLE_S)
    after = node.cpu_times()
    percent = (after.user + after.system - before.user - before.system) / IDLE_S * 100
    resident_mb = node.memory_info().rss / 1e6
    say(f"idle: {resident_mb:.1f} MB, {percent:.2f} % of a core")
    return [
        Target("node without worker, memory", resident_mb, "MB", most=90),
        Target(f"node without worker, processor while idle for {IDLE_S:.0f} s", percent, "% of core", most=1),
    ]


@dataclass
class Answers:
    """What the same answers took the worker alone and through the whole node, seconds, of all lives."""

    firsts: list[tuple[float, float]] = field(default_factory=list)
    streams: list[tuple[float, float]] = field(default_factory=list)
    crowds: list[tuple[float, float]] = field(default_factory=list)

    async def hear(self, alone: Ask, through: Ask) -> None:
        """Have them given by two workers that live now."""
        self.firsts += [(a.first_s, b.first_s) for a, b in await in_turns(alone, through, 2, FIRST_ROUNDS)]
        streams = [(a.stream_s, b.stream_s) for a, b in await in_turns(alone, through, STREAM_TOKENS, STREAM_ROUNDS)]
        self.streams += streams
        say(f"this life: {', '.join(f'{a / b:.1%}' for a, b in streams)} of the worker alone")
        for number in range(CROWD_ROUNDS):
            if number % 2:
                theirs, ours = await crowd_s(through), await crowd_s(alone)
            else:
                ours, theirs = await crowd_s(alone), await crowd_s(through)
            self.crowds.append((ours, theirs))

    def targets(self) -> list[Target]:
        """First token, streaming and a crowd."""
        beside("first token", [(1e3 * a, 1e3 * b) for a, b in self.firsts], "ms")
        beside(f"{STREAM_TOKENS} tokens, after the first", self.streams, "s")
        beside(f"{CROWD} answers of {CROWD_TOKENS} tokens at once", self.crowds, "s")
        added_ms = statistics.median((b - a) * 1e3 for a, b in self.firsts)
        return [
            Target("first token, added by API, session key and node", added_ms, "ms", most=15),
            Target("streaming, share of the worker alone", share(self.streams), "%", least=97),
            Target(f"{CROWD} answers at once, share of the worker alone", share(self.crowds), "%", least=97),
        ]


def share(pairs: list[tuple[float, float]]) -> float:
    """The pace of the second, in percent of the first."""
    return statistics.median(a / b * 100 for a, b in pairs)


async def lives(folder: Path) -> list[Target]:
    """From the start of the process until it is enrolled, until it takes requests, and from Ctrl+C to its end."""
    enrolled, ready, ended = [], [], []
    for _ in range(STARTS):
        heard: dict[str, float] = {}
        start_s = time.monotonic()

        def tell(sentence: str, heard: dict[str, float] = heard) -> None:
            heard.setdefault(sentence[: len("Node: enrolled")], time.monotonic())

        node = NodeProcess(folder, tell)
        await node.start()
        try:
            await node.wait_enrolled()
            ready.append(time.monotonic() - start_s)
            enrolled.append(heard["Node: enrolled"] - start_s)
        finally:
            ended.append(await node.stop())
    say(f"{STARTS} starts: enrolled after {', '.join(f'{each:.2f}' for each in enrolled)} s")
    say(f"           model loaded, taking requests after {', '.join(f'{each:.2f}' for each in ready)} s")
    say(f"           ended after {', '.join(f'{each:.2f}' for each in ended)} s")
    return [
        Target("process start to enrolled, model loading beside it", statistics.median(enrolled), "s", most=3),
        Target("Ctrl+C to the end, nobody being answered", statistics.median(ended), "s", most=5),
    ]


async def live(folder: Path, answers: Answers, *, first: bool, last: bool) -> list[Target]:
    """One node and one worker beside it, from their start to their end."""
    lend_models(folder / "node")
    targets = []
    async with Stage(folder, Console(out=io.StringIO())) as stage:
        port = urlsplit(stage.node.url).port
        assert port is not None
        if first:
            targets += await idle(psutil.Process(stage.node.pid))
        await stage.fund(SESSION_SAT + 100)
        through = functools.partial(ask_api, port, await session_key(stage, port))
        async with lone_worker(stage) as worker:
            say(f"sandbox mode: {worker.mode.value}")
            await answers.hear(functools.partial(ask_worker, worker), through)
        if last:
            busy = asyncio.create_task(through(400))
            await asyncio.sleep(1)
            ended_s = await stage.node.stop()
            await asyncio.gather(busy, return_exceptions=True)
            targets.append(Target("Ctrl+C to the end, in the middle of an answer", ended_s, "s", most=5))
            targets += await lives(folder / "node")
    return targets


async def measure(folder: Path) -> list[Target]:
    """All figures."""
    answers = Answers()
    targets = []
    for number in range(LIVES):
        home = folder / str(number)
        home.mkdir()
        targets += await live(home, answers, first=number == 0, last=number == LIVES - 1)
    return targets + answers.targets()


def load() -> str:
    """How busy the machine was, for whoever reads the figures."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    say(load())
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        targets = asyncio.run(measure(Path(folder)))
    say(load())
    for target in targets:
        say(str(target))
    return int(not all(target.met for target in targets))


if __name__ == "__main__":
    sys.exit(main())
