import asyncio
from pathlib import Path

import pytest

from desktop.control.pauses import Pauses
from tests.fakes.node import FakeNode
from tests.fakes.patience import until


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.at_ms = 1_000_000

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)
        await asyncio.sleep(0)


def write(file: Path, text: str) -> None:
    file.write_text(text)


def pauses_of(node: FakeNode, folder: Path, clock: Clock) -> Pauses:
    return Pauses(
        node, folder / "pause.json", write=write, changed=lambda: None, now_ms=clock.now_ms, sleep=clock.sleep
    )


async def settled(node: FakeNode, said: list[str]) -> None:
    await until(lambda: node.said == said)


async def test_a_pause_takes_no_jobs_and_frees_the_device_at_once(tmp_path: Path) -> None:
    node = FakeNode()
    pauses = pauses_of(node, tmp_path, Clock())
    await pauses.begin(None, finish_first=False)
    assert node.said == ["pause", "release"]
    await pauses.close()


async def test_a_pause_ends_when_its_time_has_come(tmp_path: Path) -> None:
    node, clock = FakeNode(), Clock()
    pauses = pauses_of(node, tmp_path, clock)
    await pauses.begin(clock.at_ms + 3_600_000, finish_first=False)
    await settled(node, ["pause", "release", "resume"])
    assert clock.at_ms == 1_000_000 + 3_600_000
    assert pauses.until_ms is None
    await pauses.close()


async def test_running_jobs_may_end_first(tmp_path: Path) -> None:
    node = FakeNode()
    node.open_jobs = 1
    pauses = pauses_of(node, tmp_path, Clock())
    await pauses.begin(None, finish_first=True)
    assert pauses.finishing
    assert node.said == ["pause"]
    node.open_jobs = 0
    await settled(node, ["pause", "release"])
    assert not pauses.finishing
    await pauses.close()


async def test_a_second_pause_replaces_the_first(tmp_path: Path) -> None:
    node, clock = FakeNode(), Clock()
    pauses = pauses_of(node, tmp_path, clock)
    await pauses.begin(clock.at_ms + 1_000, finish_first=False)
    await pauses.begin(None, finish_first=False)
    for _ in range(20):
        await asyncio.sleep(0)
    assert node.said == ["pause", "release", "pause", "release"]
    await pauses.close()


@pytest.mark.parametrize(("end", "said"), [(None, ["pause", "release"]), (-1, []), (10**9, ["pause", "release"])])
async def test_a_pause_outlives_the_node_unless_its_time_has_come(
    tmp_path: Path, end: int | None, said: list[str]
) -> None:
    clock = Clock()
    before = pauses_of(FakeNode(), tmp_path, clock)
    await before.begin(None if end is None else clock.at_ms + max(end, 1), finish_first=False)
    await before.close()
    clock.at_ms += 10 if end == -1 else 0
    node = FakeNode()
    after = pauses_of(node, tmp_path, clock)
    await after.restore()
    assert node.said == said
    await after.close()


async def test_a_resumed_node_starts_resumed(tmp_path: Path) -> None:
    before = pauses_of(FakeNode(), tmp_path, Clock())
    await before.begin(None, finish_first=False)
    before.end()
    node = FakeNode()
    await pauses_of(node, tmp_path, Clock()).restore()
    assert node.said == []


@pytest.mark.parametrize("text", ["", "{", '{"until_ms":"soon"}', '{"until_ms":1,"more":2}'])
async def test_a_file_that_means_nothing_pauses_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pause.json").write_text(text)
    node = FakeNode()
    await pauses_of(node, tmp_path, Clock()).restore()
    assert node.said == []
