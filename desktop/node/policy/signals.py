"""Everything a decision rests on. What is not known is None; what that means is said where it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from desktop.domain.device import Device, Telemetry
from desktop.domain.presence import Presence
from desktop.domain.schedule import Permission


class WorkerStatus(Enum):
    """Where a worker process stands."""

    LOADING = auto()
    READY = auto()
    RESTARTING = auto()
    FAILED = auto()
    NO_SANDBOX = auto()
    RELEASED = auto()


@dataclass(frozen=True, slots=True)
class DeviceSignals:
    """One device. `telemetry` None: not read yet. `present` is False once the system no longer lists the device.

    `own_pids` are the processes of our worker, `needed_bytes` what it last held of the device's memory, `fault` why it
    failed, in words. `worth_it` False: electricity costs more than the work earns.
    """

    device: Device
    telemetry: Telemetry | None = None
    present: bool = True
    worker: WorkerStatus = WorkerStatus.RELEASED
    fault: str = ""
    serving: bool = False
    own_pids: frozenset[int] = frozenset()
    needed_bytes: int | None = None
    worth_it: bool | None = None


@dataclass(frozen=True, slots=True)
class Signals:
    """The whole computer. `presence` None: nobody looked yet. `permission` is the schedule's for this hour."""

    stopping: bool
    paused: bool
    joined: bool
    serving: bool
    enrolled: bool
    presence: Presence | None
    permission: Permission
    devices: tuple[DeviceSignals, ...]
