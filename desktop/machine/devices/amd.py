"""What AMD's own library (AMD SMI, part of ROCm) tells of a card beyond the kernel's files: energy, and throttling.

Written from its documentation; no card was at hand to try it.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, runtime_checkable

from desktop.machine.devices.meter import CheckedMeter

_PLACES: Final = ("opt/rocm/share/amd_smi",)
_MICRO: Final = 1_000_000
# Bits of `indep_throttle_status`, as the kernel's amdgpu driver numbers them for every generation.
_THROTTLES: Final = ((range(8), "power limit"), (range(16, 24), "current limit"), (range(32, 48), "heat"))


@runtime_checkable
class AmdSmi(Protocol):
    """The part of the `amdsmi` module that is used. Every call may raise its AmdSmiException, or hang."""

    AmdSmiException: type[Exception]

    def amdsmi_init(self) -> object: ...  # noqa: D102 - AMD's own names, described by its maker
    def amdsmi_shut_down(self) -> object: ...  # noqa: D102 - as above
    def amdsmi_get_processor_handles(self) -> Sequence[object]: ...  # noqa: D102 - as above
    def amdsmi_get_gpu_device_bdf(self, handle: object) -> str: ...  # noqa: D102 - as above
    def amdsmi_get_energy_count(self, handle: object) -> Mapping[str, object]: ...  # noqa: D102 - as above
    def amdsmi_get_gpu_metrics_info(self, handle: object) -> Mapping[str, object]: ...  # noqa: D102 - as above


@dataclass(frozen=True, slots=True)
class AmdTold:
    """What the library adds to a reading; `energy_j` as in `Telemetry`, None where it is not told or not believed."""

    energy_j: float | None = None
    throttled: tuple[str, ...] = ()


class AmdLibrary:
    """The library, opened at the first question; `load` gives it, or None where it is not installed.

    Nothing here raises: a library that is missing, or does not know the card, tells nothing. Cards may be asked from
    different threads at once.
    """

    def __init__(self, load: Callable[[], AmdSmi | None]) -> None:
        self._load = load
        self._library: AmdSmi | None = None
        self._opened = False
        self._opening = threading.Lock()
        self._handles: dict[str, object] = {}
        self._meters: dict[str, CheckedMeter] = {}

    def tell(self, address: str, at_ms: int, power_w: float | None) -> AmdTold:
        """What it says now of the card at that PCI address, which draws `power_w` as far as the kernel knows."""
        library = self._ensure_open()
        handle = self._handles.get(address)
        if library is None or handle is None:
            return AmdTold()
        meter = self._meters.setdefault(address, CheckedMeter())
        meter.count(at_ms, _energy_j(library, handle), power_w)
        return AmdTold(meter.energy_j, _throttled(library, handle))

    def close(self) -> None:
        """Let go of it; the next question opens it again."""
        library, self._library = self._library, None
        self._opened = False
        self._handles = {}
        if library is not None:
            with suppress(library.AmdSmiException):
                library.amdsmi_shut_down()

    def _ensure_open(self) -> AmdSmi | None:
        # Opening may hang: who comes meanwhile does without.
        if self._opened or not self._opening.acquire(blocking=False):
            return self._library
        try:
            if not self._opened:
                library = self._load()
                if library is not None:
                    with suppress(library.AmdSmiException):
                        library.amdsmi_init()
                        self._handles = _by_address(library)
                        self._library = library
                self._opened = True
        finally:
            self._opening.release()
        return self._library


def find_library(root: Path = Path("/")) -> AmdSmi | None:
    """The module, from our own packages or where ROCm puts it; None where there is none that loads."""
    module = sys.modules.get("amdsmi") or _loaded(importlib.util.find_spec("amdsmi"))
    for place in _PLACES:
        start = root / place / "amdsmi" / "__init__.py"
        if module is None and start.is_file():
            found = importlib.util.spec_from_file_location(
                "amdsmi", start, submodule_search_locations=[str(start.parent)]
            )
            module = _loaded(found)
    return module if isinstance(module, AmdSmi) else None


def _loaded(spec: importlib.machinery.ModuleSpec | None) -> ModuleType | None:
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its parts import each other by this name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit):  # noqa: BLE001 - it loads a C library, and without one fails in many ways
        sys.modules.pop(spec.name, None)
        return None
    return module


def _by_address(library: AmdSmi) -> dict[str, object]:
    found = {}
    for handle in library.amdsmi_get_processor_handles():
        with suppress(library.AmdSmiException):
            found[str(library.amdsmi_get_gpu_device_bdf(handle)).lower()] = handle
    return found


def _energy_j(library: AmdSmi, handle: object) -> float | None:
    try:
        told = library.amdsmi_get_energy_count(handle)
    except library.AmdSmiException:
        return None
    # Renamed in version 6.2; what is not known is the text "N/A".
    counted, step_uj = told.get("energy_accumulator", told.get("power")), told.get("counter_resolution")
    if isinstance(counted, int | float) and isinstance(step_uj, int | float) and step_uj > 0:
        return counted * step_uj / _MICRO
    return None


def _throttled(library: AmdSmi, handle: object) -> tuple[str, ...]:
    try:
        status = library.amdsmi_get_gpu_metrics_info(handle).get("indep_throttle_status")
    except library.AmdSmiException:
        return ()
    # All ones is how the driver says that it does not know.
    if not isinstance(status, int) or status == (1 << 64) - 1:
        return ()
    return tuple(words for bits, words in _THROTTLES if any(status >> bit & 1 for bit in bits))
