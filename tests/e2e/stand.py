"""A network with a real node on it for a module's tests: what the demo plays on, with models that are ready."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from desktop.commands.console import Console
from desktop.commands.demo.outcome import take_stock
from desktop.commands.demo.stage import Stage
from desktop.compose import Composition
from desktop.domain.errors import ModelNotFound
from desktop.domain.inference import Message
from desktop.gateway.question import Question
from desktop.gateway.settle import Outcome, Settled
from tests.fakes.bundled_models import CHAT, bundled_store
from tests.fakes.patience import until

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Stand:
    """A stage and how many sats were ever minted on it. `folder` holds everything; `errors` is what the node said."""

    stage: Stage
    folder: Path
    minted_sat: int = 0

    @property
    def errors(self) -> Path:
        return self.folder / "node-errors.log"

    async def fund(self, amount_sat: int) -> None:
        await self.stage.fund(amount_sat)
        self.minted_sat += amount_sat

    async def reckon(self, *others: Composition) -> None:
        """Stop the node and find every sat again: with the node, with its buyers, or with the mint."""
        stage = self.stage
        await stage.node.stop()
        sides = []
        with contextlib.ExitStack() as stack:
            homes = [
                (home, stack.enter_context(home.wallet(home.identity()[0]))) for home in (stage.node_home, *others)
            ]
            for home, wallet in [*homes, (stage.buyer_home, stage.wallet)]:
                side = await take_stock(home, wallet)
                assert side.agrees
                assert not wallet.pending()
                sides.append((side.balance, side.fees, sum(wallet.outstanding().values())))
        with stage.node_home.report() as report:
            assert report.verify() == []
            assert not report.funds().held
        # What is outstanding has left one side and not reached another: a token that somebody is still to be given.
        assert [outstanding for _, _, outstanding in sides] == [0] * len(sides), sides
        assert sum(balance + fees for balance, fees, _ in sides) == self.minted_sat, sides


@asynccontextmanager
async def standing(folder: Path, *, models: tuple[str, ...] = (CHAT,), funded_sat: int = 2000) -> AsyncIterator[Stand]:
    """A stage in that folder whose node is enrolled and whose buyer has money."""
    lend_models(folder / "node")
    stage = Stage(folder, Console(out=io.StringIO()), models=models, node_errors=folder / "node-errors.log")
    async with stage:
        stand = Stand(stage, folder)
        await stand.fund(funded_sat)
        yield stand


def lend_models(home: Path) -> None:
    """Let the Hearth of that folder find the models of all tests in its own cache."""
    models = bundled_store().folder_of(CHAT).parent
    cache = home / "cache"
    cache.mkdir(mode=0o700, parents=True)
    (cache / "models").symlink_to(models, target_is_directory=True)


async def start_again(stage: Stage) -> None:
    """Start the stage's node and return when the buyer finds on the relays what it sells."""
    await stage.node.start()
    await stage.node.wait_enrolled()
    await until_offered(stage)


async def until_offered(stage: Stage) -> None:
    """Return when the buyer finds on the relays what the node sells."""
    async with asyncio.timeout(180):
        while True:
            with contextlib.suppress(ModelNotFound):  # announced, but not yet with its models
                await stage.buyer.choices(question().wish())
                return
            await asyncio.sleep(0.05)


def question(text: str = "Tell a long story.", *, most: int = 24, stream: bool = True, seed: int = 1) -> Question:
    return Question((Message("user", text),), max_tokens=most, temperature=0.7, seed=seed, stream=stream)


async def settle_all(stage: Stage, timeout_s: float = 180.0) -> list[Settled]:
    """Have the buyer claim what it is owed until nothing more comes now; what was settled, in order.

    A node that got no answer from the mint books what it received within minutes, or when it is started again: until
    then it owes nothing for it.
    """
    settled: list[Settled] = []
    async with asyncio.timeout(timeout_s):
        while True:
            tried = await stage.buyer.recover()
            settled += tried
            if all(each.outcome is not Outcome.OPEN or "nothing is owed" in each.why for each in tried):
                return settled
            await asyncio.sleep(0.2)


async def eventually(condition: Callable[[], bool], timeout_s: float = 180.0) -> None:
    """`until`, with the patience a real node on a busy computer needs."""
    await until(condition, timeout_s)
