"""The node: starts its parts in order, keeps them telling one truth, ends them within seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from desktop.domain.errors import HearthError, Unavailable
from desktop.domain.limits import Limits
from desktop.domain.model import Offer
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.record import Ledger
from desktop.network.api.desk import NodeInfo
from desktop.network.directory.enrolment import Standing
from desktop.network.directory.relays import RelayState
from desktop.node.bookkeeping import Bookkeeping
from desktop.node.books import Books
from desktop.node.cashier import Cashier
from desktop.node.desk import NodeDesk, Situation
from desktop.node.face import Face, Outside, Profile, Server
from desktop.node.fleet import DeviceView, Fleet
from desktop.node.life import Life, Moment
from desktop.node.livelihood import Livelihood
from desktop.node.lookout import Lookout, Senses
from desktop.node.policy.decision import Decision
from desktop.node.policy.judge import Memory, step
from desktop.node.policy.signals import Signals
from desktop.node.policy.terms import Terms
from desktop.node.station import SERVING_LINGER_S

log = logging.getLogger(__name__)

FINISH_GRACE_S: Final = 1.5
MEND_EVERY_S: Final = 60.0
WITHDRAW_DEADLINE_S: Final = 1.5
_MS: Final = 1000
# Older than this, an input is not what stopped the work; a changed setting may be.
MOST_AGE_S: Final = 2.0


def local_time(at_ms: int) -> datetime:
    """UTC milliseconds on the owner's clock."""
    return datetime.fromtimestamp(at_ms / _MS).astimezone()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What this computer lets us see, and its owner's clock."""

    senses: Senses
    local: Callable[[int], datetime] = local_time


MakeDesk = Callable[[Situation, Callable[[], None]], NodeDesk]
MakeFleet = Callable[[Callable[[], None]], Fleet]


class Node:
    """One running node. `watch` hears of every change of state, after it is in the ledger."""

    def __init__(
        self,
        *,
        profile: Profile,
        outside: Outside,
        desk: MakeDesk,
        fleet: MakeFleet,
        surroundings: Surroundings,
        terms: Terms,
        books: Books,
        bookkeeping: Bookkeeping,
        cashier: Cashier,
        now_ms: Callable[[], int],
        watch: Callable[[Moment], None],
    ) -> None:
        self._outside = outside
        self._books = books
        self._bookkeeping = bookkeeping
        self._cashier = cashier
        self._watch = watch
        self._now_ms = now_ms
        self._surroundings = surroundings
        self._terms = terms
        self._memory = Memory()
        self._decided = Decision(NodeState.STARTING, Reason.LOADING)
        self._due = False
        self._fleet = fleet(self._nudge)
        self._lookout = Lookout(surroundings.senses, self._nudge, lambda: self._fleet.working, now_ms)
        self._life = Life(lambda: self._decided, books, now_ms, self._on_moment)
        self._desk = desk(Situation(lambda: self._decided, self._fleet, lambda: self._face.info), self._busy_changed)
        self._face = Face(profile, outside, self._desk.offers, self._nudge)
        self._server: Server | None = None
        self._http_port: int | None = None
        self._joined = False
        self._paused = False
        self._finishing = False
        self._stopping = False
        self._sleeping = False
        self._measured = ""
        self._last_busy_s = float("-inf")
        self._mending: asyncio.Task[None] | None = None
        self._livelihood: Livelihood | None = None

    @property
    def moment(self) -> Moment:
        """The present state."""
        return self._life.now

    @property
    def standing(self) -> Standing:
        """Which relays list us."""
        return self._face.standing

    @property
    def relays(self) -> tuple[RelayState, ...]:
        """How each relay stands."""
        return self._face.relays

    @property
    def http_port(self) -> int | None:
        """Where the API listens on this computer, once it does."""
        return self._http_port

    @property
    def info(self) -> NodeInfo:
        """What we tell about ourselves."""
        return self._face.info

    @property
    def open_jobs(self) -> int:
        """Jobs that are not settled yet."""
        return self._desk.open_jobs

    @property
    def books(self) -> Books:
        """The ledger, to write."""
        return self._books

    @property
    def busy_share(self) -> float:
        """How much of all seats is taken, 0 … 1; nothing is where there are none."""
        return min(1.0, self._desk.open_jobs / self._fleet.slots) if self._fleet.slots else 0.0

    def live_by(self, livelihood: Livelihood) -> None:
        """Tell it which job sits where, and ask it whether work pays, until the end; it is closed with the node."""
        self._livelihood = self._fleet.seats_watch = livelihood

    def reprice(self, asked: Sequence[Offer], billed: Sequence[Offer]) -> None:
        """Ask other prices from now on, and say so on the relays."""
        self._desk.reprice(asked, billed)
        self._face.announce()

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device: what it is, how it stands and why."""
        return self._fleet.views()

    def limits_of(self, device_id: str) -> Limits:
        """What the owner lets that device do."""
        return self._terms.limits_of(device_id)

    def follow(self, terms: Terms) -> None:
        """The owner changed the terms: they hold from now on."""
        self._terms = terms
        self._nudge()

    async def start(self, *, enrol: bool = True) -> None:
        """Heal the books, load the worker, listen, and announce unless that, and every request, shall wait for `enrol`.

        Returns when the node listens; worker and relays follow in their own time and are told through `watch`.
        Raises StorageUnusable, NetworkError and the like where nothing can be started.
        """
        self._joined = self._joined or enrol
        await self._life.start()
        self._face.benchmark = await self._books.run(Ledger.newest_benchmark)
        await self._bookkeeping.heal()
        self._mending = asyncio.create_task(self._mend(), name="mending")
        await self._lookout.start()
        self._server = self._outside.server(self._desk)
        self._http_port = await self._server.start()
        await self._face.open(self._http_port)
        if self._joined:
            await self.enrol()
        self._nudge()

    async def enrol(self) -> None:
        """Announce on the relays and stay announced; once that is so, announce again what is true now.

        A node that does not listen yet announces as soon as it does. Raises Unavailable while it stops.
        """
        if self._stopping:
            raise Unavailable("Hearth is stopping.", now="Start it again.")
        self._joined = True
        self._nudge()
        await self._face.enrol()

    def pause(self) -> None:
        """Take no new requests; those at work end first. Each device is released when its last one has."""
        self._paused = self._finishing = True
        self._decide()

    async def release(self) -> None:
        """Wait for no job any more: return when no worker is left and the devices' memory is free."""
        self._finishing = False
        self._decide()
        await self._fleet.left()

    def hold(self, device_id: str) -> Callable[[], None]:
        """Keep every worker and take no requests while that device is measured, until what is returned is called."""
        self._measured = device_id
        self._decide()

        def release() -> None:
            self._measured = ""
            self._decide()

        return release

    async def keep_benchmark(self, run: KeptBenchmark) -> None:
        """Write a benchmark down, then name it in the announcement. Raises Unavailable while the node stops."""
        if self._stopping:
            raise Unavailable("Hearth is stopping.")
        await self._books.run(lambda ledger: ledger.keep_benchmark(run))
        self._face.benchmark = run.digest
        self._face.announce()

    def resume(self) -> None:
        """Take requests again, and try again what failed."""
        self._paused = self._finishing = False
        self._fleet.retry()
        self._decide()

    async def fall_asleep(self) -> None:
        """The computer is about to sleep: stop and settle what runs, free the devices, sign off. Within seconds."""
        self._sleeping = True
        self._decide()
        await asyncio.gather(self._fleet.left(), self._face.sign_off(WITHDRAW_DEADLINE_S))

    async def wake(self, start_ms: int, end_ms: int) -> None:
        """It slept from `start_ms` to `end_ms`: write that down, connect to the relays anew, announce, work again.

        Connections of before the sleep are dead, whatever they say of themselves.
        """
        if self._stopping:
            return
        await self._books.run(lambda ledger: ledger.slept(start_ms, end_ms))
        self._sleeping = False
        self._decide()
        await self._face.sign_off(0)
        if self._joined:
            await self.enrol()

    async def stop(self) -> None:
        """Withdraw, finish or refund, close everything; within five seconds."""
        self._stopping = True
        self._face.fall_silent()
        self._decided = Decision(NodeState.STOPPING, Reason.SHUTTING_DOWN)
        await self._life.stop()
        if self._mending is not None:
            self._mending.cancel()
        withdrawing = asyncio.create_task(self._face.sign_off(WITHDRAW_DEADLINE_S))
        if self._server is not None:
            # First the server: what it breaks off is settled, and the buyer gets the change with the last bytes.
            await self._server.stop(FINISH_GRACE_S)
        await self._desk.drain(0)
        await withdrawing
        await self._face.close()
        await self._lookout.stop()
        await self._fleet.stop()
        await self._cashier.close()
        if self._livelihood is not None:
            await self._livelihood.close()
        await self._life.end()
        await self._books.close()

    async def _mend(self) -> None:
        while True:
            await asyncio.sleep(MEND_EVERY_S)
            try:
                await self._bookkeeping.mend()
            except HearthError as error:
                log.warning("wallet and ledger could not be brought together: %s", error)

    def _nudge(self) -> None:
        """Something is another: decide again, once, however much it was."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._decide)

    def _decide(self) -> None:
        self._due = False
        if self._stopping:
            return
        try:
            self._decided = self._judge()
        except Exception:
            # A policy with a bug must not go on working because nobody tells it to stop.
            log.exception("a bug in the policy: nothing works until it is decided again")
            self._fleet.halt()
            self._decided = Decision(NodeState.FAULT, Reason.WORKER_FAILED, "Hearth made a mistake; see its log.")
        self._life.nudge()

    def _judge(self) -> Decision:
        loop_s, now_ms, lookout = asyncio.get_running_loop().time(), self._now_ms(), self._lookout
        self._fleet.know(lookout.devices, lookout.readings)
        presence = lookout.presence
        signals = Signals(
            stopping=False,
            paused=self._paused or self._sleeping,
            joined=self._joined,
            serving=self._desk.open_jobs > 0 or loop_s - self._last_busy_s < SERVING_LINGER_S,
            enrolled=self._face.standing.enrolled,
            presence=presence,
            permission=self._terms.schedule.at(self._surroundings.local(now_ms)),
            devices=tuple(
                # A card that does not tell whose work it does would take our own measuring for somebody else's.
                replace(each, serving=each.serving or each.device.id == self._measured)
                for each in self._fleet.signals(self._worth_it)
            ),
        )
        self._memory, judgements = step(self._memory, signals, self._terms, int(loop_s * _MS))
        # The event itself is as old as the session is idle: what is measured begins with the owner's hand.
        age_s = presence.idle_s if presence is not None and presence.idle_s is not None else 0.0
        self._fleet.follow(judgements, self._terms, patient=self._finishing, age_s=min(age_s, MOST_AGE_S))
        if self._sleeping:
            return Decision(NodeState.PAUSED, Reason.ASLEEP)
        if self._measured and judgements.node.takes_jobs:
            return Decision(NodeState.PAUSED, Reason.MEASURING)
        return judgements.node

    def _busy_changed(self) -> None:
        loop = asyncio.get_running_loop()
        self._last_busy_s = loop.time()
        if self._desk.open_jobs == 0:
            loop.call_later(SERVING_LINGER_S + 0.1, self._nudge)
        self._nudge()

    def _worth_it(self, device_id: str) -> bool | None:
        return None if self._livelihood is None else self._livelihood.worth_it(device_id)

    def _on_moment(self, moment: Moment) -> None:
        self._face.announce()
        self._watch(moment)
