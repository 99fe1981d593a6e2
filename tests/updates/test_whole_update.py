"""The change of version with real processes: the installed command, the node, the helper, the way back."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from desktop.domain.node_state import Reason
from tests.fakes.content_server import content_server
from tests.fakes.publisher import FakePublisher
from tests.updates.household import Household


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with content_server() as server, tempfile.TemporaryDirectory(prefix="hh-") as sockets:
        house = Household(tmp_path, Path(sockets), server, FakePublisher(), lambda: int(time.time()))
        house.move_in("1.0.0")
        yield house
        house.run("stop", "--app")


@pytest.mark.slow
async def test_an_ill_version_is_taken_back_with_its_records_and_a_healthy_one_stays(house: Household) -> None:
    """The ill one brings the ledger up to tables that the old version does not know, and dies."""
    node = house.start("node", "--wait-to-join")
    before = await house.until_it_answers()
    house.offer("1.1.0", ails="tables door")

    done = house.run("update")

    assert done.returncode == 1
    assert "did not come up healthy; 1.0.0 is in use again. It ended with status 3." in done.stdout, done.stderr
    _, err = node.communicate(timeout=30)
    assert node.returncode == 0, err
    after = await house.until_it_answers()
    assert (after.node.version, after.node.npub, house.version()) == ("1.0.0", before.node.npub, "1.0.0")
    assert not (house.data / "trial").exists()
    assert not (house.data / "before-update").exists()
    assert "is not tried again" in house.run("update").stdout

    house.offer("1.2.0")
    await house.update_from_the_window()
    last = await house.until_it_answers("1.2.0")
    assert (last.node.version, last.node.npub, house.version()) == ("1.2.0", before.node.npub, "1.2.0")
    assert last.status.reason is Reason.WAITING_TO_JOIN


def test_a_version_that_cannot_even_be_loaded_is_refused_before_anything_ends(house: Household) -> None:
    house.offer("1.1.0", ails="import")

    done = house.run("update")

    assert done.returncode == 1
    assert "does not work here" in done.stderr
    assert "a library is missing" in done.stderr
    assert house.version() == "1.0.0"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.whole) for seed in range(1, 9))])
def test_killed_anywhere_a_whole_version_is_in_use_and_the_records_are_its_own(house: Household, seed: int) -> None:
    """Everything that belongs to the update is killed at once, as by a power cut; the next start must just work."""
    assert house.run("status").returncode == 0
    house.offer("1.1.0", ails="tables")
    process = house.start("update")
    time.sleep(random.Random(seed).uniform(0.5, 6.0))
    kill_all(house)
    process.communicate()

    first = house.run("--version")
    again = house.run("status")

    assert first.stdout in {"Hearth 1.0.0\n", "Hearth 1.1.0\n"}, first.stderr
    assert "later version" not in again.stderr
    assert house.run("--version").stdout == f"Hearth {house.version()}\n"
    assert not (house.data / "trial").exists()

    done = house.run("update", "--json")
    assert done.returncode == 0, done.stderr
    found, *outcome = map(json.loads, done.stdout.splitlines())
    assert found["version"] == "1.1.0"
    assert found["installed"] == ("1.0.0" if outcome else "1.1.0")
    assert house.version() == "1.1.0"
    assert "X-Version=1.1.0" in (house.home / ".local/share/applications/hearth.desktop").read_text()
    with closing(sqlite3.connect(house.data / "ledger.db")) as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def kill_all(house: Household) -> None:
    """Kill whatever runs from this test's folder."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(house.root).encode() in line:
            with suppress(ProcessLookupError):  # it ended by itself just now
                os.kill(int(entry.name), signal.SIGKILL)
