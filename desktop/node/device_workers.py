"""Where the workers of one device come from: models made ready once for all devices, then a launcher of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from desktop.domain.device import Device
from desktop.node.preparation import Preparation
from desktop.worker.handle import WorkerHandle
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.sandbox.check import require_known_system

ReadyModels = Sequence[tuple[CatalogueEntry, Path]]
MakeLauncher = Callable[[Device, ReadyModels], WorkerLauncher]


class SharedModels:
    """The folders of the models on offer, made ready and checked by one device at a time."""

    def __init__(self, preparation: Preparation, model_ids: Sequence[str]) -> None:
        self._preparation = preparation
        self._model_ids = model_ids
        self._one = asyncio.Lock()

    async def folders(self) -> ReadyModels:
        """Entry and folder of each, every byte checked. Raises what `Preparation.folders` raises."""
        async with self._one:
            return await self._preparation.folders(self._model_ids)


class DeviceWorkers:
    """The `Workers` of one device. `started` hears of each worker that is ready, `progress` of what takes time."""

    def __init__(
        self,
        device: Device,
        models: SharedModels,
        make_launcher: MakeLauncher,
        *,
        started: Callable[[WorkerHandle], None],
        progress: Callable[[str], None],
    ) -> None:
        self._device = device
        self._models = models
        self._make_launcher = make_launcher
        self._started = started
        self._progress = progress
        self._launcher: WorkerLauncher | None = None

    async def launch(self) -> WorkerHandle:
        """A worker with its models.

        Raises HearthError: SandboxUnavailable, or DeviceUnusable, where trying again changes nothing.
        """
        require_known_system()
        models = await self._models.folders()
        launcher = self._ready_launcher(models)
        self._progress(f"Starting the worker on {self._device.name or self._device.id} and trying its sandbox.")
        worker = await launcher.launch()
        self._started(worker)
        return worker

    async def keep_spare(self) -> None:
        """Have one more process wait; nothing before the first launch, which prepares the models."""
        if self._launcher is not None:
            await self._launcher.keep_spare()

    async def drop_spare(self) -> None:
        """Have none."""
        if self._launcher is not None:
            await self._launcher.drop_spare()

    @property
    def spare_pids(self) -> list[int]:
        """The processes of the spare one."""
        return self._launcher.spare_pids if self._launcher is not None else []

    def _ready_launcher(self, models: ReadyModels) -> WorkerLauncher:
        if self._launcher is None:
            self._launcher = self._make_launcher(self._device, models)
        return self._launcher
