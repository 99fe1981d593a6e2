from __future__ import annotations

import pynvml
import pytest

from desktop.domain.device import Device, DeviceKind, ProcessUse, Telemetry
from desktop.machine.devices.nvidia import NvidiaSource
from desktop.machine.devices.source import DeviceSilent
from tests.fakes.nvml import FailsWith, FakeCard, FakeMemory, FakeNvml, FakeProcess, FakeSample

UNSUPPORTED = FailsWith(pynvml.NVML_ERROR_NOT_SUPPORTED)
GIB = 1 << 30


def only(source: NvidiaSource) -> Device:
    (device,) = source.find().devices
    return device


def test_a_card_is_described_and_read_with_its_units() -> None:
    card = FakeCard(
        computing=[FakeProcess(10, 2 * GIB)],
        drawing=[FakeProcess(20, None), FakeProcess(10, 2 * GIB)],
        samples=[FakeSample(10, 5, 60), FakeSample(10, 6, 80), FakeSample(30, 6, 1, encUtil=9)],
        throttle_reasons=pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonGpuIdle,
    )
    source = NvidiaSource(FakeNvml([card]))
    device = only(source)

    assert device == Device(
        id="GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10",
        kind=DeviceKind.NVIDIA,
        name="NVIDIA GeForce RTX 4090",
        index=0,
        memory_bytes=24 * GIB,
        driver="580.95.05",
        pcie="PCIe 4.0 x16",
        capability=(8, 9),
    )
    assert source.read(device, 1000) == Telemetry(
        at_ms=1000,
        load=0.37,
        memory_used_bytes=2 * GIB,
        memory_total_bytes=24 * GIB,
        temperature_c=41,
        power_w=21.5,
        power_limit_w=450.0,
        fan=0.3,
        core_clock_mhz=2520,
        memory_clock_mhz=10_501,
        energy_j=5000.0,
        processes=(
            ProcessUse(10, 2 * GIB, pytest.approx(0.7)),  # type: ignore[arg-type] # stands for a float
            ProcessUse(20, None, 0.0),
            ProcessUse(30, None, 0.09),
        ),
        throttled=("power limit",),
    )


def test_what_a_card_does_not_tell_is_unknown_not_zero() -> None:
    card = FakeCard(
        name=UNSUPPORTED,
        power_mw=UNSUPPORTED,
        energy_mj=UNSUPPORTED,
        temperature_c=UNSUPPORTED,
        fan_percent=UNSUPPORTED,
        core_mhz=UNSUPPORTED,
        memory_mhz=UNSUPPORTED,
        pcie=UNSUPPORTED,
        capability=UNSUPPORTED,
        utilisation=UNSUPPORTED,
        throttle_reasons=UNSUPPORTED,
        computing=UNSUPPORTED,
        drawing=UNSUPPORTED,
        limit_mw=UNSUPPORTED,
    )
    source = NvidiaSource(FakeNvml([card], driver=UNSUPPORTED))
    device = only(source)

    assert (device.name, device.driver, device.pcie, device.capability) == (None, None, None, None)
    assert source.read(device, 5) == Telemetry(5, memory_used_bytes=2 * GIB, memory_total_bytes=24 * GIB)


def test_processes_without_their_load_are_still_told() -> None:
    source = NvidiaSource(FakeNvml([FakeCard(computing=[FakeProcess(10, None)], samples=UNSUPPORTED)]))

    assert source.read(only(source), 1).processes == (ProcessUse(10, None, None),)


def test_samples_are_counted_once_and_those_from_nowhere_never() -> None:
    samples = [FakeSample(10, 5, 90), FakeSample(10, 6, 4_000_000), FakeSample(0, 7, 50)]
    card = FakeCard(computing=[FakeProcess(10)], samples=samples)
    source = NvidiaSource(FakeNvml([card]))
    device = only(source)

    loads = []
    for _ in range(2):
        (process,) = source.read(device, 1).processes or ()
        loads.append(process.load)
    samples.append(FakeSample(10, 8, 20))
    (process,) = source.read(device, 2).processes or ()

    assert [*loads, process.load] == [0.9, 0.0, 0.2]


def test_two_identical_cards_stay_apart_when_the_driver_swaps_them() -> None:
    first, second = FakeCard(uuid="GPU-a", temperature_c=50), FakeCard(uuid="GPU-b", temperature_c=60)
    nvml = FakeNvml([first, second])
    source = NvidiaSource(nvml)
    devices = source.find().devices
    assert [(device.id, device.index) for device in devices] == [("GPU-a", 0), ("GPU-b", 1)]

    nvml.cards = [second, first]

    assert [source.read(device, 1).temperature_c for device in devices] == [50, 60]


def test_a_lost_card_does_not_hide_the_others() -> None:
    lost = FakeCard(uuid=FailsWith(pynvml.NVML_ERROR_GPU_IS_LOST))

    found = NvidiaSource(FakeNvml([lost, FakeCard(uuid="GPU-b")])).find()

    assert [card.id for card in found.devices] == ["GPU-b"]
    assert found.trouble == "Card 0: The card no longer answers: restart the computer."


def test_a_card_that_is_lost_while_it_is_read_is_silent_in_words() -> None:
    card = FakeCard()
    source = NvidiaSource(FakeNvml([card]))
    device = only(source)

    card.power_mw = FailsWith(pynvml.NVML_ERROR_GPU_IS_LOST)

    with pytest.raises(DeviceSilent, match="no longer answers"):
        source.read(device, 1)


def test_a_card_that_was_taken_out_is_silent_in_words() -> None:
    nvml = FakeNvml([FakeCard()])
    source = NvidiaSource(nvml)
    device = only(source)

    nvml.cards = []

    with pytest.raises(DeviceSilent, match="no longer there"):
        source.read(device, 1)


def test_a_card_that_tells_nothing_at_all_is_silent() -> None:
    card = FakeCard()
    source = NvidiaSource(FakeNvml([card]))
    device = only(source)
    unknown = FailsWith(pynvml.NVML_ERROR_UNKNOWN)

    card.memory = card.power_mw = card.temperature_c = card.utilisation = unknown

    with pytest.raises(DeviceSilent, match="tells nothing"):
        source.read(device, 1)
    card.memory = FakeMemory()
    assert source.read(device, 2).temperature_c is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "No NVIDIA driver is installed"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "restart the computer"),
        (pynvml.NVML_ERROR_UNKNOWN, "The NVIDIA driver says"),
    ],
)
def test_no_working_driver_is_a_reason_not_a_failure(code: int, words: str) -> None:
    found = NvidiaSource(FakeNvml(init=code)).find()

    assert found.devices == ()
    assert words in found.trouble


def test_a_driver_that_comes_back_is_found_again() -> None:
    nvml = FakeNvml([FakeCard()])
    source = NvidiaSource(nvml)
    device = only(source)

    nvml.init = pynvml.NVML_ERROR_DRIVER_NOT_LOADED  # as during an update
    assert [source.find().devices for _ in range(2)] == [(), ()]
    with pytest.raises(DeviceSilent, match="not loaded"):
        source.read(device, 1)

    nvml.init = None
    assert source.read(device, 2).power_w == 21.5
    assert nvml.opened == 1


def test_a_counter_that_starts_anew_with_the_driver_never_falls() -> None:
    card = FakeCard(energy_mj=90_000_000)
    source = NvidiaSource(FakeNvml([card]))
    device = only(source)
    told = []
    for at_ms, energy_mj in ((0, 90_000_000), (1000, 90_200_000), (2000, 0), (3000, 100_000)):
        card.energy_mj = energy_mj
        told.append(source.read(device, at_ms).energy_j)

    assert told == [90_000.0, 90_200.0, 90_200.0, 90_300.0]


def test_closing_lets_go_of_the_driver_once() -> None:
    nvml = FakeNvml([FakeCard()])
    source = NvidiaSource(nvml)
    source.find()

    source.close()
    source.close()

    assert nvml.opened == 0


def test_the_real_library_answers_with_cards_or_a_reason() -> None:
    source = NvidiaSource(pynvml)
    found = source.find()
    source.close()

    assert found.devices or found.trouble
