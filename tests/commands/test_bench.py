"""`hearth bench` where nothing is measured: seeds, reports, history, other people's files."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from pathlib import Path

import msgspec
import pytest

from desktop.commands import bench
from desktop.commands.bench_node import Watch
from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.control.measuring import Bench
from desktop.control.snapshot import Measurement
from desktop.control.workshop import kept
from desktop.domain.errors import BenchmarkInvalid, SettingsError, StorageUnusable, Unavailable
from desktop.ledger.record import Ledger
from desktop.machine.paths import Paths
from desktop.proof.benchmark import SignedBenchmark
from tests.fakes.benchmark import MODEL, FakeMeasurer, a_measuring
from tests.fakes.computer import CPU
from tests.fakes.steward import a_snapshot


class Desk:
    """A home without a node, and what the command printed."""

    def __init__(self, folder: Path, *, as_json: bool = False) -> None:
        paths = Paths.below(folder)
        paths.create()
        self.home = Composition(paths, Settings(), use_keyring=False)
        self.out, self.err = io.StringIO(), io.StringIO()
        self.console = Console(as_json=as_json, out=self.out, err=self.err)

    def run(self, *arguments: str) -> int:
        parser = ArgumentParser()
        bench.configure(parser)
        return bench.run(parser.parse_args(arguments), self.home, self.console)

    def keep(self, signed: SignedBenchmark) -> None:
        ledger = Ledger.open(self.home.paths.data / "ledger.db")
        ledger.keep_benchmark(kept(CPU.id, signed))
        ledger.close()


@pytest.fixture
async def signed() -> SignedBenchmark:
    return await a_measuring().run(Bench(CPU, MODEL, FakeMeasurer()), "1f" * 32, lambda _: None)


@pytest.mark.parametrize("seed", ["xy", "1f", "1f" * 33, "1f" * 31 + "1"])
def test_a_seed_of_another_form_is_refused(tmp_path: Path, seed: str) -> None:
    with pytest.raises(SettingsError, match="64 hexadecimal digits"):
        Desk(tmp_path).run("--seed", seed)


def test_before_the_first_run_there_is_nothing_to_show(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(Unavailable, match="Nothing was measured"):
        desk.run("--last")
    assert desk.run("--history") == 0
    assert "Nothing was measured yet" in desk.out.getvalue()


def test_the_last_report_is_shown_exported_and_verified(tmp_path: Path, signed: SignedBenchmark) -> None:
    desk, file = Desk(tmp_path), tmp_path / "report.json"
    desk.keep(signed)
    assert desk.run("--last", "--report", str(file)) == 0
    assert "20.0 tokens/s (19.9 … 20.1)" in desk.out.getvalue()
    assert signed.digest in desk.out.getvalue()
    assert desk.run("--verify", str(file)) == 0
    assert f"Signed by {signed.report.node}" in desk.out.getvalue()
    with pytest.raises(StorageUnusable, match="nothing is overwritten"):
        desk.run("--last", "--report", str(file))
    with pytest.raises(BenchmarkInvalid, match="commits to no products"):
        desk.run("--verify", str(file), "--seed", "1f" * 32)


def test_programs_read_json(tmp_path: Path, signed: SignedBenchmark) -> None:
    desk = Desk(tmp_path, as_json=True)
    desk.keep(signed)
    desk.run("--last")
    desk.run("--history")
    shown, history = map(json.loads, desk.out.getvalue().splitlines())
    assert (shown["digest"], shown["signature"]) == (signed.digest, signed.signature)
    assert shown["parts"][0]["median"] == 20_000
    assert history[0]["digest"] == signed.digest


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 50_000])
def test_a_file_that_is_no_report_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(BenchmarkInvalid):
        Desk(tmp_path).run("--verify", str(file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnusable, match="could not be read"):
        Desk(tmp_path).run("--verify", str(tmp_path / "none"))


def test_a_run_followed_through_the_door_ends_when_it_does() -> None:
    told: list[str] = []
    old = Measurement(running=False, share_done=1.0, digest="ab" * 32)
    watch = Watch(old, told.append)

    def ended(measurement: Measurement) -> bool:
        return watch.ended(msgspec.structs.replace(a_snapshot(), benchmark=measurement))

    assert not ended(old)
    assert not ended(Measurement(running=True, share_done=0.1, phase="Warming up"))
    assert not ended(Measurement(running=True, share_done=0.2, phase="Warming up"))
    assert told == ["   10 %  Warming up"]
    assert ended(old)
    quick = Watch(old, told.append)
    assert quick.ended(
        msgspec.structs.replace(a_snapshot(), benchmark=Measurement(running=False, share_done=0.0, detail="It died."))
    )
