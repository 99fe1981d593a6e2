"""AMD's and Intel's graphics cards as Linux shows them: sysfs, hwmon, and fdinfo for the processes.

Where AMD's own library is installed, it adds what the kernel's files lack. Not covered: the integrated ones' share of
the main memory, and Intel's use of memory outside of what processes tell.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from desktop.domain.device import Device, DeviceKind, ProcessUse, Telemetry
from desktop.machine.devices.amd import AmdLibrary, AmdTold
from desktop.machine.devices.fdinfo import GraphicsProcesses
from desktop.machine.devices.meter import Meter
from desktop.machine.devices.pci_names import pci_name
from desktop.machine.devices.source import DeviceSilent, Found
from desktop.machine.devices.sysfs import read_int, read_text

_CARD: Final = re.compile(r"card[0-9]+")
_KINDS: Final = {"amdgpu": DeviceKind.AMD, "i915": DeviceKind.INTEL, "xe": DeviceKind.INTEL}
_VENDORS: Final = {"0x1002": "AMD", "0x8086": "Intel"}
_GENERATIONS: Final = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
_MICRO: Final = 1_000_000
_MILLI: Final = 1000
_FULL_PWM: Final = 255
_INTEL_CLOCKS: Final = ("tile0/gt0/freq0/act_freq", "gt/gt0/rps_act_freq_mhz")


class DrmSource:
    """Reads the cards of the drivers amdgpu, i915 and xe below `root`.

    A card that sleeps (as the second one of a laptop does) is left asleep: what it would tell is unknown meanwhile.
    """

    def __init__(self, root: Path = Path("/"), amd: AmdLibrary | None = None) -> None:
        self._root = root
        self._amd = amd
        self._cards: dict[str, Path] = {}
        self._meters: dict[str, Meter] = {}
        self._processes = GraphicsProcesses(root)

    def find(self) -> Found:
        """The cards that have one of these drivers. No trouble is told: without a card there is nothing to miss."""
        devices = []
        for card in cards(self._root):
            driver = driver_of(card)
            address = (card / "device").resolve().name
            self._cards[address] = card
            index = int(card.name.removeprefix("card"))
            device = card / "device"
            devices.append(
                Device(
                    id=address,
                    kind=_KINDS[driver],
                    name=_name(self._root, device),
                    index=index,
                    memory_bytes=read_int(device / "mem_info_vram_total"),
                    driver=driver,
                    pcie=_pcie(device),
                )
            )
        return Found(tuple(devices))

    def read(self, device: Device, at_ms: int) -> Telemetry:
        """One reading, or DeviceSilent when the card is no longer there."""
        card = self._cards.get(device.id)
        if card is None or driver_of(card) not in _KINDS:
            raise DeviceSilent("The card, or its driver, is no longer there.")
        folder = card / "device"
        total = read_int(folder / "mem_info_vram_total")
        if read_text(folder / "power/runtime_status") == "suspended":
            return Telemetry(at_ms, memory_total_bytes=total, processes=())
        monitor = hwmon(card)
        energy_uj = None if monitor is None else read_int(monitor / "energy1_input")
        meter = self._meters.setdefault(device.id, Meter())
        meter.count(at_ms, None if energy_uj is None else energy_uj / _MICRO)
        processes = self._processes.read(device.id, at_ms)
        busy = read_int(folder / "gpu_busy_percent")
        used = read_int(folder / "mem_info_vram_used")
        power_w = None if monitor is None else _first(monitor, ("power1_average", "power1_input"), _MICRO)
        told = AmdTold()
        if self._amd is not None and device.kind is DeviceKind.AMD:
            told = self._amd.tell(device.id, at_ms, power_w)
        return Telemetry(
            at_ms=at_ms,
            load=_load_of(processes) if busy is None else min(max(busy / 100, 0.0), 1.0),
            memory_used_bytes=used,
            memory_total_bytes=total,
            temperature_c=None if monitor is None else _first(monitor, ("temp1_input", "temp2_input"), _MILLI),
            power_w=meter.power_w if power_w is None else power_w,
            power_limit_w=None if monitor is None else _first(monitor, ("power1_cap", "power1_max"), _MICRO),
            fan=None if monitor is None else _fan(monitor),
            core_clock_mhz=_core_clock(card, monitor),
            memory_clock_mhz=None if monitor is None else _mhz(monitor / "freq2_input"),
            energy_j=told.energy_j if energy_uj is None else meter.energy_j,
            processes=processes,
            throttled=told.throttled,
        )

    def close(self) -> None:
        """Let go of AMD's library; the kernel's files are not held."""
        if self._amd is not None:
            self._amd.close()


def cards(root: Path) -> tuple[Path, ...]:
    """The folders of the cards with a driver we can read, in the order of their numbers."""
    try:
        entries = list((root / "sys/class/drm").iterdir())
    except OSError:
        return ()
    found = [entry for entry in entries if _CARD.fullmatch(entry.name) and driver_of(entry) in _KINDS]
    return tuple(sorted(found, key=lambda entry: int(entry.name.removeprefix("card"))))


def driver_of(card: Path) -> str:
    """The name of the driver, empty if there is none."""
    try:
        return (card / "device/driver").readlink().name
    except OSError:
        return ""


def hwmon(card: Path) -> Path | None:
    """The folder of the card's sensors; its number is another at every start."""
    try:
        return min((card / "device/hwmon").iterdir(), default=None)
    except OSError:
        return None


def _name(root: Path, device: Path) -> str | None:
    told = read_text(device / "product_name")
    if told:
        return told
    vendor, number = read_text(device / "vendor"), read_text(device / "device")
    if vendor is None or number is None:
        return None
    name = pci_name(root, vendor, number)
    return f"{_VENDORS.get(vendor, vendor)} {name}" if name else f"{_VENDORS.get(vendor, vendor)} card {number}"


def _pcie(device: Path) -> str | None:
    speed = (read_text(device / "max_link_speed") or "").partition(" ")[0]
    width = read_int(device / "max_link_width")
    generation = _GENERATIONS.get(speed)
    return f"PCIe {generation}.0 x{width}" if generation and width else None


def _first(folder: Path, names: tuple[str, ...], unit: int) -> float | None:
    values = (read_int(folder / name) for name in names)
    return next((value / unit for value in values if value is not None), None)


def _fan(monitor: Path) -> float | None:
    pwm = read_int(monitor / "pwm1")
    if pwm is not None:
        return min(max(pwm / _FULL_PWM, 0.0), 1.0)
    turns, most = read_int(monitor / "fan1_input"), read_int(monitor / "fan1_max")
    return min(max(turns / most, 0.0), 1.0) if turns is not None and most else None


def _core_clock(card: Path, monitor: Path | None) -> int | None:
    if monitor is not None and (clock := _mhz(monitor / "freq1_input")) is not None:
        return clock
    places = [*(card / "device" / name for name in _INTEL_CLOCKS[:1]), *(card / name for name in _INTEL_CLOCKS[1:])]
    return next((clock for place in places if (clock := read_int(place)) is not None), None)


def _mhz(path: Path) -> int | None:
    hertz = read_int(path)
    return None if hertz is None else hertz // _MICRO


def _load_of(processes: tuple[ProcessUse, ...]) -> float | None:
    """Where the driver tells no load: the sum of what processes tell. Without any it is unknown, some may be unseen."""
    told = [each.load for each in processes if each.load is not None]
    return min(sum(told), 1.0) if told else None
