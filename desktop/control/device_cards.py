"""Every device as the window shows it, made from what the node knows of it."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.control.snapshot import DeviceCard, UnmetLimit
from desktop.domain.device import Telemetry
from desktop.domain.limits import Limits
from desktop.machine.limits.keeper import Unmet
from desktop.node.fleet import DeviceView
from desktop.worker.handle import WorkerHandle


def device_card(view: DeviceView, limits: Limits, unmet: Sequence[Unmet] = ()) -> DeviceCard:
    """One device: what it is, what it measures, how it stands and why, what it may do, how fast it last stopped."""
    device, stop = view.device, view.last_stop
    now = view.telemetry or Telemetry(0)
    worker = view.worker if isinstance(view.worker, WorkerHandle) else None
    return DeviceCard(
        id=device.id,
        name=device.name or "",
        kind=device.kind,
        driver=device.driver or "",
        pcie=device.pcie or "",
        state=view.decision.state,
        reason=view.decision.reason,
        detail=view.decision.detail,
        jobs=view.jobs,
        load=now.load,
        memory_used_bytes=now.memory_used_bytes,
        memory_total_bytes=now.memory_total_bytes or device.memory_bytes,
        temperature_c=now.temperature_c,
        power_w=now.power_w,
        power_limit_w=now.power_limit_w,
        fan=now.fan,
        core_clock_mhz=now.core_clock_mhz,
        memory_clock_mhz=now.memory_clock_mhz,
        throttled=now.throttled,
        silence=now.silence,
        most_power_share=limits.power_share,
        most_temperature_c=limits.temperature_c,
        most_memory_bytes=limits.memory_bytes,
        duty=limits.duty,
        unmet=tuple(UnmetLimit(what=each.what, why=each.why, command=each.command) for each in unmet),
        worker_memory_bytes=(worker.peak_memory_bytes or None) if worker is not None else None,
        sandbox=worker.mode.in_words if worker is not None else "",
        spare_worker=view.spare,
        last_stop_at_ms=stop.at_ms if stop is not None else None,
        last_stop_ms=stop.stop_ms if stop is not None else None,
        last_release_ms=stop.release_ms if stop is not None else None,
    )
