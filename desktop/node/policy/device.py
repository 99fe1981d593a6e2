"""What stands in the way of work on one device: that device alone stops.

Sudden changes are normal here, so each must last before it counts, and be gone for a while before it is forgotten.
What a device does not tell stops nothing, but does not end a stop either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from desktop.domain.device import DeviceKind, Telemetry
from desktop.domain.limits import Limits
from desktop.domain.node_state import Reason
from desktop.node.policy.obstacle import Obstacle
from desktop.node.policy.signals import DeviceSignals
from desktop.node.policy.terms import Terms

PATIENCE_MS: Final = 3000
HOT_PATIENCE_MS: Final = 5000
_LESS_LOAD: Final = 0.7  # of the threshold, before work goes on
_COOLER_C: Final = 5.0
_POWER_CALMS: Final = 10  # our own work draws it: that it is gone now says nothing of what comes back with the work
_GONE: Final = "The system no longer lists this device."
_MIB: Final = 1 << 20
_RESERVE_BYTES: Final = 512 * _MIB
_RESERVE_SHARE: Final = 0.05


def obstacles(signals: DeviceSignals, terms: Terms) -> Iterator[Obstacle]:
    """What applies now, the strongest first."""
    device, calm_ms = signals.device, terms.calm_ms
    yield Obstacle(Reason.DEVICE_DISABLED, device.id in terms.disabled)
    telemetry = signals.telemetry
    silence = (telemetry.silence if telemetry is not None else "") if signals.present else _GONE
    yield Obstacle(
        Reason.DEVICE_SILENT,
        bool(silence),
        silence,
        patience_ms=PATIENCE_MS if signals.present else 0,
        calm_ms=calm_ms,
    )
    if telemetry is None:
        return
    # The kernel gives a processor to the owner's programs first; a graphics card's driver does not.
    if device.kind is not DeviceKind.CPU:
        yield _load(signals, telemetry, terms)
    yield _memory(signals, telemetry, calm_ms)
    limits = terms.limits_of(device.id)
    yield from _heat(telemetry, limits, calm_ms)
    if terms.most_watts:
        watts = telemetry.power_w
        yield Obstacle(
            Reason.TOO_MUCH_POWER,
            watts is not None and watts > terms.most_watts,
            "" if watts is None else f"It draws {watts:.0f} W; your limit is {terms.most_watts} W.",
            lingers=watts is None,
            patience_ms=HOT_PATIENCE_MS,
            calm_ms=_POWER_CALMS * calm_ms,
        )
    yield Obstacle(
        Reason.NOT_WORTH_IT,
        signals.worth_it is False,
        "Electricity costs more now than the work earns.",
        lingers=signals.worth_it is None,
        calm_ms=calm_ms,
    )


def is_tight(telemetry: Telemetry) -> bool:
    """Whether so little memory is free that nothing should wait in it."""
    used, total = telemetry.memory_used_bytes, telemetry.memory_total_bytes
    return used is not None and total is not None and total - used < 2 * _RESERVE_BYTES


def others_load(signals: DeviceSignals, telemetry: Telemetry) -> float | None:
    """The share of the device that other programs use; None where it cannot be told apart from our own work."""
    if telemetry.processes is not None:
        others = [each for each in telemetry.processes if each.pid not in signals.own_pids]
        loads = [each.load for each in others if each.load is not None]
        if len(loads) == len(others):
            return sum(loads)
    return None if signals.serving else telemetry.load


def _load(signals: DeviceSignals, telemetry: Telemetry, terms: Terms) -> Obstacle:
    load, allowed = others_load(signals, telemetry), terms.other_load
    return Obstacle(
        Reason.OTHER_PROGRAM,
        load is not None and load > allowed,
        "" if load is None else f"Other programs use {load * 100:.0f} % of it; you allow {allowed * 100:.0f} %.",
        lingers=load is None or load > allowed * _LESS_LOAD,
        patience_ms=PATIENCE_MS,
        calm_ms=terms.calm_ms,
    )


def _memory(signals: DeviceSignals, telemetry: Telemetry, calm_ms: int) -> Obstacle:
    used, total = telemetry.memory_used_bytes, telemetry.memory_total_bytes
    if used is None or not total:
        return Obstacle(Reason.MEMORY_WANTED, holds=False, lingers=True, calm_ms=calm_ms)
    free, reserve = total - used, min(_RESERVE_BYTES, int(total * _RESERVE_SHARE))
    # To come back it must fit beside what the others hold now, and leave them room to grow.
    needed = 2 * reserve + (0 if signals.own_pids else signals.needed_bytes or 0)
    return Obstacle(
        Reason.MEMORY_WANTED,
        free < reserve,
        f"{free // _MIB:,} MiB of its memory are free; {reserve // _MIB:,} MiB are left to other programs.",
        lingers=free < needed,
        patience_ms=PATIENCE_MS,
        calm_ms=calm_ms,
    )


def _heat(telemetry: Telemetry, limits: Limits, calm_ms: int) -> Iterator[Obstacle]:
    if (most := limits.temperature_c) is not None:
        heat = telemetry.temperature_c
        yield Obstacle(
            Reason.TOO_HOT,
            heat is not None and heat >= most,
            "" if heat is None else f"It is at {heat:.0f} °C; your limit is {most:.0f} °C.",
            lingers=heat is None or heat > most - _COOLER_C,
            patience_ms=HOT_PATIENCE_MS,
            calm_ms=calm_ms,
        )
