import asyncio
import json
import stat
import threading
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from desktop.config.settings import Settings
from desktop.control.answers import EarningsAnswer
from desktop.control.configuration import Configuration
from desktop.control.messages import ExportJobs, Pause, ReadEarnings, ReadJobs, ReadUptime
from desktop.control.node_steward import Estate, NodeSteward
from desktop.control.pauses import Pauses
from desktop.control.problem_report import redacted
from desktop.control.records import Records
from desktop.control.snapshot import Today
from desktop.control.storeroom import Storeroom
from desktop.control.updating import Updating
from desktop.domain.check import Check
from desktop.domain.errors import RequestError, StorageUnusable
from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.report import Report
from desktop.node.verdicts import reach_check
from desktop.proof.receipts import verify
from tests.fakes.benchmark import a_benchmark
from tests.fakes.breakout import break_out
from tests.fakes.node import FakeNode
from tests.fakes.store import FakeStore
from tests.fakes.versions import FakeVersions
from tests.ui.history import DAY_MS, write_history

NOW_MS = 1_795_000_000_000
JOBS = 600


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    write_history(path, jobs=JOBS, days=40, now_ms=NOW_MS)
    return path


def write(file: Path, text: str) -> None:
    file.write_text(text)


class House:
    """A steward over a real ledger, and what it is made of."""

    def __init__(self, report: Report, folder: Path, records: Records | None = None) -> None:
        self.node = FakeNode()
        self.quits = 0

        def quit_asked() -> None:
            self.quits += 1

        self.steward = NodeSteward(
            self.node,
            Estate(
                offers=(),
                relay_urls=self.node.relay_urls,
                data_folder=str(folder),
                checks=lambda: (Check("memory", ok=False, value="1 GiB", threshold="2 GiB", remedy="Buy some."),),
                phrase=lambda: "twelve words",
                quit=quit_asked,
                reach=lambda: (reach_check(None, "Nobody answered.", None),),
                break_out=break_out,
            ),
            records=records or Records(report, verify, lambda: NOW_MS),
            configuration=Configuration(lambda: (Settings(), ""), lambda _: None),
            pauses=Pauses(
                self.node,
                folder / "pause.json",
                write=write,
                changed=lambda: None,
                now_ms=lambda: NOW_MS,
            ),
            benchmark=a_benchmark(),
            storeroom=Storeroom(FakeStore(), lambda: None),
            updating=Updating(FakeVersions(), lambda: None),
            now_ms=lambda: NOW_MS,
        )


@pytest.fixture
async def house(ledger: Path, tmp_path: Path) -> AsyncIterator[House]:
    report = Report.open(ledger)
    made = House(report, tmp_path)
    yield made
    await made.steward.close()
    report.close()


async def test_the_snapshot_tells_what_the_ledger_knows(house: House) -> None:
    picture = await house.steward.snapshot()
    assert picture.today is not None
    assert picture.today.usual_msat is not None
    assert len(picture.recent) == 8
    assert picture.balance is not None
    assert picture.balance.available_msat > 0
    assert picture.uptime is not None
    assert picture.uptime.share == pytest.approx(20 / 24, abs=0.01)
    assert [each.id for each in picture.devices] == ["cpu"]
    assert picture.devices[0].load is None
    assert picture.relays[0].enrolled


class SlowRecords(Records):
    """Reads when it is let to."""

    def __init__(self, report: Report) -> None:
        super().__init__(report, verify, lambda: NOW_MS)
        self.reads = 0
        self.begun = threading.Event()
        self.may_read = threading.Event()

    def today(self) -> Today:
        self.reads += 1
        self.begun.set()
        assert self.may_read.wait(30)
        return super().today()


async def test_a_job_that_ends_while_the_ledger_is_read_is_in_the_next_picture(ledger: Path, tmp_path: Path) -> None:
    report = Report.open(ledger)
    records = SlowRecords(report)
    steward = House(report, tmp_path, records).steward
    looking = asyncio.create_task(steward.snapshot())
    assert await asyncio.to_thread(records.begun.wait, 30)
    steward.jobs_changed()
    records.may_read.set()
    await looking
    for _ in range(3):
        await steward.snapshot()
    assert records.reads == 2, "once more, because the first may have come too early; then it is known"
    await steward.close()
    report.close()


async def test_sums_between_edges_add_up_to_the_whole(house: House) -> None:
    edges = tuple(range(NOW_MS // DAY_MS * DAY_MS - 40 * DAY_MS, NOW_MS + DAY_MS, DAY_MS))
    days = await house.steward.earnings(ReadEarnings(id=1, edges_ms=edges))
    whole = await house.steward.earnings(ReadEarnings(id=2, edges_ms=(edges[0], edges[-1])))
    assert sum(part.msat for part in days.slices) == whole.slices[0].msat
    assert sum(part.jobs for part in days.slices) == JOBS == sum(model.jobs for model in days.models)
    assert isinstance(days, EarningsAnswer)
    assert all(early.start_ms < late.start_ms for early, late in pairwise(days.slices))


@pytest.mark.parametrize("edges", [(0, 1), (DAY_MS, 0), (0, 0)])
async def test_edges_that_make_no_sense_are_refused(house: House, edges: tuple[int, ...]) -> None:
    with pytest.raises(RequestError):
        await house.steward.earnings(ReadEarnings(id=1, edges_ms=edges))


async def test_pages_of_jobs_hold_every_job_once(house: House) -> None:
    seen: list[str] = []
    before = None
    while True:
        page = await house.steward.jobs(ReadJobs(id=1, limit=170, before=before))
        seen += [job.id for job in page.jobs]
        if (before := page.before) is None:
            break
    assert len(seen) == len(set(seen)) == JOBS
    failed = await house.steward.jobs(ReadJobs(id=2, state=JobState.FAILED))
    assert {job.state for job in failed.jobs} == {JobState.FAILED}


async def test_a_job_comes_with_its_receipt_checked(house: House) -> None:
    page = await house.steward.jobs(ReadJobs(id=1, limit=1))
    answer = await house.steward.job(page.jobs[0].id)
    assert answer.receipt is not None
    assert answer.receipt.valid
    assert json.loads(answer.receipt.body)["job_id"] == page.jobs[0].id
    with pytest.raises(RequestError):
        await house.steward.job("none")


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_an_export_holds_every_job_and_overwrites_nothing(house: House, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"jobs.{form}"
    answer = await house.steward.export(ExportJobs(id=1, path=str(file), format=form))
    assert answer.jobs == JOBS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(StorageUnusable):
        await house.steward.export(ExportJobs(id=2, path=str(file), format=form))


async def test_uptime_is_told_with_reasons(house: House) -> None:
    answer = await house.steward.uptime(ReadUptime(id=1, start_ms=NOW_MS - DAY_MS, end_ms=NOW_MS))
    assert {each.state for each in answer.intervals} >= {NodeState.EARNING, NodeState.PAUSED, NodeState.OFFLINE}


async def test_joining_resumes_and_announces(house: House) -> None:
    await house.steward.pause(Pause(id=1, until_ms=NOW_MS + 60_000))
    assert (await house.steward.snapshot()).status.paused_until_ms == NOW_MS + 60_000
    await house.steward.enrol()
    assert house.node.said == ["pause", "release", "resume", "enrol"]


async def test_the_report_tells_what_is_wrong_and_no_secret(house: House) -> None:
    house.node.enter(NodeState.FAULT, Reason.WORKER_FAILED, f"read {Path.home()}/x with nsec1qqqqqqqqqqqqqqqqqqqq")
    text = (await house.steward.report()).text
    assert "FAIL memory: 1 GiB (needed: 2 GiB)" in text
    assert "nsec1" not in text
    assert str(Path.home()) not in text
    assert "npub1" not in text


def test_whatever_looks_like_a_key_or_a_token_is_left_out() -> None:
    for secret in ("cashuBo2F0gaJhaUgA", "cashuAeyJ0b2tlbiI6", "sk-0123456789abcdef", "ab" * 32, "nsec1abcdefgh"):
        assert secret not in redacted(f"before {secret} after")


async def test_quit_asks_once_and_returns(house: House) -> None:
    await house.steward.quit()
    assert house.quits == 1


async def test_whether_others_reach_it_is_told_without_the_rest_of_the_doctor(house: House) -> None:
    (sheet,) = (await house.steward.reach()).checks
    assert (sheet.name, sheet.passed) == ("reachability", False)
    assert sheet.values["trouble"] == "Nobody answered."
    assert "firewall" in sheet.remedy


async def test_each_attempt_to_break_out_is_told_with_its_refusal(house: House) -> None:
    answer = await house.steward.break_out()
    assert answer.held
    assert answer.attempts[0].outcome == "refused: Permission denied"
    assert "kernel" in answer.not_covered[0]
    assert answer.not_available == ("namespaces: User namespaces are not allowed here.",)
