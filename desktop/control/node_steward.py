"""The steward of a real node: its state, its ledger, its settings, behind the door's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.control.answers import (
    BreakOutAnswer,
    CheckSheet,
    DoctorAnswer,
    EarningsAnswer,
    ExportAnswer,
    JobAnswer,
    JobsAnswer,
    OutlookAnswer,
    SettingsAnswer,
    TextAnswer,
    UptimeAnswer,
    WhyAnswer,
)
from desktop.control.benchmark import Benchmark
from desktop.control.breaking_out import break_out_answer
from desktop.control.checks import check_sheet, relay_check
from desktop.control.configuration import Configuration
from desktop.control.device_cards import device_card
from desktop.control.messages import Benchmark as MeasureWord
from desktop.control.messages import (
    Discard,
    ExportJobs,
    Fetch,
    Pause,
    ReadEarnings,
    ReadJobs,
    ReadUptime,
    Update,
    WriteSetting,
)
from desktop.control.pauses import Pausable, Pauses
from desktop.control.problem_report import problem_report
from desktop.control.prospects import outlook_answer
from desktop.control.records import Records
from desktop.control.shelf import ShelfAnswer
from desktop.control.snapshot import (
    Balance,
    JobLine,
    NodeCard,
    OfferedModel,
    Relay,
    Snapshot,
    Status,
    Today,
    UptimeSummary,
)
from desktop.control.storeroom import Storeroom
from desktop.control.updating import Updating
from desktop.domain.check import Check
from desktop.domain.errors import Unavailable
from desktop.domain.limits import Limits
from desktop.domain.model import Offer
from desktop.domain.node_state import NodeState
from desktop.domain.outlook import Outlook
from desktop.machine.limits.keeper import Unmet
from desktop.network.api.desk import NodeInfo
from desktop.network.directory.enrolment import Standing
from desktop.network.directory.relays import RelayState
from desktop.node.fleet import DeviceView
from desktop.node.life import Moment
from desktop.worker.handle import WorkerHandle
from desktop.worker.sandbox.check import SandboxReport

WORDS: Final = frozenset({
    "pause", "resume", "enrol", "benchmark", "settings", "set", "earnings", "uptime", "jobs", "job", "export",
    "why", "outlook", "shelf", "fetch", "discard", "doctor", "reach", "breakout", "update", "report", "phrase",
    "quit",
})  # fmt: skip
RECORDS_GO_STALE_MS: Final = 60_000  # midnight, and minutes of uptime


class RunningNode(Pausable, Protocol):
    """The part of the node that its owner sees."""

    @property
    def moment(self) -> Moment:
        """The present state."""
        ...

    @property
    def standing(self) -> Standing:
        """Which relays list us."""
        ...

    @property
    def relays(self) -> tuple[RelayState, ...]:
        """How each relay stands."""
        ...

    @property
    def http_port(self) -> int | None:
        """Where the API listens."""
        ...

    @property
    def info(self) -> NodeInfo:
        """What it tells about itself."""
        ...

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, the one that is asked first before the others."""
        ...

    def limits_of(self, device_id: str) -> Limits:
        """What the owner lets that device do."""
        ...

    async def enrol(self) -> None:
        """Announce, if it does not yet."""
        ...


@dataclass(frozen=True, slots=True)
class Estate:
    """What belongs to a node beside itself."""

    offers: Sequence[Offer]
    relay_urls: Sequence[str]
    data_folder: str
    checks: Callable[[], Sequence[Check]]
    phrase: Callable[[], str]
    quit: Callable[[], None]
    break_out: Callable[[], Awaitable[SandboxReport]]
    reach: Callable[[], Sequence[Check]] = tuple
    outlook: Callable[[], Sequence[Outlook]] = tuple
    unmet: Callable[[DeviceView], Sequence[Unmet]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Books:
    """What the ledger said last, and when it was asked."""

    at_ms: int
    today: Today
    balance: Balance
    uptime: UptimeSummary
    recent: tuple[JobLine, ...]


class NodeSteward:
    """A `Steward`. Tell it `worker_started` and, whenever a job begins or ends, `jobs_changed`."""

    words = WORDS

    def __init__(
        self,
        node: RunningNode,
        estate: Estate,
        *,
        records: Records,
        configuration: Configuration,
        pauses: Pauses,
        benchmark: Benchmark,
        storeroom: Storeroom,
        updating: Updating,
        now_ms: Callable[[], int],
    ) -> None:
        self._node = node
        self._estate = estate
        self._records = records
        self._configuration = configuration
        self._pauses = pauses
        self._benchmark = benchmark
        self._storeroom = storeroom
        self._updating = updating
        self._now_ms = now_ms
        self._started_at_ms = now_ms()
        self._books: Books | None = None
        self._jobs_changed = 0
        self._worker: WorkerHandle | None = None

    @property
    def worker(self) -> WorkerHandle:
        """The worker that runs, or Unavailable."""
        if self._worker is None or not self._worker.pids:
            raise Unavailable("No worker is ready.", now="Resume, or wait until the model is loaded.")
        return self._worker

    def worker_started(self, worker: WorkerHandle) -> None:
        """A new worker runs."""
        self._worker = worker

    def jobs_changed(self) -> None:
        """What was read from the ledger is old."""
        self._books = None
        self._jobs_changed += 1

    async def snapshot(self) -> Snapshot:
        """The picture of this moment; the ledger is read again only when it has changed, and once a minute."""
        books = self._books
        if books is None or self._now_ms() - books.at_ms > RECORDS_GO_STALE_MS:
            known = self._jobs_changed
            books = await asyncio.to_thread(self._read)
            # What was read while a job ended may lack it: good enough to show, not to keep.
            if known == self._jobs_changed:
                self._books = books
        return Snapshot(
            status=self._status(),
            node=self._card(),
            today=books.today,
            balance=books.balance,
            uptime=books.uptime,
            devices=tuple(
                device_card(each, self._node.limits_of(each.device.id), self._estate.unmet(each))
                for each in self._node.devices()
            ),
            models=self._models(),
            relays=self._relays(),
            recent=books.recent,
            benchmark=self._benchmark.result,
            fetching=self._storeroom.state,
            renewal=self._updating.state,
        )

    async def pause(self, request: Pause) -> None:
        """Pause, now or after the running jobs."""
        await self._pauses.begin(request.until_ms, finish_first=request.finish_first)

    async def resume(self) -> None:
        """Work again; whoever was never announced is from now on."""
        self._pauses.end()
        await self._node.enrol()

    async def enrol(self) -> None:
        """Join: announce, and take requests."""
        if self._node.moment.decision.state is NodeState.PAUSED:
            self._pauses.end()
        await self._node.enrol()

    async def benchmark(self, request: MeasureWord) -> None:
        """Begin or cancel a measurement."""
        if request.cancel:
            await self._benchmark.cancel()
        else:
            self._benchmark.start(request.device_id, request.seed, request.soak_minutes)

    async def settings(self) -> SettingsAnswer:
        """All settings."""
        return await asyncio.to_thread(self._configuration.read)

    async def write_setting(self, request: WriteSetting) -> None:
        """Change one setting."""
        await asyncio.to_thread(self._configuration.write, request.name, request.value)

    async def earnings(self, request: ReadEarnings) -> EarningsAnswer:
        """Sums between edges."""
        return await asyncio.to_thread(self._records.earnings, request)

    async def uptime(self, request: ReadUptime) -> UptimeAnswer:
        """Intervals of a span."""
        return await asyncio.to_thread(self._records.uptime, request)

    async def jobs(self, request: ReadJobs) -> JobsAnswer:
        """A page of jobs."""
        return await asyncio.to_thread(self._records.jobs, request)

    async def job(self, job_id: str) -> JobAnswer:
        """One job."""
        return await asyncio.to_thread(self._records.job, job_id)

    async def export(self, request: ExportJobs) -> ExportAnswer:
        """Write all jobs to a file."""
        return await asyncio.to_thread(self._records.export, request)

    async def why(self) -> WhyAnswer:
        """Why it earns or does not."""
        return await asyncio.to_thread(self._records.why)

    async def outlook(self) -> OutlookAnswer:
        """What this computer could earn a day."""
        return outlook_answer(await asyncio.to_thread(self._estate.outlook), self._now_ms())

    async def shelf(self) -> ShelfAnswer:
        """Models that are here, and those that may be fetched."""
        return await self._storeroom.shelf()

    async def fetch(self, request: Fetch) -> None:
        """Begin or pause a download."""
        if request.stop:
            await self._storeroom.stop()
        else:
            await self._storeroom.fetch(request.model_id)

    async def discard(self, request: Discard) -> None:
        """Delete a fetched model."""
        await self._storeroom.discard(request.model_id)

    async def doctor(self) -> DoctorAnswer:
        """Check this computer, and whether the worker is shut in."""
        checks = [check_sheet(check) for check in await asyncio.to_thread(self._estate.checks)]
        checks.append(relay_check(self._node.relays, self._node.standing.needed))
        if self._worker is not None:
            checks.append(CheckSheet(name="sandbox", passed=True, value=self._worker.mode.in_words))
        return DoctorAnswer(checks=tuple(checks))

    async def reach(self) -> DoctorAnswer:
        """Whether others reach this node."""
        return DoctorAnswer(checks=tuple(map(check_sheet, await asyncio.to_thread(self._estate.reach))))

    async def break_out(self) -> BreakOutAnswer:
        """Try to break out of the sandbox."""
        return break_out_answer(await self._estate.break_out())

    async def update(self, request: Update) -> None:
        """Look for a new version, begin or pause its installation."""
        await self._updating.follow(request.act)

    async def report(self) -> TextAnswer:
        """A problem report without secrets."""
        snapshot, doctor, settings = await self.snapshot(), await self.doctor(), await self.settings()
        return TextAnswer(text=problem_report(snapshot, doctor, settings, self._now_ms()))

    async def phrase(self) -> TextAnswer:
        """The recovery phrase."""
        return TextAnswer(text=await asyncio.to_thread(self._estate.phrase))

    async def quit(self) -> None:
        """Begin to stop."""
        self._estate.quit()

    async def close(self) -> None:
        """End what runs beside the node."""
        await self._benchmark.cancel()
        await self._storeroom.stop()
        await self._updating.close()
        await self._pauses.close()

    def _read(self) -> Books:
        records = self._records
        return Books(self._now_ms(), records.today(), records.balance(), records.uptime_summary(), records.recent())

    def _status(self) -> Status:
        moment = self._node.moment
        paused = moment.decision.state is NodeState.PAUSED
        return Status(
            state=moment.decision.state,
            reason=moment.decision.reason,
            detail=moment.detail,
            since_ms=moment.since_ms,
            paused_until_ms=self._pauses.until_ms if paused else None,
            finishing=self._pauses.finishing,
        )

    def _card(self) -> NodeCard:
        info, port = self._node.info, self._node.http_port
        return NodeCard(
            version=info.version,
            npub=info.npub,
            endpoint_id=info.endpoint_id,
            api=f"http://127.0.0.1:{port}/v1" if port else "",
            mints=info.mints,
            data_folder=self._estate.data_folder,
            started_at_ms=self._started_at_ms,
        )

    def _models(self) -> tuple[OfferedModel, ...]:
        takes = self._node.moment.decision.takes_jobs
        return tuple(
            OfferedModel(
                id=offer.model.id,
                name=offer.model.name,
                kind=offer.model.kind,
                parameters=offer.model.parameters,
                context_tokens=offer.model.context_tokens,
                dtype=offer.model.dtype,
                licence=offer.model.licence,
                digest=offer.model.digest,
                prompt_msat_per_million=offer.price.prompt_msat_per_million,
                completion_msat_per_million=offer.price.completion_msat_per_million,
                request_msat=offer.price.request_msat,
                offered=takes,
            )
            for offer in self._estate.offers
        )

    def _relays(self) -> tuple[Relay, ...]:
        states = {state.url.rstrip("/"): state for state in self._node.relays}
        accepted = {url.rstrip("/") for url in self._node.standing.accepted}
        rows = []
        for url in self._estate.relay_urls:
            state = states.get(url.rstrip("/"))
            enrolled = url.rstrip("/") in accepted
            trouble = "" if state is None or enrolled or state.connected else state.trouble
            rows.append(Relay(url=url, enrolled=enrolled, detail=trouble))
        return tuple(rows)
