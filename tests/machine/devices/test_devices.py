from __future__ import annotations

import time
from pathlib import Path

import pytest

from desktop.domain.device import DeviceKind
from desktop.machine.devices.devices import Devices
from desktop.machine.devices.nvidia import NvidiaSource
from desktop.machine.devices.processor import CPU_ID, ProcessorSource
from desktop.machine.devices.survey import local_devices, survey
from tests.fakes.nvml import FakeCard, FakeNvml
from tests.fakes.nvml_trace import TRACES, TracedNvml
from tests.fakes.sysfs import ARC, RADEON, plug_in_arc, plug_in_radeon


class Clock:
    """The time a test says it is."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def traced(name: str, clock: Clock) -> tuple[TracedNvml, Devices]:
    nvml = TracedNvml(TRACES / f"{name}.jsonl", clock)
    return nvml, Devices([NvidiaSource(nvml), ProcessorSource()], clock, read_within_s=0.05)


async def test_every_device_of_a_computer_is_listed_and_answers(tmp_path: Path) -> None:
    plug_in_radeon(tmp_path)
    plug_in_arc(tmp_path)
    devices = local_devices(lambda: time.time_ns() // 1_000_000, tmp_path)

    listed = {device.id: device.kind for device in devices.list()}

    assert {RADEON: DeviceKind.AMD, ARC: DeviceKind.INTEL, CPU_ID: DeviceKind.CPU}.items() <= listed.items()
    for device_id in listed:
        reading = await devices.read(device_id)
        assert reading.silence == ""
    computer = survey(devices)
    assert computer.cpu.usable_cores >= 1
    assert RADEON in {device.id for device in computer.graphics.devices}
    devices.close()


async def test_a_device_that_is_not_there_says_so() -> None:
    devices = Devices([ProcessorSource()], lambda: 1)

    assert (await devices.read("GPU-x")).silence == "There is no such device in this computer."
    assert (await devices.read(CPU_ID)).silence == ""
    devices.close()


async def test_a_game_shows_on_its_own_card_alone() -> None:
    clock = Clock()
    _, devices = traced("game_on_second_of_two", clock)
    first, second, _ = devices.list()
    assert first.name == second.name

    seen = {}
    for clock.ms in (10_000, 30_000, 90_000):
        for card in (first, second):
            reading = await devices.read(card.id)
            assert reading.processes is not None
            seen[clock.ms, card.id] = {each.pid: each.load for each in reading.processes}

    assert 4321 not in seen[30_000, first.id]
    assert 4321 not in seen[10_000, second.id]
    assert 4321 not in seen[90_000, second.id]
    assert seen[30_000, second.id][4321] == pytest.approx(0.68, abs=0.3)
    devices.close()


async def test_a_card_that_hangs_is_silent_and_costs_the_others_nothing() -> None:
    clock = Clock()
    nvml, devices = traced("hang", clock)
    first, second, cpu = devices.list()
    assert (await devices.read(first.id)).silence == ""

    clock.ms = 12_000
    hanging = await devices.read(first.id)
    assert "has not answered" in hanging.silence
    assert hanging.temperature_c is None
    for other in (second, cpu):
        assert (await devices.read(other.id)).silence == ""

    clock.ms = 45_000
    await devices.read(second.id)  # whose call lets the trace go on
    answered = await devices.read(first.id)
    while answered.silence:
        clock.ms += 1
        answered = await devices.read(first.id)
    assert answered.power_w == 24.0
    nvml.release()
    devices.close()


async def test_a_lost_card_is_silent_and_its_twin_works() -> None:
    clock = Clock()
    _, devices = traced("lost_card", clock)
    first, second, _ = devices.list()

    clock.ms = 11_000

    assert "no longer answers" in (await devices.read(first.id)).silence
    assert (await devices.read(second.id)).power_w == 24.0
    devices.close()


async def test_errors_in_flight_pass_and_the_energy_counted_never_falls() -> None:
    clock = Clock()
    _, devices = traced("errors", clock)
    card = devices.list()[0]
    silences, energies, throttled = [], [], set()
    for clock.ms in range(0, 50_000, 1000):
        reading = await devices.read(card.id)
        silences.append(bool(reading.silence))
        throttled |= set(reading.throttled)
        if reading.energy_j is not None:
            energies.append(reading.energy_j)

    assert silences == [10 <= second < 15 for second in range(50)]
    assert energies == sorted(energies)
    # 200 W throughout: what is missing is the second in which the counter started anew.
    assert energies[-1] - energies[0] == pytest.approx(200.0 * 48, abs=200.0)
    assert throttled == {"heat"}
    devices.close()


async def test_a_reading_is_shared_for_a_moment() -> None:
    clock, card = Clock(), FakeCard()
    devices = Devices([NvidiaSource(FakeNvml([card]))], clock)
    device = devices.list()[0]
    first = await devices.read(device.id)
    card.power_mw = 99_000

    clock.ms = 100
    assert await devices.read(device.id) is first

    clock.ms = 300
    assert (await devices.read(device.id)).power_w == 99.0
    devices.close()


async def test_a_clock_that_was_set_back_does_not_stop_the_readings() -> None:
    clock, card = Clock(), FakeCard()
    devices = Devices([NvidiaSource(FakeNvml([card]))], clock)
    device = devices.list()[0]
    clock.ms = 10_000_000
    await devices.read(device.id)
    card.power_mw = 99_000

    clock.ms = 5000

    assert (await devices.read(device.id)).power_w == 99.0
    devices.close()


async def test_devices_that_come_and_go_are_found_by_another_look() -> None:
    nvml = FakeNvml([FakeCard(uuid="GPU-a")])
    devices = Devices([NvidiaSource(nvml)], lambda: 1)
    assert [device.id for device in devices.list()] == ["GPU-a"]

    nvml.cards.append(FakeCard(uuid="GPU-b"))
    assert [device.id for device in devices.list()] == ["GPU-a"]
    assert [device.id for device in devices.look()] == ["GPU-a", "GPU-b"]
    assert devices.troubles == ()
    devices.close()
