"""The line a worker is started with: what it says, and what it does not."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from desktop.worker.sandbox import bubblewrap
from desktop.worker.sandbox.layout import in_place, moved
from desktop.worker.sandbox.line import Line, Order, compose
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.runtime import Runtime

HOST_SIGNS = ("/home", "/root", "site-packages", "pytest")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "a model"
    folder.mkdir()
    return folder


def composed(order: Order, mode: SandboxMode) -> tuple[Line, list[str]]:
    """The line, and what bubblewrap reads from its descriptor."""
    line = compose(order, mode, Runtime.current(), channel=9)
    arguments: list[str] = []
    for descriptor in line.descriptors:
        data = os.pread(descriptor, 1 << 20, 0)
        if data.startswith(b"--"):
            arguments = data.decode().split("\0")
        os.close(descriptor)
    return line, arguments


def test_nothing_of_the_nodes_environment_goes_along(model: Path) -> None:
    for mode in SandboxMode:
        if mode is not SandboxMode.NONE:
            line, _ = composed(Order("module", readable=(model,)), mode)
            assert not set(line.environment) & (set(os.environ) - {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR"})
            assert line.environment.get("PATH", "/nonexistent") == "/nonexistent"


def test_threads_that_wait_leave_the_processor_to_others() -> None:
    within, arguments = composed(Order("module"), SandboxMode.NAMESPACES)
    assert within.environment == {}
    assert arguments[arguments.index("OMP_WAIT_POLICY") + 1] == "PASSIVE"
    beside, _ = composed(Order("module"), SandboxMode.RESTRICTED)
    assert beside.environment.get("OMP_WAIT_POLICY") == "PASSIVE"


def test_what_the_worker_reads_about_itself_names_no_path_of_this_computer(model: Path) -> None:
    line, arguments = composed(Order("module", (str(model / "weights"),), readable=(model,)), SandboxMode.NAMESPACES)
    assert line.environment == {}
    program = line.argv[-1] if os.geteuid() else json.loads(line.argv[-1])["argv"][-1]
    assert not [sign for sign in HOST_SIGNS if sign in program]
    errand = json.loads(program)
    assert errand["arguments"] == ["/data/0/a model/weights"]
    inside = [arguments[i + 2] for i, word in enumerate(arguments) if word in {"--ro-bind", "--bind"}]
    assert "/data/0/a model" in inside
    assert not [path for path in inside if any(sign in path for sign in HOST_SIGNS)]


def test_only_our_own_worker_and_the_domain_are_in_sight() -> None:
    layout = moved(Runtime.current(), readable=(), writable=())
    ours = sorted(str(place.inside) for place in layout.places if "/app/code" in str(place.inside))
    assert ours == ["/app/code/desktop/__init__.py", "/app/code/desktop/domain", "/app/code/desktop/worker"]
    assert not any(place.writable for place in layout.places)


def test_every_namespace_and_every_lock_is_asked_for() -> None:
    _, arguments = composed(Order("module"), SandboxMode.NAMESPACES)
    for name in ("user", "ipc", "pid", "net", "uts"):
        assert f"--unshare-{name}" in arguments
    for word in ("--disable-userns", "--die-with-parent", "--new-session", "--clearenv", "--seccomp", "ALL"):
        assert word in arguments
    assert "--unshare-all" not in arguments


def test_a_graphics_card_is_passed_as_a_device_and_nothing_else_of_dev() -> None:
    _, arguments = composed(Order("module", graphics=(Path("/dev/nvidia0"),)), SandboxMode.NAMESPACES)
    devices = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--dev-bind"]
    assert devices == ["/dev/nvidia0"]


def test_without_namespaces_everything_stays_where_it_is(model: Path) -> None:
    layout = in_place(Runtime.current(), readable=(model,), writable=())
    assert all(place.host == place.inside for place in layout.places)
    assert layout.translate(str(model / "x")) == str(model / "x")


def test_paths_are_translated_and_other_words_are_not(tmp_path: Path) -> None:
    layout = moved(Runtime.current(), readable=(tmp_path / "in",), writable=(tmp_path / "out",))
    assert layout.translate(str(tmp_path / "in")) == "/data/0/in"
    assert layout.translate(str(tmp_path / "out" / "x")) == "/out/0/x"
    for other in ("gguf", "data/0", "/elsewhere", str(tmp_path / "inner"), ""):
        assert layout.translate(other) == other


def test_the_worker_is_never_root() -> None:
    line, _ = composed(Order("module"), SandboxMode.RESTRICTED)
    assert line.user != 0
    assert line.user == os.geteuid() or os.geteuid() == 0


def test_one_file_is_one_python(tmp_path: Path) -> None:
    """An interpreter without a shared library needs no library path."""
    runtime = replace(Runtime.current(), shared_library=None)
    assert moved(runtime, readable=(), writable=()).library_folder is None
    assert in_place(runtime, readable=(tmp_path,), writable=()).library_folder is None


def test_bubblewrap_is_found_here() -> None:
    found = bubblewrap.find_bubblewrap()
    assert found is not None
    assert os.access(found, os.X_OK)
