"""`hearth devices`: every device, how it stands and why, and how long its last stop took; switch one off or on."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any, Final

import msgspec

from desktop.commands.console import UNKNOWN, Console, clock
from desktop.commands.device_rows import AtRest, at_rest, require_known, running
from desktop.commands.writing import write_setting
from desktop.compose import Composition
from desktop.control.snapshot import DeviceCard
from desktop.machine.settings_file import load_settings
from desktop.node.stops import Stop

_GIB: Final = 1 << 30
Row = dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--on", default="", metavar="ID", help="let this device work")
    which.add_argument("--off", default="", metavar="ID", help="never let this device work")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Switch if asked to, live if a node runs, then print every device."""
    if arguments.on or arguments.off:
        _switch(arguments.on or arguments.off, home, console, off=bool(arguments.off))
    cards = running(home)
    rows = [_at_rest(each, home) for each in at_rest(home)] if cards is None else [_running(card) for card in cards]
    console.document({"running": cards is not None, "devices": rows})
    console.table(
        ("device", "id", "now", "load", "memory (GiB)", "heat", "power", "driver"),
        [
            (
                row["name"] or UNKNOWN,
                row["id"],
                row["now"],
                _said(row["load"], 100, " %"),
                f"{_said(row['memory_used_bytes'], 1 / _GIB)} of {_said(row['memory_total_bytes'], 1 / _GIB)}",
                _said(row["temperature_c"], 1, " °C"),
                _said(row["power_w"], 1, " W"),
                row["driver"] or UNKNOWN,
            )
            for row in rows
        ],
    )
    for row in rows:
        for sentence in _sentences(row):
            console.say(f"  {row['name'] or row['id']}: {sentence}")
    return 0


def _switch(device_id: str, home: Composition, console: Console, *, off: bool) -> None:
    """A device that is switched off may be gone meanwhile; it can be switched on again all the same."""
    disabled = load_settings(home.paths.config, home.now_ms).settings.disabled_devices
    if device_id not in disabled:
        cards = running(home)
        require_known(
            device_id, [each.device.id for each in at_rest(home)] if cards is None else [each.id for each in cards]
        )
    after = [each for each in disabled if each != device_id] + ([device_id] if off else [])
    if not write_setting(home, "disabled_devices", "\n".join(after)):
        console.note("Hearth is not running; this holds from its next start.")


def _running(card: DeviceCard) -> Row:
    row: Row = msgspec.to_builtins(card)
    return {**row, "now": f"{card.state.value}: {card.reason.value}"}


def _at_rest(each: AtRest, home: Composition) -> Row:
    device, stop = each.device, home.stops().last(each.device.id)
    off = device.id in load_settings(home.paths.config, home.now_ms).settings.disabled_devices
    return {
        **asdict(each.reading),
        "id": device.id,
        "name": device.name or "",
        "kind": device.kind.value,
        "driver": device.driver or "",
        "pcie": device.pcie or "",
        "now": "switched off" if off else "not running",
        "detail": "",
        **_stop(stop),
    }


def _stop(stop: Stop | None) -> Row:
    return {
        "last_stop_at_ms": None if stop is None else stop.at_ms,
        "last_stop_ms": None if stop is None else stop.stop_ms,
        "last_release_ms": None if stop is None else stop.release_ms,
    }


def _sentences(row: Row) -> list[str]:
    said = [text for text in (row["silence"], row["detail"]) if text]
    if row["throttled"]:
        said.append(f"It holds itself back: {', '.join(row['throttled'])}.")
    if row["last_stop_ms"] is not None:
        said.append(
            f"Its last stop, {clock(row['last_stop_at_ms'])}, took {row['last_stop_ms']:,} ms, "
            f"and its memory was free {row['last_release_ms']:,} ms later."
        )
    return list(dict.fromkeys(said))


def _said(value: float | None, factor: float, unit: str = "") -> str:
    if value is None:
        return UNKNOWN
    return f"{value * factor:.1f}" if not unit else f"{value * factor:.0f}{unit}"
