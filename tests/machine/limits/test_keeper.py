from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.device import Device, DeviceKind
from desktop.domain.limits import PRESETS, Limits, Preset
from desktop.machine.limits.journal import Journal
from desktop.machine.limits.keeper import Held, LimitsKeeper, Unmet, target
from desktop.machine.limits.power import MICRO, PowerRange
from tests.fakes.knobs import FakeGuard, FakeKnobs
from tests.fakes.nvml import FailsWith, FakeCard, FakeNvml
from tests.fakes.sysfs import RADEON, plug_in_radeon

FIRST, SECOND = (Device(uuid, DeviceKind.NVIDIA, "A Card", n, None) for n, uuid in enumerate(("GPU-a", "GPU-b")))
RADEON_CARD = Device(RADEON, DeviceKind.AMD, "A Radeon", 0, None)
HALF = Limits(power_share=0.5)
NO_RIGHTS = FailsWith(pynvml.NVML_ERROR_NO_PERMISSION)


class Bench:
    """Two identical cards, a Radeon in a folder, and all that keeps limits on them."""

    def __init__(self, folder: Path) -> None:
        self.cards = [FakeCard(uuid="GPU-a"), FakeCard(uuid="GPU-b")]
        self.cap = plug_in_radeon(folder / "root") / "hwmon/hwmon4/power1_cap"
        self.knobs = FakeKnobs(FakeNvml(self.cards), folder / "root")
        self.journal = Journal(folder)
        self.journal_path = folder / "limits.json"
        self.guard = FakeGuard()
        self.keeper = self.next_run()

    def next_run(self, owner: str = "run 1") -> LimitsKeeper:
        return LimitsKeeper(self.knobs, self.journal, self.guard, owner=owner)

    @property
    def watts(self) -> list[float]:
        limits = [card.limit_mw for card in self.cards]
        return [limit / 1000 for limit in limits if isinstance(limit, int)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.keeper.close()


async def test_a_share_of_the_default_is_put_in_force_on_that_card_alone_and_put_back(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, HALF), (SECOND, Limits())])

    assert bench.watts == [225, 450]
    assert bench.keeper.held(FIRST.id) == Held(HALF, 225.0)
    assert bench.keeper.held(SECOND.id) == Held(Limits())
    (entry,) = bench.journal.read()
    assert (entry.device, entry.old_uw, entry.ours_uw) == ("GPU-a", 450 * MICRO, (225 * MICRO,))
    assert bench.guard.standing
    assert bench.journal_path.stat().st_mode & 0o777 == 0o600

    assert await bench.keeper.close() == ()
    assert bench.watts == [450, 450]
    assert not bench.journal_path.exists()
    assert not bench.guard.standing


async def test_a_radeon_is_limited_through_its_file(bench: Bench) -> None:
    await bench.keeper.apply([(RADEON_CARD, Limits(power_share=0.8))])
    assert bench.cap.read_text() == "242000000\n"
    assert bench.keeper.held(RADEON).power_limit_w == 242.0

    await bench.keeper.apply([(RADEON_CARD, Limits())])

    assert bench.cap.read_text() == "303000000\n"
    assert not bench.guard.standing
    assert not bench.journal_path.exists()


async def test_the_journal_is_written_before_the_knob_is_turned(bench: Bench) -> None:
    seen: list[tuple[int, ...]] = []

    class Watching(FakeNvml):
        def nvmlDeviceSetPowerManagementLimit(self, handle: object, milliwatts: int) -> None:  # noqa: N802 - NVML's own name
            seen.append(tuple(ours for entry in bench.journal.read() for ours in entry.ours_uw))
            assert bench.guard.standing
            super().nvmlDeviceSetPowerManagementLimit(handle, milliwatts)

    bench.knobs.nvml = Watching(bench.cards)
    await bench.keeper.apply([(FIRST, HALF)])
    await bench.keeper.apply([(FIRST, Limits(power_share=0.6))])

    assert seen == [(225 * MICRO,), (225 * MICRO, 270 * MICRO)]
    assert bench.watts[0] == 270


async def test_nothing_is_turned_that_cannot_be_journalled(bench: Bench) -> None:
    bench.journal_path.mkdir()

    await bench.keeper.apply([(FIRST, HALF)])

    assert bench.watts == [450, 450]
    (unmet,) = bench.keeper.held(FIRST.id).unmet
    assert "limits.json" in unmet.why
    bench.journal_path.rmdir()


async def test_nothing_is_turned_without_a_watchdog(bench: Bench) -> None:
    bench.guard.missing = True

    await bench.keeper.apply([(FIRST, HALF)])

    assert bench.watts == [450, 450]
    assert bench.keeper.held(FIRST.id).unmet == (Unmet("power limit", "The watchdog is not there."),)
    assert not bench.journal_path.exists()


async def test_missing_rights_are_said_with_the_command_and_the_owner_may_type_it(bench: Bench) -> None:
    bench.cards[1].set_limit = NO_RIGHTS

    await bench.keeper.apply([(SECOND, HALF)])

    why = "Only an administrator may change a card's power limit."
    assert bench.keeper.held(SECOND.id) == Held(
        HALF, 450.0, (Unmet("power limit", why, "sudo nvidia-smi -i 1 -pl 225"),)
    )
    assert not bench.journal_path.exists()
    assert not bench.guard.standing
    await bench.keeper.apply([(SECOND, HALF)])
    assert bench.guard.stood == 1  # not tried again and again

    bench.cards[1].limit_mw = 225_000  # by hand
    await bench.keeper.apply([(SECOND, HALF)])

    assert bench.keeper.held(SECOND.id) == Held(HALF, 225.0)
    await bench.keeper.close()
    assert bench.watts[1] == 225  # what the owner did is the owner's


def test_the_command_for_a_radeon_names_its_file(bench: Bench) -> None:
    knob = bench.knobs.knob("hwmon", RADEON)

    command, _, place = knob.command(212 * MICRO).rpartition(" ")

    assert command == "echo 212000000 | sudo tee"
    assert bench.cap.samefile(place)


async def test_a_limit_the_owner_set_lower_stays(bench: Bench) -> None:
    bench.cards[0].limit_mw = 180_000

    await bench.keeper.apply([(FIRST, Limits(power_share=0.8))])

    assert bench.watts[0] == 180
    assert bench.keeper.held(FIRST.id) == Held(Limits(power_share=0.8), 180.0)
    assert not bench.journal_path.exists()


async def test_a_card_that_goes_no_lower_says_so(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, Limits(power_share=0.1))])

    held = bench.keeper.held(FIRST.id)
    assert (bench.watts[0], held.power_limit_w) == (150, 150.0)
    assert held.unmet == (Unmet("power limit", "The card goes no lower than 150 W."),)


async def test_a_limit_that_somebody_set_meanwhile_is_theirs(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, HALF)])
    bench.cards[0].limit_mw = 400_000

    await bench.keeper.close()

    assert bench.watts[0] == 400
    assert not bench.journal_path.exists()


async def test_a_driver_that_forgot_the_limit_is_told_again(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, HALF)])
    bench.cards[0].limit_mw = 450_000

    await bench.keeper.apply([(FIRST, HALF)])

    assert bench.watts[0] == 225
    await bench.keeper.close()
    assert bench.watts[0] == 450


async def test_what_a_killed_run_left_is_put_back_by_the_next(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, HALF), (RADEON_CARD, Limits(power_share=0.8))])

    after = bench.next_run("run 2")
    assert await after.recover() == ()

    assert bench.watts == [450, 450]
    assert bench.cap.read_text() == "303000000\n"
    assert not bench.journal_path.exists()


async def test_what_cannot_be_put_back_stays_in_the_journal_and_is_said(bench: Bench) -> None:
    await bench.keeper.apply([(FIRST, HALF)])
    bench.cards[0].set_limit = NO_RIGHTS

    (trouble,) = await bench.next_run("run 2").recover()

    assert "sudo nvidia-smi -i 0 -pl 450" in trouble
    assert bench.journal.read()
    bench.cards[0].set_limit = None
    assert await bench.next_run("run 3").recover() == ()
    assert bench.watts[0] == 450


async def test_a_damaged_journal_is_said_and_nothing_is_turned(bench: Bench) -> None:
    bench.journal_path.write_text("[{]")
    bench.journal_path.chmod(0o600)

    (trouble,) = await bench.keeper.recover()
    await bench.keeper.apply([(FIRST, HALF)])

    assert "damaged" in trouble
    assert bench.watts == [450, 450]
    (unmet,) = bench.keeper.held(FIRST.id).unmet
    assert "damaged" in unmet.why
    bench.journal_path.unlink()


@pytest.mark.parametrize("kind", [DeviceKind.CPU, DeviceKind.INTEL])
async def test_devices_without_a_knob_say_so(bench: Bench, kind: DeviceKind) -> None:
    quiet = PRESETS[Preset.QUIET]

    await bench.keeper.apply([(Device("it", kind, None, 0, None), quiet)])

    held = bench.keeper.held("it")
    assert held.limits is quiet
    assert [unmet.command for unmet in held.unmet] == [""]


async def test_a_lost_card_is_said_and_its_twin_is_limited(bench: Bench) -> None:
    bench.cards[0].gone = FailsWith(pynvml.NVML_ERROR_GPU_IS_LOST)

    await bench.keeper.apply([(FIRST, HALF), (SECOND, HALF)])

    assert "no longer answers" in bench.keeper.held(FIRST.id).unmet[0].why
    assert bench.watts == [450, 225]


async def test_a_driver_that_does_not_keep_the_limit_is_said(bench: Bench) -> None:
    class Deaf(FakeNvml):
        def nvmlDeviceSetPowerManagementLimit(self, handle: object, milliwatts: int) -> None:  # noqa: N802 - NVML's own name
            pass

    bench.knobs.nvml = Deaf(bench.cards)
    await bench.keeper.apply([(FIRST, HALF)])

    assert bench.keeper.held(FIRST.id) == Held(
        HALF, None, (Unmet("power limit", "The driver took the limit and did not keep it."),)
    )


async def test_drivers_are_called_in_threads_of_their_own(bench: Bench) -> None:
    threads = set()

    class Where(FakeNvml):
        def nvmlDeviceGetPowerManagementLimit(self, handle: object) -> int:  # noqa: N802 - NVML's own name
            threads.add(threading.current_thread().name)
            return super().nvmlDeviceGetPowerManagementLimit(handle)

    bench.knobs.nvml = Where(bench.cards)
    await bench.keeper.apply([(FIRST, HALF), (SECOND, HALF)])

    assert threads == {"driver GPU-a", "driver GPU-b"}


watts = st.integers(1, 2000).map(lambda number: number * MICRO)


@given(watts, st.none() | watts, st.none() | watts, st.none() | watts, st.floats(0.0, 1.0))
def test_whatever_a_card_tells_no_limit_is_raised(
    old: int, default: int | None, least: int | None, most: int | None, share: float
) -> None:
    limit = target(PowerRange(old, default, least, most), old, share)

    assert limit <= old
    assert limit >= min(least or MICRO, most or old, old)
