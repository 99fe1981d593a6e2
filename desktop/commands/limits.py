"""`hearth limits`: what each device may do, what is in force, and what would put the rest in force."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Final

from desktop.commands.console import UNKNOWN, Console
from desktop.commands.device_rows import at_rest, require_known, running
from desktop.compose import Composition
from desktop.config.limits import RANGES, DeviceLimits, LimitsByDevice
from desktop.control import messages
from desktop.control.address import door_in
from desktop.control.client import DoorClient
from desktop.control.configuration import Configuration
from desktop.control.snapshot import DeviceCard
from desktop.domain.errors import SettingsError, Unavailable
from desktop.domain.limits import Limits, Preset
from desktop.machine.devices.survey import local_devices
from desktop.machine.limits.journal import Journal
from desktop.machine.limits.power import LocalKnobs
from desktop.machine.limits.restoring import restore_journalled
from desktop.machine.settings_file import load_settings, save_settings

_MIB: Final = 1 << 20
_LOCK_WITHIN_S: Final = 5.0
# Each option, the limit it sets, how much of what is typed one unit of that is, and the unit that is typed.
_OPTIONS: Final = (
    ("power", "power_share", 100, "%"),
    ("temperature", "temperature_c", 1, "°C"),
    ("memory", "memory_mib", 1, "MiB"),
    ("duty", "duty", 100, "%"),
)
# The node changes the hardware after it has answered; what came of that is worth a moment.
_TAKES_HOLD_S: Final = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("preset", nargs="?", choices=[each.value for each in Preset], help="for every device")
    parser.add_argument("--device", default="", metavar="ID", help="give this device limits of its own")
    parser.add_argument("--power", type=percent, metavar="PERCENT", help="of its default power limit")
    parser.add_argument("--temperature", type=float, metavar="C", help="stop above so many degrees")
    parser.add_argument("--memory", type=int, metavar="MIB", help="of its memory at most")
    parser.add_argument("--duty", type=percent, metavar="PERCENT", help="of the time in which it computes")
    parser.add_argument("--reset", action="store_true", help="with --device: as the preset says, again")
    parser.add_argument(
        "--restore", action="store_true", help="put back what a node that was killed left changed on the hardware"
    )


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Change what was asked for, live if a node runs, and print what holds then."""
    if arguments.restore:
        return _restore(home, console)
    changes = _changes(arguments, home)
    cards = asyncio.run(_live(home, changes))
    if cards is None:
        for name, text in changes.items():
            _configuration(home).write(name, text)
        if changes:
            console.note("Hearth is not running; this holds from its next start.")
    _show(home, cards, console)
    return 0


def _restore(home: Composition, console: Console) -> int:
    """Exit status 1 if something could not be put back."""
    journal = Journal(home.paths.data)
    with home.instance(), journal.busy(_LOCK_WITHIN_S):
        restored = restore_journalled(journal, LocalKnobs())
    console.document({"troubles": list(restored.troubles)})
    console.say("\n".join(restored.troubles) or "Nothing is changed on the hardware.")
    return 1 if restored.left else 0


def _changes(arguments: argparse.Namespace, home: Composition) -> dict[str, str]:
    """The settings to write, by name."""
    given = _given(arguments)
    if not arguments.device and (arguments.reset or given):
        raise SettingsError(
            "Which device is meant is not said.", now="Name it with --device; `hearth limits` lists all."
        )
    changes: dict[str, str] = {}
    if arguments.preset:
        changes["preset"] = arguments.preset
    if arguments.device and (arguments.reset or given):
        limits = {each.device: each for each in home.settings.limits}
        before = limits.pop(arguments.device, None)
        if before is None:
            cards = running(home)
            require_known(
                arguments.device,
                [each.device.id for each in at_rest(home)] if cards is None else [each.id for each in cards],
            )
        after = DeviceLimits(arguments.device) if before is None or arguments.reset else before
        after = replace(after, **given)
        if len(after.says) > 1:
            limits[arguments.device] = after
        changes["limits"] = LimitsByDevice().write(tuple(limits.values()))
    return changes


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The limits that were typed. SettingsError, with the range, for one out of it."""
    given = {}
    for option, name, factor, unit in _OPTIONS:
        value, (least, most) = getattr(arguments, option), RANGES[name]
        if value is None:
            continue
        if not least <= value <= most:  # NaN is in no range
            raise SettingsError(
                f"--{option} cannot be {value * factor:g} {unit}.",
                now=f"It may be from {least * factor:,.0f} to {most * factor:,.0f} {unit}.",
            )
        given[name] = value
    return given


async def _live(home: Composition, changes: dict[str, str]) -> tuple[DeviceCard, ...] | None:
    """What the running node says after the changes; None if none runs."""
    try:
        async with DoorClient(door_in(home.paths.runtime)) as door:
            for name, text in changes.items():
                await door.ask(partial(_write, name, text))
            if changes:
                await asyncio.sleep(_TAKES_HOLD_S)
            await door.ask(lambda number: messages.Watch(id=number))
            return (await door.wait_until(lambda _: True)).devices
    except Unavailable:
        return None


def _write(name: str, text: str, number: int) -> messages.AnyRequest:
    return messages.WriteSetting(id=number, name=name, value=text)


def _configuration(home: Composition) -> Configuration:
    folder = home.paths.config
    return Configuration(
        lambda: (load_settings(folder, home.now_ms).settings, ""), lambda changed: save_settings(folder, changed)
    )


def _show(home: Composition, cards: tuple[DeviceCard, ...] | None, console: Console) -> None:
    settings = load_settings(home.paths.config, home.now_ms).settings
    rows = _running(cards) if cards is not None else _at_rest(home)
    console.document({"preset": settings.preset, "running": cards is not None, "devices": rows})
    console.say(f"Preset: {settings.preset}")
    console.table(
        ("device", "id", "power", "temperature", "memory", "time"),
        [
            (
                row["name"] or UNKNOWN,
                row["id"],
                _said(row["power_share"], 100, "%"),
                _said(row["temperature_c"], 1, "°C"),
                _said(row["memory_bytes"], 1 / _MIB, "MiB"),
                _said(row["duty"], 100, "%"),
            )
            for row in rows
        ],
    )
    for row in rows:
        for unmet in row.get("unmet", ()):
            console.say(f"  {row['name'] or row['id']}: {unmet['what']} is not in force. {unmet['why']}")
            if unmet["command"]:
                console.say(f"    {unmet['command']}")


def _running(cards: tuple[DeviceCard, ...]) -> list[dict[str, Any]]:
    return [
        {
            **_row(
                card.id,
                card.name,
                Limits(card.most_power_share, card.most_temperature_c, card.most_memory_bytes, card.duty),
            ),
            "power_limit_w": card.power_limit_w,
            "unmet": [{"what": each.what, "why": each.why, "command": each.command} for each in card.unmet],
        }
        for card in cards
    ]


def _at_rest(home: Composition) -> list[dict[str, Any]]:
    """Without a node: what would hold, for the devices there are."""
    settings = load_settings(home.paths.config, home.now_ms).settings
    devices = local_devices(home.now_ms)
    try:
        return [_row(device.id, device.name or "", settings.limits_of(device.id)) for device in devices.list()]
    finally:
        devices.close()


def _row(device_id: str, name: str, limits: Limits) -> dict[str, Any]:
    return {
        "id": device_id,
        "name": name,
        "power_share": limits.power_share,
        "temperature_c": limits.temperature_c,
        "memory_bytes": limits.memory_bytes,
        "duty": limits.duty,
    }


def _said(value: float | None, unit: float, name: str) -> str:
    return "any" if value is None else f"{value * unit:.0f} {name}"


def percent(text: str) -> float:
    """A share of 1 from `50` or `50%`."""
    return float(text.removesuffix("%")) / 100
