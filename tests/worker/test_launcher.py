import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from desktop.domain.errors import ModelCorrupt, SandboxBroken, SandboxUnavailable, WorkerDied, WorkerError
from desktop.domain.inference import Delta
from desktop.worker.sandbox.check import ReportLine, SandboxReport
from desktop.worker.sandbox.family import facts_of
from desktop.worker.sandbox.graphics import GraphicsCard
from desktop.worker.sandbox.modes import SandboxMode
from tests.fakes.patience import until
from tests.worker.sandbox.owners import REPOSITORY, Owner, line_for, possible_owners, run_as
from tests.worker.scripted import SECRET
from tests.worker.scripted_launch import BOTH, chat, scripted_launcher

FULL = Path("/dev/full")


def alive(pid: int) -> bool:
    return facts_of(pid).get("State", "Z")[0] not in "ZX"


@pytest.mark.parametrize("mode", BOTH)
async def test_a_report_names_what_was_tried_and_how_it_ended(tmp_path: Path, mode: SandboxMode) -> None:
    report = await scripted_launcher(tmp_path, modes=(mode,)).inspect(compute=False)
    assert report.mode is mode
    assert report.passed
    names = " ".join(line.name for line in report.lines)
    for part in ("Connect", "planted", "signal to the node", "parent process", "user namespace", "Who it runs as"):
        assert part in names
    assert list((tmp_path / "home").iterdir()) == []


async def test_the_strongest_mode_is_taken_and_the_reason_against_a_stronger_one_kept(tmp_path: Path) -> None:
    report = await scripted_launcher(tmp_path).inspect(compute=False)
    assert list(report.not_available) == list(BOTH[: BOTH.index(report.mode)])
    assert all(report.not_available.values())


async def test_it_computes_as_well(tmp_path: Path) -> None:
    report = await scripted_launcher(tmp_path).inspect()
    assert report.passed
    assert report.lines[-1] == ReportLine("Multiply two matrices", "right results", "it does", passed=True)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("card", [GraphicsCard((FULL,), "cuda:0", "GPU-a"), GraphicsCard((FULL,), "xpu:0"), None])
async def test_a_worker_is_given_one_card_and_what_its_driver_needs_to_work(
    tmp_path: Path, mode: SandboxMode, card: GraphicsCard | None
) -> None:
    """`/dev/full` stands for the card: a device file that no worker may open unless it is given."""
    budget = 0 if card is None else 8 << 30
    worker = await scripted_launcher(tmp_path, modes=(mode,), graphics=card, device_memory_bytes=budget).launch()
    try:
        pieces = [piece async for piece in worker.generate(chat(f"card {FULL}"))]
    finally:
        worker.kill()
        await worker.wait_closed()
    assert isinstance(pieces[0], Delta)
    told = json.loads(pieces[0].text)
    assert told["device"] == ("cpu" if card is None else card.torch_name)
    assert told["memory"] == (budget or None)
    assert told["visible"] == ("" if card is None else card.visible)
    for needed in ("opens its file", "names a thread", "looks for its place", "makes a memory file"):
        assert told[needed] is (card is not None), needed
    assert not told["opens another's file"]


async def test_nothing_allowed_nothing_launched(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable):
        await scripted_launcher(tmp_path, modes=()).launch()


@pytest.mark.parametrize("gives_way", [True, False])
async def test_a_worker_comes_after_all_others_unless_its_owner_wants_otherwise(
    tmp_path: Path, *, gives_way: bool
) -> None:
    worker = await scripted_launcher(tmp_path, gives_way=gives_way).launch()
    try:
        classes = {os.sched_getscheduler(pid) for pid in worker.pids}
        assert classes == {os.SCHED_IDLE if gives_way else os.SCHED_OTHER}
    finally:
        worker.kill()
        await worker.wait_closed()


async def test_a_corrupt_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="scripted"):
        await scripted_launcher(tmp_path, behaviour="corrupt").launch()


async def test_a_worker_that_dies_while_loading_leaves_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(WorkerDied, match=r"status 7\. a last cry"):
        await scripted_launcher(tmp_path, behaviour="die").launch()


async def test_a_bug_while_loading_says_where_and_no_more(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"ValueError at scripted\.py") as caught:
        await scripted_launcher(tmp_path, behaviour="odd").launch()
    assert SECRET not in str(caught.value)


async def test_a_worker_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(WorkerDied, match="1 seconds"):
        await scripted_launcher(tmp_path, behaviour="slow", ready_within_s=1.0).launch()
    assert time.monotonic() - started < 10


async def test_a_launch_that_is_given_up_leaves_no_process(tmp_path: Path) -> None:
    others = _children()
    launching = asyncio.create_task(scripted_launcher(tmp_path, behaviour="slow").launch())
    await until(lambda: bool(_children() - others))
    launching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launching
    assert _children() <= others


def _children() -> set[int]:
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        found |= set(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return {pid for pid in found if alive(pid)}


def test_a_report_that_did_not_pass_stops_everything() -> None:
    lines = (
        ReportLine("Read a file planted outside", "refused", "it worked", passed=False),
        ReportLine("Send a signal to the node", "refused", "refused", passed=True),
    )
    with pytest.raises(SandboxBroken, match="Read a file planted outside: it worked") as caught:
        SandboxReport(SandboxMode.NAMESPACES, lines).require()
    assert "signal" not in str(caught.value)


def test_the_same_attempts_get_out_where_there_is_no_sandbox() -> None:
    """Else the reports above would prove nothing."""
    owner = Owner.USER if Owner.USER in possible_owners() else Owner.CONTAINER
    mode, got_out = run_as(owner, "tests.worker.report_without_sandbox").split()
    assert mode == "none"
    assert int(got_out) >= 4


def test_root_in_a_plain_container_gets_the_weaker_mode_and_is_told_why() -> None:
    if Owner.CONTAINER in possible_owners():
        report = run_as(Owner.CONTAINER, "tests.worker.report_in_container")
        mode, passed, why = report.split(maxsplit=2)
        assert (mode, passed) == ("restricted", "True")
        assert "mount namespace" in why


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("order", ["endless", "hang"])
@pytest.mark.parametrize("owner", [owner for owner in possible_owners() if owner is not Owner.CONTAINER])
def test_a_node_killed_with_sigkill_takes_its_worker_along(
    tmp_path: Path, mode: SandboxMode, order: str, owner: Owner
) -> None:
    line, environment = line_for(owner, tmp_path, "tests.worker.node_stand_in", mode.value, order)
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        pids = [int(pid) for pid in node.stdout.readline().split()]
        assert pids
        assert all(alive(pid) for pid in pids)
        os.kill(node.pid, signal.SIGKILL)
    deadline = time.monotonic() + 1.0
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_too_much_graphics_memory_ends_a_worker(tmp_path: Path) -> None:
    asked: list[list[int]] = []

    def device_memory(pids: Sequence[int]) -> int:
        asked.append(list(pids))
        return 3 << 20 if len(asked) > 1 else 0

    launcher = scripted_launcher(tmp_path, behaviour="slow", device_memory=device_memory, device_memory_bytes=2 << 20)
    with pytest.raises(WorkerDied, match="3 MiB of graphics memory"):
        await launcher.launch()
    assert asked[1]


async def test_a_model_the_worker_could_not_read_is_named_with_the_remedy(tmp_path: Path) -> None:
    launcher = scripted_launcher(tmp_path)
    (tmp_path / "model" / "behaviour").chmod(0o600)
    if os.geteuid() == 0:
        with pytest.raises(WorkerError, match="chmod -R a\\+rX"):
            await launcher.launch()
    else:
        await (await launcher.launch()).stop(1.0)


def test_the_nodes_side_stays_free_of_the_numeric_library() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import desktop.worker.launcher, desktop.worker.sandbox.tool; "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(REPOSITORY)], check=False).returncode == 0


async def test_a_launch_that_is_given_up_at_its_very_end_leaves_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowered: list[int] = []
    go_on = threading.Event()

    def slow(pids: Iterable[int]) -> None:
        lowered.extend(pids)
        go_on.wait(60)

    monkeypatch.setattr("desktop.worker.launcher.give_way", slow)
    launching = asyncio.create_task(scripted_launcher(tmp_path).launch())
    try:
        await until(lambda: bool(lowered))
        launching.cancel()
        await asyncio.gather(launching, return_exceptions=True)
        assert launching.cancelled()
        assert not any(map(alive, lowered))
    finally:
        go_on.set()
