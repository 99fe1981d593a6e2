"""Every word at every instant of a node's life, from before its start to after its end: an answer, never a mistake."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Self

import pytest

from desktop.config.settings import Settings
from desktop.control.address import SocketAddress
from desktop.control.answers import Done, Result
from desktop.control.client import DoorClient, Refused
from desktop.control.configuration import Configuration
from desktop.control.messages import (
    AnyRequest,
    Enrol,
    ExportJobs,
    Pause,
    ReadEarnings,
    ReadJob,
    ReadJobs,
    ReadPhrase,
    ReadReport,
    ReadSettings,
    ReadUptime,
    Resume,
    RunDoctor,
    Watch,
    WriteSetting,
)
from desktop.control.messages import Benchmark as MeasureWord
from desktop.control.node_steward import Estate, NodeSteward
from desktop.control.pauses import Pauses
from desktop.control.records import Records
from desktop.control.server import Door
from desktop.control.storeroom import Storeroom
from desktop.control.updating import Updating
from desktop.control.workshop import NodeWorkshop
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.machine.private_file import write_private
from desktop.network.api.desk import Desk
from desktop.network.directory.announcement import Announcement
from desktop.network.directory.enrolment import Enrolment, Standing
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Relays
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from desktop.node.admission import Admission
from desktop.node.bookkeeping import Bookkeeping
from desktop.node.books import Books
from desktop.node.cashier import Cashier
from desktop.node.desk import NodeDesk, Situation
from desktop.node.face import Outside, Profile
from desktop.node.fleet import Fleet
from desktop.node.node import Node, Surroundings
from desktop.node.policy.terms import Terms
from desktop.node.stops import Stops
from desktop.proof.receipts import Signer, verify
from tests.fakes.benchmark import a_benchmark
from tests.fakes.breakout import break_out
from tests.fakes.computer import FakeSenses, FakeWorkers
from tests.fakes.store import FakeStore
from tests.fakes.versions import FakeVersions
from tests.fakes.wallet import MINT, FakeWallet
from tests.node.house import OFFERS

READING: Final[tuple[Callable[[int], AnyRequest], ...]] = (
    lambda number: Watch(id=number),
    lambda number: ReadEarnings(id=number, edges_ms=(0, 900_000)),
    lambda number: ReadUptime(id=number, start_ms=0, end_ms=2**50),
    lambda number: ReadJobs(id=number),
    lambda number: ReadJob(id=number, job_id="none"),
    lambda number: ReadSettings(id=number),
    lambda number: WriteSetting(id=number, name="node_name", value="Ada"),
    lambda number: ExportJobs(id=number, path="/nowhere/jobs.csv", format="csv"),
    lambda number: RunDoctor(id=number),
    lambda number: ReadReport(id=number),
    lambda number: ReadPhrase(id=number),
    lambda number: MeasureWord(id=number),
)
# These may rightly wait for what the node is just doing, and with each of them its client.
ACTING: Final[tuple[Callable[[int], AnyRequest], ...]] = (
    lambda number: Pause(id=number),
    lambda number: Enrol(id=number),
    lambda number: Resume(id=number),
)
SECRET: Final = b"\x01" * 32

Instant = Callable[[str], Awaitable[None]]


class SlowServer:
    """An HTTP server that takes its time."""

    def __init__(self, at: Instant) -> None:
        self._at = at

    async def start(self) -> int:
        await self._at("the server starts")
        return 8420

    async def stop(self, grace_s: float) -> None:
        del grace_s
        await self._at("the server stops")


class SlowWire(WireServer):
    """A real wire on loopback that takes its time."""

    def __init__(self, port: int, at: Instant) -> None:
        super().__init__(SECRET, port, Reach(loopback=True))
        self._at = at

    async def start(self) -> None:
        await self._at("the wire starts")
        await super().start()
        await self._at("the wire has started")

    async def stop(self, grace_s: float = 2.0) -> None:
        await self._at("the wire stops")
        await super().stop(grace_s)
        await self._at("the wire has stopped")


class SlowRelays(Relays):
    """No relay at all, which takes its time."""

    def __init__(self, at: Instant) -> None:
        super().__init__((), now_ms=lambda: 1)
        self._at = at
        self.entered = 0

    async def __aenter__(self) -> Self:
        self.entered += 1
        await self._at("the relays are connected")
        await super().__aenter__()
        return self

    async def __aexit__(self, *errors: object) -> None:
        self.entered -= 1
        await self._at("the relays are left")
        await super().__aexit__(*errors)


class Life:
    """A node behind its door, clients before it, and what was answered when."""

    def __init__(self, node: Node, relays: SlowRelays, clients: Sequence[DoorClient]) -> None:
        self.node = node
        self.relays = relays
        self.client, *self._others = clients
        self.answers: dict[tuple[str, str], Result | Refused] = {}
        self.curious = False
        self._late: list[asyncio.Task[None]] = []

    async def at(self, instant: str) -> None:
        """Ask everything now; what only reads is answered before the node goes on."""
        if not self.curious:
            return
        self._late += [
            asyncio.create_task(self._ask(client, word, instant))
            for client, word in zip(self._others, ACTING, strict=True)
        ]
        for word in READING:
            await self._ask(self.client, word, instant)

    async def end(self) -> None:
        await asyncio.gather(*self._late)

    async def _ask(self, client: DoorClient, word: Callable[[int], AnyRequest], instant: str) -> None:
        name = type(word(0)).__name__
        try:
            self.answers[instant, name] = await client.ask(word)
        except Refused as refusal:
            self.answers[instant, name] = refusal


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Life]:
    clock = itertools.count(1_900_000_000_000, 10)
    lives: list[Life] = []

    def now_ms() -> int:
        return next(clock)

    def changed() -> None:
        door.changed()

    async def at(instant: str) -> None:
        await lives[0].at(instant)

    wallet, relays, identity = FakeWallet(), SlowRelays(at), NostrIdentity(SECRET)
    books = Books(Ledger.open(folder / "ledger.db"))
    report = Report.open(folder / "ledger.db")
    cashier = Cashier(wallet, books, b"k" * 32, now_ms)

    def desk(situation: Situation, busy_changed: Callable[[], None]) -> NodeDesk:
        return NodeDesk(
            OFFERS,
            situation=situation,
            admission=Admission(slots=lambda: situation.seats.slots, queue=2),
            cashier=cashier,
            books=books,
            signer=Signer(SECRET),
            new_id=lambda: f"job-{now_ms()}",
            now_ms=now_ms,
            busy_changed=busy_changed,
        )

    def server(desk: Desk) -> SlowServer:
        del desk
        return SlowServer(at)

    def enrolment(announcement: Announcement, on_change: Callable[[Standing], None]) -> Enrolment:
        assert announcement.urls, "nobody could reach what is announced"
        return Enrolment(relays, identity, announcement, now_ms=now_ms, on_change=on_change)

    node = Node(
        profile=Profile("", "", "0", identity.npub, "hearth-test", (MINT,), announce_addresses=False),
        outside=Outside(server, lambda port: SlowWire(port, at), relays, enrolment),
        desk=desk,
        fleet=lambda changed: Fleet(
            lambda _: FakeWorkers(),
            slots=2,
            stops=Stops(folder / "stops.json", write_private),
            changed=changed,
            wall_ms=now_ms,
        ),
        surroundings=Surroundings(FakeSenses()),
        terms=Terms(),
        books=books,
        bookkeeping=Bookkeeping(wallet, books, now_ms),
        cashier=cashier,
        now_ms=now_ms,
        watch=lambda _: door.changed(),
    )
    steward = NodeSteward(
        node,
        Estate(
            OFFERS, (), str(folder), checks=tuple, phrase=lambda: "twelve words", quit=lambda: None, break_out=break_out
        ),
        records=Records(report, verify, now_ms),
        configuration=Configuration(lambda: (Settings(), ""), lambda _: None),
        pauses=Pauses(
            node,
            folder / "pause.json",
            write=write_private,
            changed=changed,
            now_ms=now_ms,
        ),
        benchmark=a_benchmark(NodeWorkshop(node, [OFFERS[0].model], report)),
        storeroom=Storeroom(FakeStore(), changed),
        updating=Updating(FakeVersions(), lambda: None),
        now_ms=now_ms,
    )
    door = Door(steward, SocketAddress(folder / "d"), version="0")
    async with AsyncExitStack() as stack:
        stack.callback(report.close)
        await door.open()
        stack.push_async_callback(steward.close)
        stack.push_async_callback(door.close)
        clients = [await stack.enter_async_context(DoorClient(SocketAddress(folder / "d"))) for _ in range(4)]
        lives.append(Life(node, relays, clients))
        yield lives[0]


@pytest.mark.parametrize("enrol", [True, False])
async def test_each_word_has_its_answer_at_each_instant(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    enrol: bool,  # noqa: FBT001 - a test's switch
) -> None:
    async with house(tmp_path) as life:
        life.curious = True
        await life.at("before the start")
        await life.node.start(enrol=enrol)
        await life.at("while it runs")
        await life.node.stop()
        await life.at("after the end")
        await life.end()
    mistakes = [key for key, answer in life.answers.items() if isinstance(answer, Refused) and answer.kind == "Bug"]
    assert mistakes == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    instants = {instant for instant, _ in life.answers}
    assert {"the wire starts", "the wire has stopped", "the relays are connected", "the relays are left"} <= instants
    assert life.relays.entered == 0
    ended = life.answers["after the end", "Enrol"]
    assert isinstance(ended, Refused)
    assert ended.kind == "Unavailable"


async def test_whoever_asks_to_join_before_the_node_listens_joins_when_it_does(tmp_path: Path) -> None:
    async with house(tmp_path) as life:
        assert await life.client.ask(lambda number: Enrol(id=number)) == Done()
        assert life.relays.entered == 0
        await life.node.start(enrol=False)
        assert life.relays.entered == 1
        await life.node.stop()
        await life.end()


async def test_a_node_that_waits_for_its_owner_says_so_until_they_join(tmp_path: Path) -> None:
    async with house(tmp_path) as life:
        client = life.client
        await client.ask(lambda number: Watch(id=number))
        await life.node.start(enrol=False)
        async with asyncio.timeout(60):
            waiting = await client.wait_until(lambda now: now.status.state is NodeState.PAUSED)
            assert waiting.status.reason is Reason.WAITING_TO_JOIN
            await client.ask(lambda number: Pause(id=number))
            await client.wait_until(lambda now: now.status.reason is Reason.PAUSED_BY_OWNER)
            await client.ask(lambda number: Enrol(id=number))
            joined = await client.wait_until(lambda now: now.status.state is NodeState.OFFLINE)
            assert joined.status.reason is Reason.NO_RELAY, "there is none in this test"
        await life.node.stop()


async def test_a_node_takes_no_requests_while_it_is_measured_and_shows_what_came_of_it(tmp_path: Path) -> None:
    async with house(tmp_path) as life:
        client = life.client
        await client.ask(lambda number: Watch(id=number))
        await life.node.start(enrol=True)
        async with asyncio.timeout(20):
            await client.wait_until(lambda now: now.status.state is NodeState.OFFLINE)
            release = life.node.hold("cpu")
            held = await client.wait_until(lambda now: now.status.reason is Reason.MEASURING)
            assert held.status.state is NodeState.PAUSED
            assert not any(model.offered for model in held.models)
            release()
            await client.wait_until(lambda now: now.status.state is NodeState.OFFLINE)
            await client.ask(lambda number: MeasureWord(id=number))
            done = await client.wait_until(lambda now: now.benchmark is not None and bool(now.benchmark.digest))
        assert done.benchmark is not None
        assert done.benchmark.settled
        assert life.node._face._announcement().benchmark == done.benchmark.digest
        await life.node.stop()
