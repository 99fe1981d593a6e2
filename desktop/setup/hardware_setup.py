"""Installs the build of torch for this computer: listed, fetched with resume, installed aside, tried, then taken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from desktop.domain.device import DeviceKind
from desktop.domain.errors import HearthError, StorageUnusable, Unavailable
from desktop.downloads.sole import sole
from desktop.downloads.space import require_room
from desktop.downloads.transfer import Transfer, sha256_of
from desktop.downloads.wanted import Progress, Wanted
from desktop.setup.builds import Choice
from desktop.setup.engines import Engine, Engines, fingerprint, folder_name
from desktop.setup.packing_list import PackingList, Wheel, total_bytes
from desktop.setup.requirements import Requirements
from desktop.setup.uv import Uv

INSTALL_WITHIN_S: Final = 1800.0
TRIAL_WITHIN_S: Final = 300.0
TORCH_DEVICES: Final = {
    DeviceKind.NVIDIA: "cuda:0",
    DeviceKind.AMD: "cuda:0",  # torch's ROCm builds answer to CUDA's name
    DeviceKind.INTEL: "xpu:0",
    DeviceKind.CPU: "cpu",
}


class Phase(StrEnum):
    """Where a set-up stands."""

    LISTING = "listing"
    DOWNLOADING = "downloading"
    INSTALLING = "installing"
    TRYING = "trying"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Step:
    """What is told while it goes on. `total_bytes` None: the source does not tell sizes."""

    phase: Phase
    choice: Choice
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    left_s: float | None = None


class _Trial(msgspec.Struct, frozen=True):
    torch: Annotated[str, msgspec.Meta(max_length=100)]
    device: Annotated[str, msgspec.Meta(max_length=200)]


class HardwareSetup:
    """One set-up at a time; blocking.

    The stop of `transfer` and `uv` pauses it, and the same call goes on where it was. Whatever it is killed in, an
    engine is in use only after it multiplied a matrix right.
    """

    def __init__(
        self,
        engines: Engines,
        packing_list: PackingList,
        transfer: Transfer,
        uv: Uv,
        requirements: Requirements,
        *,
        now_ms: Callable[[], int],
        python: Path = Path(sys.executable),
    ) -> None:
        self._engines = engines
        self._packing_list = packing_list
        self._transfer = transfer
        self._uv = uv
        self._requirements = requirements
        self._now_ms = now_ms
        self._python = python

    def plan(self, choice: Choice) -> tuple[Wheel, ...]:
        """The files of that build, so that their size can be shown before. Raises what PackingList raises."""
        build = choice.build.id
        wheels = self._packing_list.of(self._requirements.torch, build)
        if self._requirements.alone:
            wheels += self._packing_list.of(self._requirements.alone, build, alone=True)
        return wheels

    def run(self, choice: Choice, tell: Callable[[Step], None]) -> Engine:
        """Install that build.

        Raises Unavailable when the source has no such build or the device refuses it (another choice may do),
        DownloadFailed and DownloadStopped (the same choice may be tried again), StorageUnusable, and Busy while
        another process sets one up.
        """
        with sole(self._engines.lock, "torch"):
            return self._run(choice, tell)

    def _run(self, choice: Choice, tell: Callable[[Step], None]) -> Engine:
        step = Step(Phase.LISTING, choice)
        tell(step)
        wheels = self.plan(choice)
        total = total_bytes(wheels)
        step = replace(step, phase=Phase.DOWNLOADING, total_bytes=total)
        try:
            # Wheels and what is unpacked from them lie side by side for a while.
            require_room(self._engines.root, 2 * ((total or 0) - self._arrived(wheels)), f"the build {choice.build.id}")
            self._fetch(wheels, step, tell)
            tell(replace(step, phase=Phase.INSTALLING, done_bytes=total or 0))
            part = self._install(wheels)
            tell(replace(step, phase=Phase.TRYING, done_bytes=total or 0))
            trial = self._try(part, choice)
            engine = Engine(
                folder=folder_name(choice.build.id, wheels),
                build=choice.build.id,
                torch=trial.torch,
                device=trial.device,
                requirements=fingerprint(self._requirements.all),
                at_ms=self._now_ms(),
            )
            self._engines.adopt(part, engine)
        except OSError as error:
            raise StorageUnusable(
                "The build could not be written.",
                why=f"The system says: {error.strerror}.",
                now=f"Look at the free space and the rights of {self._engines.root}, then try again.",
            ) from error
        tell(replace(step, phase=Phase.DONE, done_bytes=total or 0))
        return engine

    def _arrived(self, wheels: Sequence[Wheel]) -> int:
        folder = self._engines.wheels()
        paths = [folder / wheel.file for wheel in wheels]
        paths += [path.with_name(f"{path.name}.part") for path in paths]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def _fetch(self, wheels: Sequence[Wheel], step: Step, tell: Callable[[Step], None]) -> None:
        folder = self._engines.wheels()
        folder.mkdir(parents=True, exist_ok=True)
        done = 0

        def progress(at: Progress) -> None:
            total, rate = step.total_bytes, at.bytes_per_s
            left_s = None if total is None or not rate else (total - done - at.done_bytes) / rate
            tell(replace(step, done_bytes=done + at.done_bytes, bytes_per_s=rate, left_s=left_s))

        for wheel in wheels:
            path = folder / wheel.file
            if not (path.is_file() and sha256_of(path) == wheel.sha256):
                self._transfer.fetch(Wanted(wheel.url, wheel.bytes, wheel.sha256), path, progress)
            done += path.stat().st_size
        for stranger in {path.name for path in folder.iterdir()} - {wheel.file for wheel in wheels}:
            (folder / stranger).unlink()

    def _install(self, wheels: Sequence[Wheel]) -> Path:
        part = self._engines.part()
        folder = self._engines.wheels()
        listed = folder.with_name("wheels.txt")
        lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels]
        listed.write_text("".join(lines), encoding="utf-8")
        line = ["pip", "install", "--target", str(part), "--python", str(self._python), "--requirement", str(listed)]
        line += ["--no-index", "--find-links", str(folder), "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        self._uv.run([*line, "--link-mode", "copy", "--no-cache"], INSTALL_WITHIN_S)
        (part / ".lock").unlink(missing_ok=True)
        # The worker may be another user than the node: it must be able to read what it runs.
        for path in (part, *part.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        return part

    def _try(self, part: Path, choice: Choice) -> _Trial:
        line = [str(self._python), "-m", "desktop.worker.trial", str(part), TORCH_DEVICES[choice.build.kind]]
        environment = {
            name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "PYTHONPATH") if name in os.environ
        }
        try:
            done = subprocess.run(
                line,
                env=environment,
                capture_output=True,
                timeout=TRIAL_WITHIN_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            if done.returncode == 0:
                return msgspec.json.decode(done.stdout, type=_Trial)
            said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:400]
        except subprocess.TimeoutExpired:
            said = f"it did not answer within {TRIAL_WITHIN_S:.0f} s"
        except msgspec.MsgspecError:
            said = "its answer cannot be read"
        shutil.rmtree(part, ignore_errors=True)
        raise Unavailable(
            f"The build {choice.build.name} does not work on this computer.",
            why=f"Multiplying two matrices with it failed: {said}.",
            now="Another build may.",
        )


def run_first_that_works(
    setup: HardwareSetup,
    choices: Sequence[Choice],
    tell: Callable[[Step], None],
    gave_up: Callable[[Choice, HearthError], None],
) -> Engine:
    """Try one choice after the other, until one is not Unavailable here; `gave_up` hears of each that is.

    Raises what the last choice raises, and any failure that another build would not mend.
    """
    for choice in choices[:-1]:
        try:
            return setup.run(choice, tell)
        except Unavailable as error:
            gave_up(choice, error)
    return setup.run(choices[-1], tell)
