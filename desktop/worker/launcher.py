"""Starts workers, each in the strongest sandbox that works on this computer, and only after that sandbox was tried."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from desktop.domain.errors import WorkerDied
from desktop.worker.handle import WorkerHandle
from desktop.worker.messages import DeviceName
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.sandbox.cell import Cell, Start
from desktop.worker.sandbox.check import ReportLine, SandboxReport, bait, find_mode, judge, judge_from_outside
from desktop.worker.sandbox.graphics import GraphicsCard
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.line import Order
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.priority import give_way
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.watchdog import DeviceMemory

log = logging.getLogger(__name__)

PRODUCTION_MODULE: Final = "desktop.worker.process"


class WorkerLauncher:
    """Launches workers for one set of models.

    `home` is the node's own data folder: a canary is planted there at each start, and no worker may read it.
    `module` is what a worker runs; tests put their own there, nothing else does. `graphics` is the graphics card to
    use, the processor if there is none; `device_memory` reads how much of its memory processes hold, against
    `device_memory_bytes`. `gives_way`: a worker that is ready comes after every other program of the owner's; beside
    ones that never rest it then gets next to nothing.

    A spare worker is one more process, started and imported, that waits without a model: the next launch takes it.
    """

    def __init__(
        self,
        models: Sequence[tuple[CatalogueEntry, Path]],
        *,
        home: Path,
        runtime: Runtime,
        policy: ModePolicy | None = None,
        limits: Limits | None = None,
        threads: int | None = None,
        graphics: GraphicsCard | None = None,
        ready_within_s: float = 180.0,
        module: str = PRODUCTION_MODULE,
        device_memory: DeviceMemory | None = None,
        device_memory_bytes: int = 0,
        gives_way: bool = True,
    ) -> None:
        self._models = tuple((entry, folder.resolve()) for entry, folder in models)
        self._home = home
        self._runtime = runtime
        self._policy = policy or ModePolicy()
        self._ready_within_s = ready_within_s
        self._gives_way = gives_way
        self._device_memory = device_memory
        self._device_memory_bytes = device_memory_bytes
        self._order = Order(
            module=module,
            readable=tuple(folder for _, folder in self._models),
            limits=limits or Limits(),
            threads=threads,
            graphics=graphics.files if graphics is not None else (),
            visible_card=graphics.visible if graphics is not None else "",
        )
        self._device: DeviceName = "cpu" if graphics is None else graphics.torch_name
        self._spare: WorkerHandle | None = None

    async def inspect(self, *, compute: bool = True) -> SandboxReport:
        """Try the sandbox without starting a worker: the strongest mode that starts, and how it did.

        `compute` multiplies matrices inside as well, which takes a few seconds. SandboxUnavailable, with the cause for
        each mode, when none starts. The report may say that the sandbox does not hold: look at `passed`.
        """
        return await find_mode(self._order, self._policy, self._runtime, self._home, compute=compute)

    async def launch(self) -> WorkerHandle:
        """A worker that has loaded its models and could not get out.

        The sandbox is tried before, on the same line with a harmless program, and again by the worker itself with its
        door shut. SandboxUnavailable when no allowed mode works, SandboxBroken when one works but does not hold,
        ModelCorrupt or WorkerError when loading fails, WorkerDied when the worker ends or is not ready in time.
        """
        handle, self._spare = self._spare, None
        if handle is None or not handle.pids:
            handle = await self._open()
        try:
            lines = [*await self._begin(handle), *judge_from_outside(handle.cell)]
            if handle.mode is not SandboxMode.NONE:
                SandboxReport(handle.mode, tuple(lines)).require()
            if self._gives_way:
                await asyncio.to_thread(give_way, handle.pids)
        except BaseException:
            handle.kill()
            await handle.wait_closed()
            raise
        return handle

    async def keep_spare(self) -> None:
        """Have a spare worker; returns when its imports are done. Raises what `launch` raises, model errors apart."""
        if self._spare is not None and self._spare.pids:
            return
        handle = await self._open()
        try:
            async with asyncio.timeout(self._ready_within_s):
                await handle.warmed()
        except BaseException as error:
            handle.kill()
            await handle.wait_closed()
            if isinstance(error, TimeoutError):
                raise WorkerDied("The spare worker was not ready in time.") from None
            raise
        self._spare = handle

    async def drop_spare(self) -> None:
        """Have none, and its memory back."""
        handle, self._spare = self._spare, None
        if handle is not None:
            await handle.vanish()
            await handle.wait_closed()

    @property
    def spare_pids(self) -> list[int]:
        """The processes of the spare worker; empty if there is none."""
        return self._spare.pids if self._spare is not None else []

    async def _open(self) -> WorkerHandle:
        """A worker that waits for its first word, in a sandbox that was just tried."""
        report = await self.inspect(compute=False)
        if report.mode is SandboxMode.NONE:
            log.warning("%s", report.mode.in_words)
        else:
            report.require()
        cell = await Cell.open(Start(self._order, report.mode, self._runtime), with_channel=True)
        return WorkerHandle(cell, device_memory=self._device_memory, device_memory_bytes=self._device_memory_bytes)

    async def _begin(self, handle: WorkerHandle) -> list[ReportLine]:
        with bait(self._home) as targets:
            try:
                async with asyncio.timeout(self._ready_within_s):
                    findings = await handle.begin(
                        self._models, targets.targets, self._device, self._device_memory_bytes or None
                    )
            except TimeoutError:
                raise WorkerDied(
                    "The worker was not ready in time.",
                    why=f"Loading its models took more than {self._ready_within_s:.0f} seconds.",
                    now="Choose a smaller model, or a computer that is less busy.",
                ) from None
            return judge(findings, "at work", targets)
