"""Every way in which a check of the doctor can come out, so that each can be read in each language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from desktop.domain.check import Check
from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import DeviceUnusable
from desktop.domain.market import Ask, Rivals, rivals_of
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.presence import Presence
from desktop.domain.pricing import Price
from desktop.machine import doctor
from desktop.machine.devices.processor import Cpu
from desktop.machine.devices.source import Found
from desktop.machine.devices.survey import Computer
from desktop.machine.paths import Paths
from desktop.node import verdicts

NOW_MS = 1_795_000_000_000
CARD = Device("GPU-1", DeviceKind.NVIDIA, "A Card", 0, 8 << 30, driver="580.95.05")
PROCESSOR = Device("cpu", DeviceKind.CPU, "A Processor", 0, 16 << 30)
PRICE = Price(1000, 2000, 10)
OFFER = Offer(Model("tiny", "Tiny", ModelKind.CHAT, 1000, 2048, 1024, "float32", "MIT", "00" * 32), PRICE)


def asks(*prices: int, model: str = "tiny", kind: ModelKind = ModelKind.CHAT) -> list[Ask]:
    """One provider for each price of a request."""
    return [
        Ask(f"{model}-{place}", model, "", kind, Price(0, 0, price), NOW_MS - place * 60_000)
        for place, price in enumerate(prices)
    ]


def rivals(*prices: int, model: str = "tiny") -> Rivals:
    """Others, as they look from the model `tiny`."""
    return rivals_of(asks(*prices, model=model), "tiny", "00" * 32, ModelKind.CHAT, "us")


def every_check(folder: Path) -> Iterator[Check]:
    """All of them."""
    cpu = Cpu("A Processor", 4, 8, 16 << 30, 8 << 30)
    yield from doctor.examine(Paths.below(folder), Computer(cpu, Found((CARD,)), 0), lambda: NOW_MS)
    yield doctor.check_graphics(Found(()), 0)
    yield doctor.check_graphics(Found((), "No driver."), 1)
    yield doctor.check_disk(folder, _no_disk)
    (folder / "file").write_text("in the way")
    yield doctor.check_folders(Paths.below(folder / "file"))
    for device in (CARD, PROCESSOR):
        yield verdicts.device_check(device, Telemetry(NOW_MS, silence="It hangs."))
        yield verdicts.energy_check(device, Telemetry(NOW_MS))
    yield verdicts.device_check(CARD, Telemetry(NOW_MS))
    yield verdicts.device_check(CARD, Telemetry(NOW_MS, load=0.5, temperature_c=60, power_w=100))
    yield verdicts.energy_check(CARD, Telemetry(NOW_MS, power_w=5))
    yield verdicts.energy_check(CARD, Telemetry(NOW_MS, energy_j=5))
    yield verdicts.usable_check(CARD, None)
    yield verdicts.usable_check(
        CARD, DeviceUnusable("It cannot work.", why="No torch for it.", now="Run `hearth setup`.")
    )
    yield from _network()


def _network() -> Iterator[Check]:
    for driver in ("580.95.05", None):
        found = verdicts.driver_check(Device("x", DeviceKind.AMD, None, 0, None, driver))
        assert found is not None
        yield found
    for presence in (Presence(session=False), Presence(session=True, idle_s=1), Presence(session=True)):
        yield verdicts.presence_check(presence, "no display")
    for listed in (True, False, None):
        yield verdicts.relay_check("wss://relay.example", connected=True, trouble="", listed=listed)
    for trouble in ("", "it closed"):
        yield verdicts.relay_check("wss://relay.example", connected=False, trouble=trouble, listed=None)
    yield verdicts.mint_check("https://mint.example", 1, 70)
    yield verdicts.mint_check("https://mint.example", 0, 70)
    yield verdicts.reach_check(None, "nobody there", None)
    yield verdicts.reach_check(50, "", None)
    yield verdicts.reach_check(50, "", "https://relay.example")
    yield verdicts.no_reach_check()
    for ahead in ([None], [5, 9, None], [-90_000, -90_001]):
        yield verdicts.clock_check(ahead)
    yield verdicts.price_check(OFFER, rivals(1), NOW_MS, 2)
    yield verdicts.price_check(OFFER, rivals(1, 2, 3, 4), NOW_MS, 2)
    yield verdicts.price_check(OFFER, rivals(1000, 2000, 3000, model="other"), NOW_MS, 2)
    for name in ("last request", "last paid job"):
        for at_ms in (None, NOW_MS - 5, NOW_MS - 2 * verdicts.QUIET_MS):
            yield verdicts.last_check(name, at_ms, NOW_MS)


def _no_disk(folder: Path) -> int:
    raise OSError(5, "Input/output error", str(folder))
