"""Whatever a client may say, the door of a healthy node answers it: with a result or in words, never with a mistake."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.control import messages
from desktop.control.address import SocketAddress
from desktop.control.client import DoorClient, Refused
from desktop.control.messages import MAX_EDGES, AnyRequest
from desktop.control.server import Door
from desktop.domain.job import JobState
from desktop.ledger.report import QUARTER_MS, Report
from tests.control.test_node_steward import NOW_MS, House
from tests.ui.history import write_history

LARGEST: Final = 2**53
letters = st.characters(exclude_categories=["Cs"])
short = st.text(letters, max_size=200)
at_ms = st.integers(0, LARGEST)
edges = st.lists(at_ms, min_size=2, max_size=5) | st.builds(
    lambda first, count: [(first + place) * QUARTER_MS for place in range(count)],
    st.integers(0, LARGEST // QUARTER_MS - MAX_EDGES),
    st.integers(2, MAX_EDGES),
)
setting_names = st.sampled_from(["node_name", "slots", "relays", "default_price", "prices", "wire", "models"]) | short
values = st.text(letters, max_size=4000) | st.sampled_from(["[" * 4000, "{a=" * 1000, "1\n2", "nan", "-1", "true"])
ident = st.just(1)

requests: st.SearchStrategy[AnyRequest] = st.one_of(
    st.builds(messages.Watch, id=ident),
    st.builds(messages.Hello, id=ident, protocol=st.integers(-LARGEST, LARGEST), token=short),
    st.builds(messages.Resume, id=ident),
    st.builds(messages.Enrol, id=ident),
    st.builds(messages.Pause, id=ident, until_ms=st.none() | at_ms, finish_first=st.booleans()),
    st.builds(messages.Benchmark, id=ident, cancel=st.booleans()),
    st.builds(messages.ReadSettings, id=ident),
    st.builds(messages.WriteSetting, id=ident, name=setting_names, value=values),
    st.builds(messages.ReadEarnings, id=ident, edges_ms=edges.map(tuple)),
    st.builds(messages.ReadUptime, id=ident, start_ms=at_ms, end_ms=at_ms),
    st.builds(
        messages.ReadJobs,
        id=ident,
        limit=st.integers(1, 500),
        before=st.none() | at_ms,
        state=st.none() | st.sampled_from(JobState),
        model_id=st.none() | short,
        search=short,
        named=st.lists(short, max_size=3).map(tuple),
    ),
    st.builds(messages.ReadJob, id=ident, job_id=short),
    st.builds(
        messages.ExportJobs,
        id=ident,
        path=st.sampled_from(["", "\0", "/", "/nowhere/x", "/dev/null/x", "x" * 4000]),
        format=st.sampled_from(["csv", "json"]),
    ),
    st.builds(messages.RunDoctor, id=ident),
    st.builds(messages.CheckReach, id=ident),
    st.builds(messages.BreakOut, id=ident),
    st.builds(messages.Update, id=ident, act=st.sampled_from(["look", "install", "stop"])),
    st.builds(messages.ReadReport, id=ident),
    st.builds(messages.ReadPhrase, id=ident),
)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    write_history(path, jobs=60, days=40, now_ms=NOW_MS)
    return path


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(requests, min_size=1, max_size=8))
def test_no_request_is_answered_with_a_mistake(ledger: Path, tmp_path: Path, said: list[AnyRequest]) -> None:
    assert asyncio.run(mistakes(ledger, tmp_path, said)) == []


async def mistakes(ledger: Path, folder: Path, said: list[AnyRequest]) -> list[AnyRequest]:
    report = Report.open(ledger)
    house = House(report, folder)
    door = Door(house.steward, SocketAddress(folder / "d"), version="0")
    await door.open()
    found = []
    try:
        async with DoorClient(SocketAddress(folder / "d"), answer_s=20) as client:
            for request in said:
                try:
                    await client.ask(partial(renumbered, request))
                except Refused as refusal:
                    if refusal.kind == "Bug":
                        found.append(request)
    finally:
        await door.close()
        await house.steward.close()
        report.close()
    return found


def renumbered(request: AnyRequest, number: int) -> AnyRequest:
    request.id = number
    return request
