"""The change of version, killed between any two of its steps: a whole version is in use, with records it can read."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.domain.errors import Busy, StorageUnusable, UpdateFailed
from desktop.ledger.record import Ledger
from desktop.machine.private_file import write_private
from desktop.updates.changeover import Changeover, Ran, settle
from desktop.updates.memory import MOST_TRIES, Memory
from desktop.updates.records import COPIES, Records, known
from desktop.updates.staging import Staged
from desktop.updates.versions import Trial, Versions
from installer.linux.tree import FILES

OLD, NEW = "app-" + "0" * 16, "app-" + "1" * 16
STAGED = Staged(NEW, "2.0.0")
RAN = Ran(node=True, resting=True)


class Killed(BaseException):
    """A power cut: nothing after it is done, not even what clears up."""


@dataclass
class FakeApp:
    """A node that migrates the ledger when it is started as the new version."""

    root: Path
    running: str = OLD
    ill: str = ""
    busy: bool = False
    migrates: bool = True
    resumed: list[str] = field(default_factory=list)

    def rest(self) -> Ran:
        if self.busy:
            raise Busy("Requests are being answered.", retry_after_s=1)
        self.running = ""
        return RAN

    def start(self, ran: Ran, command: Path) -> None:
        assert ran == RAN
        self.running = command.parent.readlink().name if command.parent.is_symlink() else ""
        if self.running == NEW and self.migrates:
            migrate(self.root / "ledger.db")
        elif self.running == OLD:
            assert known(self.root / "ledger.db"), "the old version cannot read its ledger"

    def ailment(self, ran: Ran, version: str, within_s: float) -> str:
        del ran, version, within_s
        if not self.ill:
            self.resumed.append(self.running)
        return self.ill

    def resume(self, ran: Ran, within_s: float) -> None:
        del ran, within_s
        self.resumed.append(self.running)

    def end(self) -> None:
        self.running = ""


def migrate(ledger: Path) -> None:
    """As a later version of Hearth does."""
    with closing(sqlite3.connect(ledger)) as db, db:
        row = db.execute("SELECT * FROM _sqlite_migrations LIMIT 1").fetchone()
        assert row is not None
        columns = [each[1] for each in db.execute("PRAGMA table_info(_sqlite_migrations)")]
        values = dict(zip(columns, row, strict=True)) | {"name": "9999 later"}
        values = {name: value for name, value in values.items() if name != "id"}
        marks = ", ".join("?" * len(values))
        db.execute(f"INSERT INTO _sqlite_migrations ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - the table's own columns
        db.execute("CREATE TABLE IF NOT EXISTS later (id INTEGER PRIMARY KEY)")


class Fragile:
    """Passes calls on, until one of them is the last."""

    def __init__(self, inner: object, countdown: Callable[[], None]) -> None:
        self._inner = inner
        self._countdown = countdown

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*arguments: object, **more: object) -> object:
            self._countdown()
            result: object = found(*arguments, **more)
            self._countdown()
            return result

        return call


class Place:
    """Two versions side by side, the old one in use, with a ledger."""

    def __init__(self, folder: Path, ledger: Path) -> None:
        self.root = folder / "share/hearth"
        self.root.mkdir(parents=True)
        for name in (OLD, NEW):
            app = self.root / name
            (app / "outside/applications").mkdir(parents=True)
            (app / "outside/applications/hearth.desktop").write_text(name)
            (app / "id").write_text(name[4:] + "\n")
            (app / "hearth").write_text("#!/bin/sh\nexit 0\n")
            shutil.copy(FILES / "use", app / "use")
            (app / "hearth").chmod(0o755)
            (self.root / "runtime" / f"env-{name[4:]}").mkdir(parents=True)
        (self.root / "app").symlink_to(OLD)
        shutil.copy(ledger, self.root / "ledger.db")
        self.environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.versions = Versions(self.root, self.environ, write_private)
        self.memory = Memory(self.root, write_private)
        self.records = Records(self.root)
        self.app = FakeApp(self.root)

    def changeover(self, countdown: Callable[[], None] = lambda: None) -> Changeover:
        parts = (Fragile(each, countdown) for each in (self.versions, self.memory, self.records, self.app))
        versions, memory, records, app = parts
        return Changeover(versions, memory, records, app, "", lambda: 1)  # type: ignore[arg-type]  # they pass every call on

    def require_whole(self) -> str:
        """Which version is in use, with everything as it must be."""
        current = self.versions.current()
        assert known(self.root / "ledger.db") == (current == OLD)
        assert not (self.root / COPIES).exists()
        assert self.versions.trial() is None
        assert self.app.running == current
        return current


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    Ledger.open(path).close()
    return path


@pytest.fixture
def place(tmp_path: Path, ledger: Path) -> Place:
    return Place(tmp_path, ledger)


def test_a_healthy_version_stays_and_the_one_before_too(place: Place) -> None:
    (place.root / "app-2").mkdir()
    (place.root / "runtime/env-2").mkdir()

    outcome = place.changeover().change(STAGED, "1.0.0")

    assert outcome.healthy
    assert place.require_whole() == NEW
    assert place.app.resumed == [NEW]
    assert sorted(path.name for path in place.root.glob("app-*")) == [OLD, NEW]
    assert sorted(path.name for path in (place.root / "runtime").glob("env-*")) == [f"env-{OLD[4:]}", f"env-{NEW[4:]}"]
    assert (place.root / "runtime/newest").readlink() == Path(f"env-{NEW[4:]}")
    assert (place.root.parent / "applications/hearth.desktop").read_text() == NEW


def test_an_ill_version_is_taken_back_with_its_records_and_not_tried_again(place: Place) -> None:
    place.app.ill = "It does not answer."

    outcome = place.changeover().change(STAGED, "1.0.0")

    assert (outcome.healthy, outcome.words) == (False, "It does not answer.")
    assert place.require_whole() == OLD
    assert place.app.resumed == [OLD]
    assert place.memory.read().unwell("2.0.0") == "It does not answer."
    assert (place.root.parent / "applications/hearth.desktop").read_text() == OLD


def test_records_that_the_old_version_can_read_are_not_put_back(place: Place) -> None:
    """What a version with the same tables wrote before it was found unwell stays."""
    place.app.ill = "It does not answer."
    place.app.migrates = False
    before = (place.root / "ledger.db").stat().st_ino

    place.changeover().change(STAGED, "1.0.0")

    assert place.require_whole() == OLD
    assert (place.root / "ledger.db").stat().st_ino == before


def test_a_node_that_is_busy_is_left_alone(place: Place) -> None:
    place.app.busy = True
    with pytest.raises(Busy):
        place.changeover().change(STAGED, "1.0.0")
    assert place.require_whole() == OLD
    assert place.memory.read().tries == {}


@pytest.mark.parametrize("ill", ["", "It does not answer."])
def test_killed_between_any_two_steps_a_whole_version_is_in_use(tmp_path: Path, ledger: Path, ill: str) -> None:
    last, ends = 0, set()
    while True:
        place = Place(tmp_path / f"{last}", ledger)
        place.app.ill = ill
        left = last

        def countdown() -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1

        try:
            place.changeover(countdown).change(STAGED, "1.0.0")
        except Killed:
            recover(place)
            ends.add(place.require_whole())
            last += 1
        else:
            break

    assert last > 20
    assert ends == ({OLD} if ill else {OLD, NEW})


def recover(place: Place) -> None:
    """What the next start does: the installed command first, then whoever starts Hearth."""
    changeover = place.changeover()
    taken_back = changeover.take_back()
    assert changeover.take_back() is False
    if taken_back:
        assert place.versions.current() == OLD
    if place.app.running != place.versions.current():
        place.app.start(RAN, place.versions.command)
    settle(place.versions, place.records, "2.0.0" if place.app.running == NEW else "1.0.0")


def test_taking_back_can_itself_be_killed_anywhere(tmp_path: Path, ledger: Path) -> None:
    for last in range(40):
        place = Place(tmp_path / f"{last}", ledger)
        place.versions.begin(Trial(before=OLD, version="2.0.0", home=""))
        place.records.keep()
        place.versions.use(NEW)
        migrate(place.root / "ledger.db")
        left = last

        def countdown() -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1

        try:
            place.changeover(countdown).take_back()
        except Killed:
            recover(place)
            assert place.require_whole() == OLD
        else:
            return
    pytest.fail("it never came to its end")


def test_what_is_begun_again_and_again_is_given_up(place: Place) -> None:
    for _ in range(MOST_TRIES):
        place.memory.begun("2.0.0")
    assert "never came to an end" in place.memory.read().unwell("2.0.0")


def test_a_node_that_takes_jobs_has_no_way_back_any_more(place: Place) -> None:
    """The helper was killed, and the node went on by itself: money it earned must not be put back."""
    place.versions.begin(Trial(before=OLD, version="2.0.0", home=""))
    place.records.keep()
    place.versions.use(NEW)
    place.app.start(RAN, place.versions.command)

    settle(place.versions, place.records, "1.0.0")
    assert place.versions.trial() is not None, "that is another version's trial"
    settle(place.versions, place.records, "2.0.0")

    assert place.changeover().take_back() is False
    assert place.require_whole() == NEW


def test_a_disk_that_takes_nothing_ends_with_the_old_version_running(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Trial) -> None:
        raise StorageUnusable("The disk is full.")

    monkeypatch.setattr(place.versions, "begin", full)
    outcome = place.changeover().change(STAGED, "1.0.0")
    assert "full" in outcome.words
    assert place.require_whole() == OLD


@pytest.mark.parametrize("delay_ms", range(0, 30, 3))
def test_turning_the_link_killed_at_any_moment_leaves_a_whole_version(place: Place, delay_ms: int) -> None:
    process = subprocess.Popen([place.root / NEW / "use"], env=place.environ, start_new_session=True)
    time.sleep(delay_ms / 1000)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    assert place.versions.current() in {OLD, NEW}
    assert (place.root / "app/hearth").exists()
    place.versions.use(NEW)
    assert place.versions.current() == NEW


@pytest.mark.parametrize("text", ["", "app-1\n", "../../x\n{}\n", 'x\n{"before":"../x","version":"1","home":""}\n'])
def test_a_damaged_trial_is_told_and_leads_nowhere(place: Place, text: str) -> None:
    (place.root / "trial").write_text(text)
    with pytest.raises(StorageUnusable, match="trial"):
        place.changeover().take_back()
    assert place.versions.current() == OLD


def test_an_installer_that_is_no_update_is_refused(place: Place, tmp_path: Path) -> None:
    for text in ("#!/bin/sh\nexit 3\n", "#!/bin/sh\necho /etc\n", "#!/bin/sh\necho app-2222222222222222\n"):
        run = tmp_path / "hearth.run"
        run.write_text(text)
        with pytest.raises(UpdateFailed, match="could not be unpacked"):
            place.versions.lay_down(run)
