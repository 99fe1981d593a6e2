"""From a look to what is ready, for each kind of installation, with a real server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.control.snapshot import Renewal as Picture
from desktop.domain.errors import AlreadyRunning, DownloadStopped, NetworkError, Unavailable, UpdateFailed
from desktop.machine.paths import Paths
from desktop.renewal import HomeVersions, Renewal, home_option
from desktop.updates.installation import find_installation
from desktop.updates.memory import Outcome
from tests.fakes.content_server import ContentServer, content_server
from tests.fakes.publisher import DAY_S, NOW_S, FakePublisher, artefact
from tests.updates.test_changeover import OLD

CONTENT = b"an installer"


@pytest.fixture
def server() -> Iterator[ContentServer]:
    with content_server() as server:
        server.files["/hearth"] = CONTENT
        yield server


class Place:
    """`renewal` of a Hearth installed as a package of the system, or, with `kind` "run", for one user."""

    def __init__(self, folder: Path, server: ContentServer, kind: str = "deb") -> None:
        self.publisher = FakePublisher()
        self.server = server
        paths = Paths.below(folder / "home")
        paths.create()
        settings = Settings(relays=(), mints=(), update_sources=(f"{server.url}/latest.json",))
        payload = folder / ("hearth" if kind == "deb" else OLD)
        payload.mkdir()
        (payload / "use").touch()
        (folder / "app").symlink_to(payload.name)
        self.environ = {"HEARTH_PAYLOAD": str(payload), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
        home = Composition(paths, settings, lambda: NOW_S * 1000, use_keyring=False)
        self.renewal = Renewal(home, self.environ, lambda: self.publisher.publishers)
        self.shop = HomeVersions(self.renewal, lambda: "tell")

    def offer(self, version: object = "9.0.0", **changes: object) -> None:
        told = artefact(
            version,
            kind=self.renewal.installation.kind.value,
            machine=self.renewal.installation.machine,
            bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            urls=[f"{self.server.url}/hearth"],
        )
        self.server.files["/latest.json"] = self.publisher.latest(version, **({"artefacts": [told]} | changes))


@pytest.fixture
def place(tmp_path: Path, server: ContentServer) -> Place:
    return Place(tmp_path, server)


async def test_a_package_of_the_system_is_downloaded_and_its_command_told(place: Place) -> None:
    place.offer()
    found = await place.shop.look()
    assert (found.phase, found.version, found.size_bytes, found.notes) == ("ready", "9.0.0", len(CONTENT), "Faster.")
    told: list[str] = []

    ended = place.shop.install(found, threading.Event(), lambda state: told.append(state.phase))

    assert content(ended.detail) == CONTENT
    assert ended.phase == "downloaded"
    assert ended.command in {f"sudo apt install {ended.detail}", f"sudo dnf install {ended.detail}"}
    assert set(told) == {"downloading"}


def content(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_a_look_is_remembered_and_an_older_statement_refused_from_then_on(place: Place) -> None:
    place.offer("9.1.0")
    await place.renewal.look()
    assert place.renewal.memory.read().newest_issued_s == NOW_S - DAY_S
    place.offer("9.0.0", issued_s=NOW_S - 2 * DAY_S)
    with pytest.raises(NetworkError, match="may be believed"):
        await place.renewal.look()


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({"version": "0.0.1"}, "current"),
        ({"rollout": {"start_s": NOW_S + 50, "first_percent": 0, "complete_s": NOW_S + 90}}, "waiting"),
        ({"artefacts": [artefact(kind="windows")]}, "no installer"),
    ],
)
async def test_each_finding_is_told_and_none_of_them_is_installed(
    place: Place, changes: dict[str, object], phase: str
) -> None:
    place.offer(**changes)
    found = await place.shop.look()
    assert found.phase == phase
    assert (found.turn_ms is not None) == (phase == "waiting")
    with pytest.raises(Unavailable):
        place.shop.install(found, threading.Event(), lambda _: None)


async def test_nothing_is_installed_but_what_the_last_look_found(place: Place) -> None:
    with pytest.raises(Unavailable):
        place.shop.install(Picture(version="9.0.0"), threading.Event(), lambda _: None)
    place.offer()
    found = await place.shop.look()
    with pytest.raises(Unavailable):
        place.shop.install(msgspec.structs.replace(found, version="9.0.1"), threading.Event(), lambda _: None)


async def test_a_stop_is_a_pause(place: Place) -> None:
    place.offer()
    found = await place.shop.look()
    stop = threading.Event()
    stop.set()
    with pytest.raises(DownloadStopped):
        place.shop.install(found, stop, lambda _: None)


def test_how_the_last_change_went_is_told_at_the_start(place: Place) -> None:
    assert place.shop.standing() == Picture()
    place.renewal.memory.ended(Outcome(version="9.0.0", before="0.1.0", healthy=False, at_ms=5, words="It ended."))
    last = place.shop.standing().last_change
    assert last is not None
    assert (last.version, last.before, last.healthy, last.words) == ("9.0.0", "0.1.0", False, "It ended.")


def test_only_a_per_user_installation_replaces_itself(place: Place, tmp_path: Path, server: ContentServer) -> None:
    with pytest.raises(UpdateFailed, match="cannot replace itself") as told:
        place.renewal.lock()
    assert "package manager" in told.value.why
    place.renewal.settle()
    assert not find_installation({}).replaces_itself
    (tmp_path / "second").mkdir()
    assert Place(tmp_path / "second", server, "run").renewal.versions().current() == OLD


async def test_two_do_not_change_it_at_once(tmp_path: Path, server: ContentServer) -> None:
    place = Place(tmp_path, server, "run")
    place.offer()
    found = await place.shop.look()
    with place.renewal.lock(), pytest.raises(AlreadyRunning, match="being updated already"):
        place.shop.install(found, threading.Event(), lambda _: None)


def test_other_folders_are_named_and_the_usual_ones_are_not(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert home_option(Paths.below(tmp_path / "x"), environ) == ["--home", str(tmp_path / "x")]
    assert home_option(Paths.of_user(environ, Path.home()), environ) == []
