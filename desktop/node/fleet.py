"""All devices that work: each with its own worker, and for every job a seat at one of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import Unavailable
from desktop.domain.node_state import Reason
from desktop.node.policy.decision import Decision, Judgement, Judgements
from desktop.node.policy.signals import DeviceSignals
from desktop.node.policy.terms import Terms
from desktop.node.station import Sitter, Station, spare_wanted
from desktop.node.stops import Stop, Stops
from desktop.node.workers import Worker, Workers

# A card answers faster than the processor beside it, so it is asked first.
_RANK: Final = {DeviceKind.NVIDIA: 0, DeviceKind.AMD: 1, DeviceKind.INTEL: 2, DeviceKind.CPU: 3}


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device as its owner sees it."""

    device: Device
    telemetry: Telemetry | None
    decision: Decision
    worker: Worker | None
    last_stop: Stop | None
    spare: bool
    jobs: int


class SeatsWatch(Protocol):
    """Who hears which job sits where."""

    def seated(self, device_id: str, job_id: str) -> None:
        """A job has its seat."""
        ...

    def risen(self, job_id: str) -> None:
        """It gave it up."""
        ...


class Fleet:
    """The stations. `make_workers` gives a device's workers; `changed` is called when something is another.

    Jobs get seats in the order in which they came. Once no station is open, those who wait are told so at once: to
    wait for a worker that is not there would be to wait for its owner to go to bed.
    """

    def __init__(
        self,
        make_workers: Callable[[Device], Workers],
        *,
        slots: int,
        stops: Stops,
        changed: Callable[[], None],
        wall_ms: Callable[[], int],
    ) -> None:
        self._make_workers = make_workers
        self._slots = slots
        self._stops = stops
        self._changed = changed
        self._wall_ms = wall_ms
        self._stations: dict[str, Station] = {}
        self.seats_watch: SeatsWatch | None = None
        self._waiting: deque[tuple[Sitter, asyncio.Future[tuple[Station, Worker]]]] = deque()

    def know(self, devices: Iterable[Device], readings: Mapping[str, Telemetry]) -> None:
        """The devices there are, and what was last read of each. One that is gone keeps its place, without working."""
        present = {device.id: device for device in devices}
        for device in present.values():
            if device.id not in self._stations:
                self._stations[device.id] = Station(
                    device,
                    self._make_workers(device),
                    slots=self._slots,
                    stops=self._stops,
                    changed=self._changed,
                    wall_ms=self._wall_ms,
                )
        for name, station in self._stations.items():
            station.present = name in present
            station.telemetry = readings.get(name, station.telemetry)

    def signals(self, worth_it: Callable[[str], bool | None]) -> tuple[DeviceSignals, ...]:
        """What the policy must know of each."""
        return tuple(each.signals(worth_it=worth_it(name)) for name, each in self._stations.items())

    def follow(self, judgements: Judgements, terms: Terms, *, patient: bool, age_s: float) -> None:
        """Do what was decided. `patient`: jobs at work may end, however long that takes."""
        main_memory = next(
            (each.telemetry for each in self._stations.values() if each.device.kind is DeviceKind.CPU), None
        )
        for name, judgement in judgements.devices.items():
            station = self._stations[name]
            sudden = age_s if judgement.decision.reason is Reason.OWNER_ACTIVE else 0.0
            station.follow(judgement, grace_s=float("inf") if patient else terms.grace_s, age_s=sudden)
            station.tend_spare(wanted=spare_wanted(judgement.decision, main_memory, setting=terms.spare_worker))
        self._seat()

    @property
    def working(self) -> bool:
        """Whether any station has a worker, or is about to."""
        return any(each.open or each.serving for each in self._stations.values())

    @property
    def slots(self) -> int:
        """Seats at all stations that are open."""
        return sum(each.slots for each in self._stations.values())

    def views(self) -> tuple[DeviceView, ...]:
        """Every device, those that are asked first before the others."""
        return tuple(
            DeviceView(
                each.device,
                each.telemetry,
                each.decision,
                each.worker,
                each.last_stop,
                bool(each.spare_pids),
                each.jobs,
            )
            for each in sorted(self._stations.values(), key=_rank)
        )

    @asynccontextmanager
    async def seat(self, sitter: Sitter) -> AsyncIterator[Worker]:
        """Wait for a seat and hold it: the worker to use meanwhile. Unavailable once there is none to wait for."""
        future: asyncio.Future[tuple[Station, Worker]] = asyncio.get_running_loop().create_future()
        entry = (sitter, future)
        self._waiting.append(entry)
        self._seat()
        station: Station | None = None
        try:
            station, worker = await future
            yield worker
        finally:
            if station is None and future.done() and not future.cancelled() and future.exception() is None:
                station = future.result()[0]  # seated in the very moment in which it gave up
            if station is None:
                if entry in self._waiting:
                    self._waiting.remove(entry)
            else:
                station.rise(sitter)
                if self.seats_watch is not None:
                    self.seats_watch.risen(sitter.id)
            self._seat()

    def retry(self) -> None:
        """The owner asks to try again what failed."""
        for each in self._stations.values():
            each.retry()

    async def left(self) -> None:
        """Return when every station that has to is out of the way."""
        await asyncio.gather(*(each.left() for each in self._stations.values()))

    def halt(self) -> None:
        """Stop working everywhere, for no reason that a judgement gave."""
        for each in self._stations.values():
            each.follow(Judgement(each.decision, may_work=False), grace_s=0.0, age_s=0.0)

    async def stop(self) -> None:
        """End all workers."""
        await asyncio.gather(*(each.stop() for each in self._stations.values()))
        self._seat()

    def _seat(self) -> None:
        while self._waiting:
            openings = [each for each in self._stations.values() if each.free > 0]
            if not openings:
                break
            sitter, future = self._waiting.popleft()
            if not future.done():
                station = min(openings, key=lambda each: (_rank(each)[0], -each.free))
                future.set_result((station, station.sit(sitter)))
                if self.seats_watch is not None:
                    self.seats_watch.seated(station.device.id, sitter.id)
        if self._waiting and not any(each.open for each in self._stations.values()):
            while self._waiting:
                _, future = self._waiting.popleft()
                if not future.done():
                    future.set_exception(
                        Unavailable("No worker is ready.", now="Nothing is charged. Ask another provider.")
                    )


def _rank(station: Station) -> tuple[int, str]:
    return _RANK[station.device.kind], station.device.id
