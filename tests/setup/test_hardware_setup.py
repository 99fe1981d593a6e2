"""With a real `uv`, a real index on loopback and the real trial; only the wheel of torch is a small one."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from desktop.domain.device import DeviceKind
from desktop.domain.errors import DownloadFailed, DownloadStopped, HearthError, Unavailable
from desktop.downloads.transfer import Transfer
from desktop.machine.private_file import write_private
from desktop.setup.builds import Build, Choice
from desktop.setup.engines import Engine, Engines
from desktop.setup.hardware_setup import HardwareSetup, Phase, Step, run_first_that_works
from desktop.setup.packing_list import PackingList
from desktop.setup.requirements import Requirements
from desktop.setup.uv import Uv, find_uv
from tests.fakes.content_server import ContentServer, Trick, content_server
from tests.fakes.package_index import offer, wheel

# Steps aside for the torch of this environment, so that the trial multiplies for real.
LEADS_TO_TORCH = """
import sys
sys.path.insert(0, {real!r})
del sys.modules["torch"]
import torch
sys.modules["torch"] = torch
"""
DOES_NOT_LOAD = 'raise OSError("libcudart.so.13: cannot open shared object file")'
REQUIREMENTS = Requirements(("torch==2.13.0",), ("bundled-model==1.0",))
CPU = Choice(Build("cpu", "processor only", DeviceKind.CPU, ("linux", "windows")), "")
CUDA = Choice(Build("cu130", "CUDA 13.0", DeviceKind.CPU, ("linux", "windows")), "")
BALLAST = random.Random(3).randbytes(400_000)


@dataclass
class Place:
    """One set-up, and what it told."""

    url: str
    root: Path
    told: list[Step] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def parts(self) -> tuple[str, Path]:
        """What another process needs to do the same."""
        return self.url, self.root

    def setup(self) -> HardwareSetup:
        uv = Uv(find_uv(os.environ), self.stop, retries=0)
        transfer = Transfer(self.stop, first_wait_s=0.001)
        listing = PackingList(uv, f"{self.url}/{{build}}/simple")
        return HardwareSetup(self.engines, listing, transfer, uv, REQUIREMENTS, now_ms=lambda: 5)

    @property
    def engines(self) -> Engines:
        return Engines(self.root, write_private)

    @property
    def engine(self) -> Engine | None:
        return self.engines.current(REQUIREMENTS.all)


def torch_wheel(source: str) -> bytes:
    return wheel("torch", "2.13.0", {"torch/__init__.py": source}, ("companion>=1",), BALLAST)


@pytest.fixture
def server() -> Iterator[ContentServer]:
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    good = torch_wheel(LEADS_TO_TORCH.format(real=str(Path(spec.origin).parent.parent)))
    others = {
        ("companion", "1.5"): wheel("companion", "1.5", {"companion.py": ""}),
        ("bundled-model", "1.0"): wheel("bundled_model", "1.0", {"bundled_model/w.txt": "w"}, ("never-fetched",)),
    }
    with content_server() as content:
        content.tricked = "/files/torch-2.13.0-py3-none-any.whl"
        offer(content, "cpu", {("torch", "2.13.0"): good, **others})
        yield content


@pytest.fixture
def place(server: ContentServer, tmp_path: Path) -> Place:
    return Place(server.url, tmp_path / "engines")


def test_a_build_is_fetched_installed_tried_and_taken(place: Place) -> None:
    engine = place.setup().run(CPU, place.told.append)

    assert (engine.build, engine.device) == ("cpu", "cpu")
    assert place.engine == engine
    folder = place.engines.path(engine)
    assert sorted(path.name for path in folder.iterdir() if not path.name.endswith(".dist-info")) == [
        "bundled_model", "companion.py", "torch",
    ]  # fmt: skip
    phases = list(dict.fromkeys(step.phase for step in place.told))
    assert phases == [Phase.LISTING, Phase.DOWNLOADING, Phase.INSTALLING, Phase.TRYING, Phase.DONE]
    assert place.told[-1].done_bytes == place.told[-1].total_bytes
    assert not place.engines.wheels().exists()


def offer_one_that_does_not_load(server: ContentServer, index: str) -> None:
    others = {
        ("companion", "1.5"): server.files["/files/companion-1.5-py3-none-any.whl"],
        ("bundled-model", "1.0"): server.files["/files/bundled_model-1.0-py3-none-any.whl"],
    }
    offer(server, index, {("torch", "2.13.0"): torch_wheel(DOES_NOT_LOAD), **others})


def test_a_build_that_does_not_multiply_is_never_in_use(server: ContentServer, place: Place) -> None:
    offer_one_that_does_not_load(server, "cu130")

    with pytest.raises(Unavailable, match=r"libcudart\.so\.13"):
        place.setup().run(CUDA, place.told.append)

    assert place.engine is None
    assert not (place.root / "engine.part").exists()


def test_what_was_fetched_before_a_break_is_not_fetched_again(server: ContentServer, place: Place) -> None:
    offer_one_that_does_not_load(server, "cpu")
    server.tricks = [Trick(after_bytes=100_000), *[Trick(status=503)] * 9]
    with pytest.raises(DownloadFailed, match="503"):
        place.setup().run(CPU, place.told.append)

    server.tricks = []
    with pytest.raises(Unavailable):
        place.setup().run(CPU, place.told.append)

    assert server.ranges[-1] == "bytes=100000-"
    assert place.told[-1].phase is Phase.TRYING


def test_it_pauses_and_goes_on(server: ContentServer, place: Place) -> None:
    offer_one_that_does_not_load(server, "cpu")
    hold = threading.Event()
    server.tricks = [Trick(after_bytes=100_000, hold=hold)]

    def tell(step: Step) -> None:
        if step.phase is Phase.DOWNLOADING:
            place.stop.set()
            hold.set()

    with pytest.raises(DownloadStopped):
        place.setup().run(CPU, tell)
    place.stop.clear()
    with pytest.raises(Unavailable):
        place.setup().run(CPU, place.told.append)

    assert place.told[-1].phase is Phase.TRYING


def test_a_build_the_source_does_not_have_gives_way_to_the_next(place: Place) -> None:
    given_up: list[tuple[Choice, HearthError]] = []

    engine = run_first_that_works(
        place.setup(), [CUDA, CPU], place.told.append, lambda choice, error: given_up.append((choice, error))
    )

    assert engine.build == "cpu"
    assert [choice for choice, _ in given_up] == [CUDA]
    assert "no such build" in str(given_up[0][1])


def test_other_content_than_listed_is_refused(server: ContentServer, place: Place) -> None:
    server.tricks = [Trick(flip_byte=50_000)]

    with pytest.raises(DownloadFailed, match="not the file that was meant"):
        place.setup().run(CPU, place.told.append)

    assert place.engine is None


def test_a_source_that_is_not_there_is_told(place: Place) -> None:
    place.url = "http://127.0.0.1:9"

    with pytest.raises(DownloadFailed, match="could not be asked"):
        place.setup().run(CPU, place.told.append)


def test_other_requirements_make_the_engine_out_of_date_and_damage_is_seen(place: Place) -> None:
    engine = place.setup().run(CPU, place.told.append)

    assert place.engines.current(("torch==2.14.0",)) is None
    shutil.rmtree(place.engines.path(engine) / "torch")
    assert place.engine is None


def _run(url: str, root: Path) -> None:
    Place(url, root).setup().run(CPU, lambda _: None)


@pytest.mark.slow
def test_killed_at_random_instants_no_half_engine_is_in_use(server: ContentServer, place: Place) -> None:
    fork = multiprocessing.get_context("forkserver")
    dice = random.Random(5)
    for _ in range(3):
        child = fork.Process(target=_run, args=place.parts)
        child.start()
        child.join(dice.uniform(0.2, 2.0))
        child.kill()
        child.join()
        if place.engine is not None:
            assert (place.engines.path(place.engine) / "torch" / "__init__.py").is_file()
            place.engines.root.joinpath("engine.json").unlink()

    place.setup().run(CPU, place.told.append)

    assert place.engine is not None
    assert not (place.root / "engine.part").exists()
    assert server.files
