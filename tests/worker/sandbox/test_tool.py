import os
import stat
from pathlib import Path

import pytest

from desktop.domain.errors import WorkerError
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.tool import run_tool
from tests.worker.scripted_launch import BOTH, runtime_with_tests

MODULE = "tests.worker.sandbox.tool_program"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_text("what is there", encoding="utf-8")
    source.chmod(0o644)
    output.mkdir()
    return source, output


async def run(source: Path, output: Path, mode: SandboxMode, *arguments: str, timeout_s: float = 20.0) -> SandboxMode:
    return await run_tool(
        MODULE,
        [*arguments, str(source), str(output / "result")],
        readable=[source],
        writable=output,
        timeout_s=timeout_s,
        runtime=runtime_with_tests(),
        policy=ModePolicy((mode,)),
        limits=Limits(memory_bytes=200 << 20),
    )


@pytest.mark.parametrize("mode", BOTH)
async def test_it_reads_what_it_was_given_and_its_output_is_ours(folders: tuple[Path, Path], mode: SandboxMode) -> None:
    source, output = folders
    assert await run(source, output, mode, "copy") is mode
    result = output / "result"
    assert result.read_text(encoding="utf-8") == "what is there"
    facts = result.stat()
    assert (facts.st_uid, stat.S_IMODE(facts.st_mode)) == (os.geteuid(), 0o644)
    assert output.stat().st_uid == os.geteuid()


@pytest.mark.parametrize("mode", BOTH)
async def test_it_neither_reads_nor_writes_anything_else(folders: tuple[Path, Path], mode: SandboxMode) -> None:
    source, output = folders
    stranger = source.with_name("stranger")
    stranger.write_text("not yours", encoding="utf-8")
    stranger.chmod(0o644)
    for order in (f"read={stranger}", f"write={stranger}", f"write={source}", "connect"):
        with pytest.raises(WorkerError, match="Error"):
            await run(source, output, mode, order)
    assert stranger.read_text(encoding="utf-8") == "not yours"


async def test_its_last_words_are_the_reason(folders: tuple[Path, Path]) -> None:
    with pytest.raises(WorkerError, match="cannot go on"):
        await run(*folders, SandboxMode.NAMESPACES, "fail")


async def test_it_is_ended_when_it_takes_too_long_or_too_much(folders: tuple[Path, Path]) -> None:
    with pytest.raises(WorkerError, match="more than 1 seconds"):
        await run(*folders, SandboxMode.NAMESPACES, "sleep", timeout_s=1.0)
    with pytest.raises(WorkerError, match="MiB of memory"):
        await run(*folders, SandboxMode.NAMESPACES, "share")


@pytest.mark.parametrize("order", ["symlink", "hardlink", "fifo"])
async def test_anything_but_plain_files_is_thrown_away(folders: tuple[Path, Path], order: str) -> None:
    source, output = folders
    with pytest.raises(WorkerError):
        await run(source, output, SandboxMode.RESTRICTED, order)
    assert not any(path.is_symlink() or path.is_fifo() for path in output.iterdir())
