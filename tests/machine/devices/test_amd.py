from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.domain.device import DeviceKind
from desktop.machine.devices.amd import AmdLibrary, AmdTold, find_library
from desktop.machine.devices.drm import DrmSource
from tests.fakes.amd_smi import FakeAmdSmi, FakeRadeon
from tests.fakes.sysfs import ARC, RADEON, plug_in_arc, plug_in_radeon, write_files

STEP_UJ = 15.259
WATTS = 87.0  # what the card of `plug_in_radeon` draws


def counted(joules: float) -> int:
    return round(joules * 1e6 / STEP_UJ)


def run(library: AmdLibrary, card: FakeRadeon, seconds: int, watts: float) -> list[float | None]:
    """Second by second, a counter that counts `watts` while the card draws `WATTS`."""
    told = []
    for second in range(seconds + 1):
        card.counted = counted(1000 + second * watts)
        told.append(library.tell(RADEON, second * 1000, WATTS).energy_j)
    return told


def test_a_counter_that_agrees_with_the_power_is_believed_after_ten_seconds() -> None:
    smi = FakeAmdSmi()
    told = run(AmdLibrary(lambda: smi), smi.cards[0], 12, 90.0)

    assert told[:10] == [None] * 10
    assert told[10:] == pytest.approx([1900.0, 1990.0, 2080.0], rel=1e-5)


@pytest.mark.parametrize("watts", [0.0, 20.0, 500.0])
def test_a_counter_that_counts_something_else_is_never_believed(watts: float) -> None:
    smi = FakeAmdSmi()
    library = AmdLibrary(lambda: smi)

    assert set(run(library, smi.cards[0], 12, watts)) == {None}
    assert set(run(library, smi.cards[0], 30, WATTS)) == {None}


def test_a_gap_begins_the_comparison_anew() -> None:
    smi = FakeAmdSmi()
    library, card = AmdLibrary(lambda: smi), smi.cards[0]
    run(library, card, 8, WATTS)
    card.counted = counted(50_000)  # after a sleep: whatever it counted meanwhile

    assert library.tell(RADEON, 3_600_000, WATTS).energy_j is None
    assert library.tell(RADEON, 3_602_000, WATTS).energy_j is None


def test_what_holds_a_card_back_is_told_in_words() -> None:
    smi = FakeAmdSmi([FakeRadeon(throttle_status=1 << 0 | 1 << 36 | 1 << 18)])
    library = AmdLibrary(lambda: smi)

    assert library.tell(RADEON, 0, None).throttled == ("power limit", "current limit", "heat")
    for unknown in ("N/A", (1 << 64) - 1, None, 0):
        smi.cards[0].throttle_status = unknown
        assert library.tell(RADEON, 1, None).throttled == ()


def test_nothing_is_told_without_the_library_or_by_one_that_fails() -> None:
    broken, failing = FakeAmdSmi(broken=True), FakeAmdSmi()
    library = AmdLibrary(lambda: failing)
    assert library.tell("0000:99:00.0", 0, WATTS) == AmdTold()
    failing.cards[0].fails = True

    assert AmdLibrary(lambda: None).tell(RADEON, 0, WATTS) == AmdTold()
    assert AmdLibrary(lambda: broken).tell(RADEON, 0, WATTS) == AmdTold()
    assert library.tell(RADEON, 0, WATTS) == AmdTold()
    for nonsense in ("N/A", None):
        failing.cards[0] = FakeRadeon(counted=nonsense, resolution=nonsense)
        assert AmdLibrary(lambda: failing).tell(RADEON, 0, WATTS) == AmdTold()


def test_it_is_opened_once_and_let_go_of_once() -> None:
    smi = FakeAmdSmi()
    library = AmdLibrary(lambda: smi)
    for at_ms in (0, 1000):
        library.tell(RADEON, at_ms, None)
    assert smi.opened == 1

    library.close()
    library.close()

    assert smi.opened == 0


def test_the_kernels_files_and_the_library_make_one_reading(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path)
    plug_in_arc(tmp_path)
    smi = FakeAmdSmi([FakeRadeon(throttle_status=1 << 35), FakeRadeon(ARC, throttle_status=1 << 35)])
    source = DrmSource(tmp_path, AmdLibrary(lambda: smi))
    radeon, arc = source.find().devices
    assert (radeon.kind, arc.kind) == (DeviceKind.AMD, DeviceKind.INTEL)

    for second in range(11):
        smi.cards[0].counted = counted(1000 + second * WATTS)
        reading = source.read(radeon, second * 1000)

    assert (reading.power_w, reading.temperature_c, reading.throttled) == (WATTS, 54.0, ("heat",))
    assert reading.energy_j == pytest.approx(1870.0, rel=1e-5)
    assert source.read(arc, 0).throttled == ()
    source.close()
    assert smi.opened == 0


LIBRARY = """
from .told import VALUE
class AmdSmiException(Exception): pass
def told(handle): return VALUE
amdsmi_init = amdsmi_shut_down = amdsmi_get_processor_handles = lambda: ()
amdsmi_get_gpu_device_bdf = amdsmi_get_energy_count = amdsmi_get_gpu_metrics_info = told
"""
PLACE = "opt/rocm/share/amd_smi/amdsmi"


@pytest.fixture
def no_library_yet() -> Iterator[None]:
    """What a test makes of the module's name is undone."""
    ours = [name for name in sys.modules if name.partition(".")[0] == "amdsmi"]
    kept = {name: sys.modules.pop(name) for name in ours}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "amdsmi"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.usefixtures("no_library_yet")
def test_the_library_is_found_where_rocm_puts_it(tmp_path: Path) -> None:
    assert find_library(tmp_path) is None
    write_files(tmp_path, {f"{PLACE}/__init__.py": LIBRARY, f"{PLACE}/told.py": 'VALUE = {"indep_throttle_status": 5}'})

    found = find_library(tmp_path)

    assert found is not None
    assert found.amdsmi_get_gpu_metrics_info(None) == {"indep_throttle_status": 5}
    assert find_library(tmp_path) is found


@pytest.mark.usefixtures("no_library_yet")
@pytest.mark.parametrize(
    "content",
    ["raise OSError('libamd_smi.so: cannot open shared object file')", "import sys; sys.exit(1)", "VALUE = 5"],
)
def test_a_library_that_does_not_load_or_is_another_is_none(tmp_path: Path, content: str) -> None:
    write_files(tmp_path, {f"{PLACE}/__init__.py": content})

    assert find_library(tmp_path) is None
