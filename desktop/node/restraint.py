"""Holds devices and workers to what the owner allows, from the moment in which it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol, runtime_checkable

from desktop.domain.device import Device
from desktop.domain.limits import Limits
from desktop.machine.limits.keeper import Held, Unmet
from desktop.node.fleet import DeviceView

# Drivers forget limits, for example when a computer wakes up; workers come and go.
LOOK_EVERY_S: Final = 60.0
SETTLE_S: Final = 0.05


class Keeper(Protocol):
    """What turns the knobs of the hardware: `machine.limits.keeper.LimitsKeeper`."""

    def held(self, device_id: str) -> Held:
        """What is in force."""
        ...

    async def apply(self, wanted: Sequence[tuple[Device, Limits]]) -> None:
        """Put in force."""
        ...

    async def recover(self) -> tuple[str, ...]:
        """Put back what a killed run left."""
        ...

    async def close(self) -> tuple[str, ...]:
        """Put everything back."""
        ...


@runtime_checkable
class Paced(Protocol):
    """A worker that can be told how much of the time to compute."""

    def set_duty(self, share: float) -> None:
        """From the next step on."""
        ...


class Restrained(Protocol):
    """The node, as far as it is held to anything."""

    def devices(self) -> Sequence[DeviceView]:
        """Every device with its worker."""
        ...

    def limits_of(self, device_id: str) -> Limits:
        """What the owner lets that device do now."""
        ...


class Restraint:
    """Passes the owner's limits on: the power to the hardware, the pace to the workers.

    Heat is watched by the policy. Memory is a limit that a worker is started with, so a new one holds from the node's
    next start; until then it is told as unmet. Call `nudge` when limits, devices or workers changed; `changed` is
    called when what is in force is another.
    """

    def __init__(self, node: Restrained, keeper: Keeper, changed: Callable[[], None]) -> None:
        self._node = node
        self._keeper = keeper
        self._changed = changed
        self._memory: dict[str, int | None] = {}
        self._paced: dict[int, tuple[Paced, float]] = {}
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin: what a killed run left is put back first."""
        self._task = asyncio.create_task(self._keep(), name="restraint")

    def nudge(self) -> None:
        """Something is another: look now."""
        self._due.set()

    def held(self, view: DeviceView) -> Held:
        """What is in force for that device, and what is not."""
        device_id, limits = view.device.id, self._node.limits_of(view.device.id)
        held = self._keeper.held(device_id)
        unmet = list(held.unmet)
        if limits.temperature_c is not None and view.telemetry is not None and _blind(view):
            unmet.append(Unmet("temperature", "The device does not tell its temperature."))
        if limits.memory_bytes != self._memory.get(device_id, limits.memory_bytes):
            unmet.append(Unmet("memory", "It holds from the next start of Hearth."))
        return Held(limits, held.power_limit_w, tuple(unmet))

    async def close(self) -> tuple[str, ...]:
        """Put everything back; what could not be put back, in words."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        return await self._keeper.close()

    async def _keep(self) -> None:
        await self._keeper.recover()
        while True:
            views = self._node.devices()
            self._pace(views)
            before = [self._keeper.held(view.device.id) for view in views]
            await self._keeper.apply([(view.device, self._node.limits_of(view.device.id)) for view in views])
            if before != [self._keeper.held(view.device.id) for view in views]:
                self._changed()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._due.wait()
            await asyncio.sleep(SETTLE_S)  # several things mostly change at once
            self._due.clear()

    def _pace(self, views: Sequence[DeviceView]) -> None:
        """Tell each worker its pace, once; a worker that was told nothing computes always."""
        paced: dict[int, tuple[Paced, float]] = {}
        for view in views:
            limits = self._node.limits_of(view.device.id)
            self._memory.setdefault(view.device.id, limits.memory_bytes)
            worker = view.worker
            if isinstance(worker, Paced):
                told = self._paced.get(id(worker))
                if (told[1] if told is not None and told[0] is worker else 1.0) != limits.duty:
                    worker.set_duty(limits.duty)
                paced[id(worker)] = (worker, limits.duty)
        self._paced = paced


def _blind(view: DeviceView) -> bool:
    return view.telemetry is not None and not view.telemetry.silence and view.telemetry.temperature_c is None
