"""`hearth setup` against a package index on loopback, with the real `uv` and the real trial."""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
from pathlib import Path

import pytest

from desktop.commands import setup
from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import SettingsError
from desktop.machine.paths import Paths
from desktop.worker.sandbox.runtime import Runtime
from tests.fakes.content_server import content_server
from tests.fakes.package_index import offer, wheel

LEADS_TO_TORCH = """
import sys
sys.path.insert(0, {real!r})
del sys.modules["torch"]
import torch
sys.modules["torch"] = torch
"""


def home_below(folder: Path, source: str = "") -> Composition:
    paths = Paths.below(folder)
    paths.create()
    return Composition(paths, Settings(torch_source=source), use_keyring=False)


def run(home: Composition, *words: str) -> tuple[int, list[object], str]:
    parser = argparse.ArgumentParser()
    setup.configure(parser)
    out, err = io.StringIO(), io.StringIO()
    status = setup.run(parser.parse_args(words), home, Console(as_json=True, out=out, err=err))
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_an_environment_with_torch_needs_nothing(tmp_path: Path) -> None:
    assert run(home_below(tmp_path)) == (0, [{"build": None, "environment": True}], "")


def test_a_build_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rocm9 does not fit"):
        run(home_below(tmp_path), "--build", "rocm9")


@pytest.mark.slow
def test_the_build_for_the_processor_is_installed_and_then_used_by_workers(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    source = LEADS_TO_TORCH.format(real=str(Path(spec.origin).parent.parent))
    with content_server() as server:
        home = home_below(tmp_path, f"{server.url}/{{build}}/simple")
        packages = {}
        for line in home.equipment.worker_requirements().all:
            name, _, version = line.partition("==")
            module = name.replace("-", "_")
            text = source if name == "torch" else ""
            packages[name, version] = wheel(module, version, {f"{module}/__init__.py": text})
        offer(server, "cpu", packages)

        status, (listed,), _ = run(home, "--list", "--build", "cpu")
        assert status == 0
        assert isinstance(listed, list)
        assert listed[0]["bytes"] == sum(map(len, packages.values()))
        assert listed[0]["free_bytes"] > 0

        status, (done,), told = run(home, "--build", "cpu")

    assert (status, isinstance(done, dict)) == (0, True)
    assert "Multiplying two matrices" in told
    engine = home.equipment.engines().current(home.equipment.worker_requirements().all)
    assert engine is not None
    assert home.equipment.runtime().site[0] == home.equipment.engines().path(engine)
    assert home.equipment.runtime().site[1:] == Runtime.current().site
    assert run(home)[1][0] == done
