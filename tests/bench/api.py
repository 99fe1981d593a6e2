"""What the API costs on top of the engine: time to the first token, and streamed tokens a second.

Run as a program: `python -m tests.bench.api`. The engine is a fake that takes no time (the overhead is all there is),
and one that makes a token every few milliseconds (to see that the pace is kept). Server and client share one process
and one core here, so the client's own work is counted against us.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from desktop.domain.inference import Delta, Embeddings, Finish, FinishReason
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.network.api.app import create_app
from desktop.network.api.desk import OpenJob, Order, PaymentOffer, Settlement
from desktop.network.api.limits import Limits
from desktop.network.api.server import HttpServer
from tests.fakes.desk import FakeDesk

REQUESTS = 200
INSTANT_TOKENS = 20_000
PACED_TOKENS = 300
PACE_S = 0.004
AT_ONCE = 8
LIMITS = Limits(key_rate_per_s=1e6, key_burst=10**6, address_rate_per_s=1e6, address_burst=10**6)


@dataclass
class Engine:
    """A job that makes `tokens`, one every `pace_s`, and notes when the first was made."""

    id: str
    tokens: int
    pace_s: float
    first_made_s: float = 0.0

    async def answer(self) -> AsyncIterator[Delta | Finish]:
        start_s = time.perf_counter()
        for index in range(self.tokens):
            due_s = start_s + index * self.pace_s
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            if not index:
                self.first_made_s = time.perf_counter()
            yield Delta(" token", 1)
        yield Finish(FinishReason.LENGTH, Usage(8, self.tokens))

    async def vectors(self) -> Embeddings:
        return Embeddings((), Usage(0, 0))

    async def cancel(self) -> None:
        return

    async def settle(self) -> Settlement:
        return Settlement(Usage(8, self.tokens), Money(1), None)


class EngineDesk(FakeDesk):
    """Opens engines, whatever is ordered and whoever pays."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 1
        self.pace_s = 0.0

    async def open(self, order: Order, payment: PaymentOffer) -> OpenJob:  # noqa: ARG002 - the same for everybody
        return Engine("bench", self.length, self.pace_s)


async def ask(port: int, key: str) -> tuple[float, float, int]:
    """Stream one answer over a new connection: seconds to the first token and in all, and tokens seen."""
    body = json.dumps({"model": "smol", "messages": [{"role": "user", "content": "Hi"}], "stream": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start_s = time.perf_counter()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (key.encode(), len(body), body)
    )
    first_s = 0.0
    tokens = 0
    while chunk := await reader.read(1 << 20):
        seen = chunk.count(b'"content":')
        if seen and not first_s:
            first_s = time.perf_counter() - start_s
        tokens += seen
    writer.close()
    return first_s, time.perf_counter() - start_s, tokens


async def drain_engine(tokens: int, pace_s: float) -> float:
    """Tokens a second of the engine alone."""
    start_s = time.perf_counter()
    async for _ in Engine("alone", tokens, pace_s).answer():
        continue
    return tokens / (time.perf_counter() - start_s)


async def measure() -> dict[str, float]:
    """All figures by name."""
    desk = EngineDesk()
    server = HttpServer(create_app(desk, LIMITS), host="127.0.0.1", port=0, limits=LIMITS)
    port = await server.start()
    key, _ = await desk.create_account(desk.mint(1000))
    await ask(port, key)
    first_ms = sorted([(await ask(port, key))[0] * 1000 for _ in range(REQUESTS)])

    desk.length = INSTANT_TOKENS
    _, all_s, seen = await ask(port, key)
    assert seen == INSTANT_TOKENS

    desk.length, desk.pace_s = PACED_TOKENS, PACE_S
    alone = await drain_engine(PACED_TOKENS, PACE_S)
    together_alone = sum(await asyncio.gather(*(drain_engine(PACED_TOKENS, PACE_S) for _ in range(AT_ONCE))))
    paced = PACED_TOKENS / (await ask(port, key))[1]
    together = sum(
        PACED_TOKENS / answer[1] for answer in await asyncio.gather(*(ask(port, key) for _ in range(AT_ONCE)))
    )
    await server.stop(1)
    return {
        "first_token_added_ms_median": statistics.median(first_ms),
        "first_token_added_ms_p95": first_ms[int(len(first_ms) * 0.95)],
        "instant_engine_tokens_per_s": INSTANT_TOKENS / all_s,
        "added_us_per_token": all_s / INSTANT_TOKENS * 1e6,
        "paced_engine_share_percent": 100 * paced / alone,
        f"paced_engine_share_percent_{AT_ONCE}_at_once": 100 * together / together_alone,
    }


def main() -> None:
    """Measure and print JSON."""
    print(json.dumps({name: round(value, 2) for name, value in asyncio.run(measure()).items()}, indent=2))  # noqa: T201 - a program


if __name__ == "__main__":
    main()
