"""A node behind the door that does as it is told."""

from __future__ import annotations

import msgspec

from desktop.control.answers import (
    RESULTS,
    AmountRange,
    BreakOutAnswer,
    CheckSheet,
    DeviceEarnings,
    DoctorAnswer,
    EarningsAnswer,
    EarningsSlice,
    ExportAnswer,
    FigureSheet,
    JobAnswer,
    JobsAnswer,
    ModelEarnings,
    OutlookAnswer,
    OutlookSheet,
    ReceiptSheet,
    Sentence,
    SettingsAnswer,
    SettingSheet,
    TextAnswer,
    UptimeAnswer,
    UptimeInterval,
    WhyAnswer,
    WhyPart,
    WhySpan,
)
from desktop.control.breaking_out import break_out_answer
from desktop.control.checks import check_sheet
from desktop.control.messages import (
    Benchmark,
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
from desktop.control.shelf import ShelfAnswer
from desktop.control.snapshot import (
    Balance,
    DeviceCard,
    JobLine,
    NodeCard,
    OfferedModel,
    Relay,
    Snapshot,
    Status,
    Today,
)
from desktop.domain.device import DeviceKind
from desktop.domain.errors import HearthError, RequestError, SettingsError
from desktop.domain.job import JobKind, JobState
from desktop.domain.model import ModelKind
from desktop.domain.node_state import NodeState, Reason
from desktop.node.verdicts import reach_check
from tests.fakes.breakout import break_out
from tests.fakes.store import a_shelf

ALL_WORDS = frozenset(RESULTS) | {"pause", "resume", "enrol", "benchmark", "set", "fetch", "discard", "update", "quit"}
DAY_MS = 86_400_000
START_MS = 1_790_000_000_000
NO_PRICE = "{ prompt_msat_per_million = 50000, completion_msat_per_million = 200000, request_msat = 100 }"
SETTINGS = (
    ("name", "node", "text", "Hearth", "What we are."),
    ("threads", "work", "number", "2", "Threads."),
    ("models", "work", "list of models", "", "What is offered."),
    ("notify", "work", "switch", "true", "Tell me."),
    ("schedule", "computer", "week", "away", "When."),
    ("preset", "computer", "choice", "balanced", "How hard."),
    ("limits", "computer", "limits by device", "[]", "Limits."),
    ("disabled_devices", "computer", "list of devices", "", "Devices that rest."),
    ("default_price", "money", "price", NO_PRICE, "The usual price."),
    ("prices", "money", "prices by model", "[]", "Own prices."),
)
PHRASE = "abandon ability able about above absent absorb abstract absurd abuse access accident"
AN_OUTLOOK = OutlookSheet(
    model_id="smollm2-135m-instruct",
    offers=7,
    providers=5,
    same_model=True,
    relays=("wss://relay.example",),
    newest_ms=60_000,
    oldest_ms=3_600_000,
    asked_msat=(80.0, 120.0, 200.0),
    busy_share=FigureSheet(low=0.02, high=0.05, source=Sentence(text="your own guess")),
    tokens_per_s=FigureSheet(
        low=60.2, high=61.9, source=Sentence(text="your last {count} answers", values={"count": 9})
    ),
    joules_per_token=None,
    gross=AmountRange(low_msat=12_000, high_msat=140_000),
    cost=None,
    net=None,
    missing=(Sentence(text="What a kWh costs is not known: set electricity_price."),),
)


def job_line(place: int, state: JobState = JobState.COMPLETED, *, charged_msat: int = 12_000) -> JobLine:
    """A job as the fake tells it."""
    ended = state not in {JobState.ACCEPTED, JobState.RUNNING}
    return JobLine(
        id=f"job-{place:04d}",
        kind=JobKind.CHAT,
        model_id="smollm2-135m-instruct",
        state=state,
        accepted_at_ms=START_MS + place * 60_000,
        started_at_ms=START_MS + place * 60_000 + 40,
        finished_at_ms=START_MS + place * 60_000 + 4_000 if ended else None,
        prompt_tokens=120,
        completion_tokens=80,
        charged_msat=charged_msat if state is JobState.COMPLETED else 0,
        reason="" if state is not JobState.FAILED else "The worker ended.",
    )


def a_snapshot(state: NodeState = NodeState.READY, reason: Reason = Reason.WAITING_FOR_REQUESTS) -> Snapshot:
    """A healthy node."""
    return Snapshot(
        status=Status(state=state, reason=reason, since_ms=START_MS),
        node=NodeCard(
            version="0.1.0",
            npub="npub1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqkd2wm",
            endpoint_id="ab" * 32,
            api="http://127.0.0.1:8420",
            mints=("https://mint.example",),
            data_folder="/home/ada/.local/share/hearth",
            started_at_ms=START_MS,
        ),
        today=Today(earned_msat=1_842_000, usual_msat=1_640_000, completed=36, failed=1, cancelled=0),
        balance=Balance(available_msat=12_480_000, owed_msat=0),
        devices=(
            DeviceCard(
                id="cpu",
                name="AMD Ryzen 7 5800X",
                kind=DeviceKind.CPU,
                state=state,
                reason=reason,
                load=0.31,
                sandbox="A",
            ),
        ),
        models=(
            OfferedModel(
                id="smollm2-135m-instruct",
                name="SmolLM2 135M Instruct",
                kind=ModelKind.CHAT,
                parameters=134_515_008,
                context_tokens=8192,
                dtype="float32",
                licence="Apache-2.0",
                digest="cd" * 32,
                prompt_msat_per_million=10_000_000,
                completion_msat_per_million=40_000_000,
                request_msat=0,
                offered=True,
            ),
        ),
        relays=(Relay(url="ws://127.0.0.1:7000", enrolled=True),),
        recent=tuple(job_line(place) for place in range(6, 0, -1)),
    )


class FakeSteward:
    """A `Steward`. Set `picture` and call the door's `changed`; `followed` lists what was asked for."""

    def __init__(self, words: frozenset[str] = ALL_WORDS) -> None:
        self.words = words
        self.picture = a_snapshot()
        self.followed: list[object] = []
        self.history = [job_line(place) for place in range(1, 251)]
        self.settings_told: SettingsAnswer | None = None
        self.devices_told: tuple[DeviceEarnings, ...] = ()
        self.setting_values = {name: value for name, _, _, value, _ in SETTINGS}
        self.shelf_told = a_shelf()
        self.reach_told = reach_check(40, "", "https://relay.example")
        self.bug = False
        self.refusal: HearthError | None = None
        self.no_sandbox: HearthError | None = None

    async def snapshot(self) -> Snapshot:
        if self.bug:
            raise ZeroDivisionError
        return self.picture

    def show(self, state: NodeState, reason: Reason, *, until_ms: int | None = None) -> None:
        status = Status(state=state, reason=reason, since_ms=START_MS, paused_until_ms=until_ms)
        self.picture = msgspec.structs.replace(self.picture, status=status)

    async def pause(self, request: Pause) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.followed.append(request)
        self.show(NodeState.PAUSED, Reason.PAUSED_BY_OWNER, until_ms=request.until_ms)

    async def resume(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.followed.append("resume")
        self.show(NodeState.READY, Reason.WAITING_FOR_REQUESTS)

    async def enrol(self) -> None:
        self.followed.append("enrol")

    async def benchmark(self, request: Benchmark) -> None:
        self.followed.append(request)

    async def settings(self) -> SettingsAnswer:
        if self.settings_told is not None:
            return self.settings_told
        values = self.setting_values
        sheets = tuple(
            SettingSheet(
                name=name,
                group=group,
                type=kind,
                value=values[name],
                default=value,
                sentence=sentence,
                choices=("quiet", "balanced", "full") if kind == "choice" else (),
            )
            for name, group, kind, value, sentence in SETTINGS
        )
        return SettingsAnswer(settings=sheets)

    async def write_setting(self, request: WriteSetting) -> None:
        if request.name not in self.setting_values:
            raise SettingsError(f"There is no setting {request.name}.")
        self.setting_values[request.name] = request.value

    async def earnings(self, request: ReadEarnings) -> EarningsAnswer:
        edges = request.edges_ms
        slices = tuple(
            EarningsSlice(start_ms=start, msat=1_000_000 + 37_000 * (number % 9), jobs=12 + number % 5)
            for number, start in enumerate(edges[:-1])
        )
        total = ModelEarnings(
            model_id="smollm2-135m-instruct",
            msat=sum(part.msat for part in slices),
            jobs=sum(part.jobs for part in slices),
            prompt_tokens=120_000,
            completion_tokens=80_000,
        )
        return EarningsAnswer(slices=slices, models=(total,), first_ms=edges[0], devices=self.devices_told)

    async def uptime(self, request: ReadUptime) -> UptimeAnswer:
        middle = (request.start_ms + request.end_ms) // 2
        return UptimeAnswer(
            intervals=(
                UptimeInterval(
                    start_ms=middle,
                    end_ms=None,
                    state=self.picture.status.state,
                    reason=self.picture.status.reason,
                ),
            )
        )

    async def jobs(self, request: ReadJobs) -> JobsAnswer:
        matching = [
            (place, line)
            for place, line in reversed(list(enumerate(self.history)))
            if (request.before is None or place < request.before)
            and request.state in {None, line.state}
            and request.model_id in {None, line.model_id}
            and (request.search in f"{line.id} {line.model_id}" or line.model_id in request.named)
        ]
        page = matching[: request.limit]
        return JobsAnswer(
            jobs=tuple(line for _, line in page), before=page[-1][0] if len(matching) > len(page) else None
        )

    async def job(self, job_id: str) -> JobAnswer:
        line = next((line for line in self.history if line.id == job_id), None)
        if line is None:
            raise RequestError("There is no such job.")
        receipt = ReceiptSheet(body='{"job_id":"' + job_id + '"}', signature="ef" * 64, valid=True)
        return JobAnswer(
            job=line, payment="token", held_msat=40_000, first_token_at_ms=line.accepted_at_ms + 90, receipt=receipt
        )

    async def export(self, request: ExportJobs) -> ExportAnswer:
        self.followed.append(request)
        return ExportAnswer(jobs=len(self.history))

    async def why(self) -> WhyAnswer:
        part = WhyPart(state=NodeState.PAUSED, reason=Reason.OWNER_ACTIVE, duration_ms=DAY_MS // 4, share=0.25)
        span = WhySpan(known_share=1.0, parts=(part,), jobs=3, failed=0, earned_msat=1200)
        return WhyAnswer(
            sentences=(
                Sentence(text="Ready now, and waiting for requests for {since_ms}.", values={"since_ms": 1000}),
            ),
            day=span,
            week=span,
            advice=Sentence(text="Join the network, then requests can come."),
        )

    async def outlook(self) -> OutlookAnswer:
        return OutlookAnswer(models=(AN_OUTLOOK,), typical_prompt_tokens=500, typical_completion_tokens=300)

    async def shelf(self) -> ShelfAnswer:
        chosen = tuple(self.setting_values.get("models", "").split())
        return msgspec.structs.replace(self.shelf_told, chosen=chosen)

    async def fetch(self, request: Fetch) -> None:
        self.followed.append(request)

    async def discard(self, request: Discard) -> None:
        self.followed.append(request)

    async def doctor(self) -> DoctorAnswer:
        return DoctorAnswer(
            checks=(
                CheckSheet(name="sandbox", passed=True, value="A"),
                CheckSheet(
                    name="disk space",
                    passed=False,
                    value="1.2 GB",
                    threshold="2 GB",
                    remedy="Free some space on the disk.",
                ),
            )
        )

    async def reach(self) -> DoctorAnswer:
        if self.refusal is not None:
            raise self.refusal
        return DoctorAnswer(checks=(check_sheet(self.reach_told),))

    async def break_out(self) -> BreakOutAnswer:
        if self.no_sandbox is not None:
            raise self.no_sandbox
        return break_out_answer(await break_out())

    async def update(self, request: Update) -> None:
        self.followed.append(request)

    async def report(self) -> TextAnswer:
        return TextAnswer(text="Hearth 0.1.0\nstate: ready")

    async def phrase(self) -> TextAnswer:
        return TextAnswer(text=PHRASE)

    async def quit(self) -> None:
        self.followed.append("quit")
