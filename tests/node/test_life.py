import asyncio
import itertools
from pathlib import Path

from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.node.books import Books
from desktop.node.life import Life, Moment
from desktop.node.policy.decision import Decision

READY = Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
SERVING = Decision(NodeState.EARNING, Reason.SERVING)


class Scene:
    """A decision a test can change, and what a watcher heard."""

    def __init__(self, path: Path) -> None:
        self.decision = Decision(NodeState.STARTING, Reason.LOADING)
        self.clock_ms = 1_900_000_000_000
        self.heard: list[Moment] = []
        self.told = asyncio.Event()
        self.books = Books(Ledger.open(path))
        self.life = Life(lambda: self.decision, self.books, lambda: self.clock_ms, self._hear)

    def _hear(self, moment: Moment) -> None:
        self.heard.append(moment)
        self.told.set()

    async def change(self, decision: Decision) -> None:
        self.decision = decision
        self.clock_ms += 1000
        self.life.nudge()
        async with asyncio.timeout(30):
            while self.life.now.decision != decision:
                self.told.clear()
                await self.told.wait()


async def test_each_state_is_in_the_ledger_without_holes_from_start_to_end(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "ledger.db")
    begin_ms = scene.clock_ms
    await scene.life.start()
    await scene.change(READY)
    await scene.change(SERVING)
    scene.clock_ms += 1000
    await scene.life.stop()
    scene.clock_ms += 1000
    await scene.life.end()
    await scene.books.close()
    assert [moment.decision.state for moment in scene.heard] == [
        NodeState.STARTING,
        NodeState.READY,
        NodeState.EARNING,
        NodeState.STOPPING,
        NodeState.OFF,
    ]
    report = Report.open(tmp_path / "ledger.db")
    intervals = report.intervals(begin_ms, scene.clock_ms + 1, scene.clock_ms + 1)
    report.close()
    assert intervals[0].start_ms == begin_ms
    assert all(before.end_ms == after.start_ms for before, after in itertools.pairwise(intervals))
    assert intervals[-1].reason is Reason.STOPPED_BY_OWNER


async def test_signals_that_change_nothing_are_not_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "ledger.db")
    await scene.life.start()
    await scene.change(READY)
    for _ in range(5):
        scene.life.nudge()
        await asyncio.sleep(0)
    await scene.life.stop()
    assert [moment.decision.state for moment in scene.heard].count(NodeState.READY) == 1
    await scene.life.end()
    await scene.books.close()


async def test_a_life_that_never_began_ends_without_a_word(tmp_path: Path) -> None:
    """Whatever kept the node from starting is what its owner shall hear of, and the ledger has nothing to tell."""
    scene = Scene(tmp_path / "ledger.db")
    await scene.life.stop()
    await scene.life.end()
    await scene.books.close()
    assert scene.heard == []
