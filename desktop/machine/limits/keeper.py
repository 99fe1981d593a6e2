"""Keeps the owner's limits in force on the devices, and knows which of them could not be put in force."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import StorageUnusable
from desktop.domain.limits import Limits
from desktop.machine.devices.driver_thread import DriverThread
from desktop.machine.devices.source import DeviceSilent
from desktop.machine.limits.guard import Guard
from desktop.machine.limits.journal import Entry, Journal
from desktop.machine.limits.power import MICRO, KnobKind, Knobs, PowerKnob, PowerRange, PowerRefused, same
from desktop.machine.limits.restoring import Restored, restore, restore_journalled

_KNOBS: Final[Mapping[DeviceKind, KnobKind]] = {DeviceKind.NVIDIA: "nvml", DeviceKind.AMD: "hwmon"}
_HARDWARE_WITHIN_S: Final = 20.0
_LOCK_WITHIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Unmet:
    """A limit that is not in force: which, why, and the command that would put it in force, if one would."""

    what: str
    why: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What is in force for one device. `power_limit_w` is the limit it is kept at, None where no share was asked for.

    The temperature is the policy's to watch, duty and memory are the worker's to keep.
    """

    limits: Limits
    power_limit_w: float | None = None
    unmet: tuple[Unmet, ...] = ()


@dataclass(frozen=True, slots=True)
class _Turned:
    """What came of turning a knob."""

    limit_uw: int | None = None
    unmet: Unmet | None = None


class LimitsKeeper:
    """Turns power knobs, and turns them back.

    Before a knob is turned, its old value is in the journal, on disk, and a watchdog stands beside this process. A
    limit is only ever lowered: where the owner has set a lower one by other means, that one stays. Call `recover`
    first, `apply` whenever limits or devices changed and now and then (drivers forget), and `close` at the end.
    `owner` names this run, differently each time. All calls but `held` may take seconds and block nothing.
    """

    def __init__(self, knobs: Knobs, journal: Journal, guard: Guard, *, owner: str) -> None:
        self._knobs = knobs
        self._journal = journal
        self._guard = guard
        self._owner = owner
        self._held: dict[str, Held] = {}
        self._refused: dict[str, tuple[int, Unmet]] = {}
        self._recovered = False
        self._closed = False
        self._noting = threading.Lock()
        self._threads: dict[str, DriverThread[_Turned]] = {}
        self._turns = asyncio.Lock()

    def held(self, device_id: str) -> Held:
        """What is in force; no limits at all before the first `apply`."""
        return self._held.get(device_id, Held(Limits()))

    async def recover(self) -> tuple[str, ...]:
        """Put back what a run that was killed has left; what could not be put back, in words."""
        async with self._turns:
            return await self._recover()

    async def apply(self, wanted: Sequence[tuple[Device, Limits]]) -> None:
        """Put these limits in force; devices that are left out get back what they had. What fails is in `held`."""
        async with self._turns:
            left = () if self._recovered else await self._recover()
            held = {}
            for device, limits in wanted:
                held[device.id] = await self._apply(device, limits, left)
            self._held = held
            await self._release({device.id for device, _ in wanted})

    async def close(self) -> tuple[str, ...]:
        """Put back everything; what could not be put back, in words."""
        async with self._turns:
            self._held, self._closed = {}, True
            troubles = await self._release(set())
            for thread in self._threads.values():
                thread.close()
            await asyncio.to_thread(self._guard.leave)
            return troubles

    async def _recover(self) -> tuple[str, ...]:
        def work() -> Restored:
            with self._journal.busy(_LOCK_WITHIN_S):
                return restore_journalled(self._journal, self._knobs)

        thread = DriverThread[Restored]("recovery", _HARDWARE_WITHIN_S)
        try:
            restored = await thread.call(work)
        except (StorageUnusable, DeviceSilent) as error:
            return (str(error),)
        finally:
            thread.close()
        self._recovered = True
        return restored.troubles

    async def _apply(self, device: Device, limits: Limits, troubles: tuple[str, ...]) -> Held:
        if not _limited(limits) or limits.power_share is None:
            return Held(limits)
        kind = _KNOBS.get(device.kind)
        if kind is None:
            who = "A processor" if device.kind is DeviceKind.CPU else "This card's driver"
            return Held(limits, unmet=(Unmet("power limit", f"{who} has no power limit that Hearth could set."),))
        if not self._recovered:
            return Held(limits, unmet=(Unmet("power limit", " ".join(troubles)),))
        turn = _Turn(device.id, kind, self._knobs.knob(kind, device.id), limits.power_share)
        turned = await self._in_thread(device.id, lambda: self._turn_down(turn))
        watts = None if turned.limit_uw is None else turned.limit_uw / MICRO
        return Held(limits, watts, () if turned.unmet is None else (turned.unmet,))

    def _turn_down(self, turn: _Turn) -> _Turned:
        """In the device's thread: have the limit at that share."""
        try:
            found = _read(turn.knob)
            entry = self._entry(turn.device_id)
            if entry is not None and not any(same(found.now_uw, ours) for ours in (*entry.ours_uw, entry.old_uw)):
                entry = None  # somebody has set another meanwhile: that is what was found now
            old_uw = found.now_uw if entry is None else entry.old_uw
            target_uw = target(found, old_uw, turn.share)
            if not same(found.now_uw, target_uw):
                refused = self._refused.get(turn.device_id)
                if refused is not None and refused[0] == target_uw:
                    return _Turned(found.now_uw, refused[1])
                before = () if entry is None else entry.ours_uw[-1:]
                self._note(turn.device_id, Entry(turn.device_id, turn.kind, old_uw, (*before, target_uw), self._owner))
                try:
                    turn.knob.write(target_uw)
                except PowerRefused as error:
                    self._note(turn.device_id, entry)
                    unmet = Unmet("power limit", str(error), turn.knob.command(target_uw) if error.rights else "")
                    if error.rights:
                        self._refused[turn.device_id] = (target_uw, unmet)
                    return _Turned(found.now_uw, unmet)
                if not same(turn.knob.read().now_uw, target_uw):
                    return _Turned(None, Unmet("power limit", "The driver took the limit and did not keep it."))
        except (PowerRefused, StorageUnusable) as error:
            return _Turned(None, Unmet("power limit", str(error)))
        self._refused.pop(turn.device_id, None)
        if target_uw > turn.share * (found.default_uw or old_uw) + MICRO:
            return _Turned(target_uw, Unmet("power limit", f"The card goes no lower than {target_uw / MICRO:.0f} W."))
        return _Turned(target_uw)

    async def _release(self, keep: set[str]) -> tuple[str, ...]:
        """Put back the devices that are not kept at a limit of ours any more."""
        wanted = {each for each in keep if _limited(self._held[each].limits)}
        troubles = []
        try:
            entries = await asyncio.to_thread(self._journal.read)
        except StorageUnusable as error:
            return (str(error),)
        for entry in entries:
            if entry.owner == self._owner and entry.device not in wanted:
                turned = await self._in_thread(entry.device, partial(self._put_back, entry))
                if turned.unmet is not None:
                    troubles.append(f"{entry.device}: {turned.unmet.why}")
        try:
            if all(entry.owner != self._owner for entry in await asyncio.to_thread(self._journal.read)):
                await asyncio.to_thread(self._guard.leave)
        except StorageUnusable as error:
            troubles.append(str(error))
        return tuple(troubles)

    def _put_back(self, entry: Entry) -> _Turned:
        try:
            restore(entry, self._knobs)
            self._note(entry.device, None)
        except (PowerRefused, StorageUnusable) as error:
            return _Turned(None, Unmet("power limit", str(error)))
        return _Turned()

    def _entry(self, device_id: str) -> Entry | None:
        return next((entry for entry in self._journal.read() if entry.device == device_id), None)

    def _note(self, device_id: str, entry: Entry | None) -> None:
        """Before a knob is turned: on disk, and somebody there who reads it should this process end."""
        # A thread that a driver kept waiting may come back at any time, beside another's.
        with self._noting:
            if entry is not None and self._closed:
                raise StorageUnusable("The limits are being put back.")
            if entry is not None:
                self._guard.stand()
            others = [each for each in self._journal.read() if each.device != device_id]
            self._journal.write(others if entry is None else [*others, entry])

    async def _in_thread(self, device_id: str, work: Callable[[], _Turned]) -> _Turned:
        thread = self._threads.setdefault(device_id, DriverThread(device_id, _HARDWARE_WITHIN_S))
        try:
            return await thread.call(work)
        except DeviceSilent as silent:
            return _Turned(None, Unmet("power limit", str(silent)))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A knob and how far to turn it."""

    device_id: str
    kind: KnobKind
    knob: PowerKnob
    share: float


def target(found: PowerRange, old_uw: int, share: float) -> int:
    """The limit for that share of the default: in whole watts, within what the device accepts, never above the old."""
    wanted = round(share * (found.default_uw or old_uw) / MICRO) * MICRO
    within = max(wanted, found.least_uw or 0, MICRO)
    return min(within, found.most_uw or within, old_uw)


def _read(knob: PowerKnob) -> PowerRange:
    found = knob.read()
    if found.now_uw < MICRO:  # some cards have the file, or the call, and nothing behind it
        raise PowerRefused("The card does not tell its power limit.")
    return found


def _limited(limits: Limits) -> bool:
    return limits.power_share is not None and limits.power_share < 1
