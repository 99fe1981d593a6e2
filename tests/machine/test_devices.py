from __future__ import annotations

import pynvml
import pytest

from desktop.machine.devices import Gpu, NvidiaCards, survey
from tests.fakes.nvml import FailsWith, FakeCard, FakeNvml

UNSUPPORTED = FailsWith(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_a_card_is_read_with_its_units() -> None:
    (card,) = NvidiaCards(FakeNvml([FakeCard()])).read().gpus

    assert card == Gpu(
        index=0,
        uuid="GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10",
        name="NVIDIA GeForce RTX 4090",
        driver="580.95.05",
        memory_total_bytes=24 << 30,
        memory_used_bytes=2 << 30,
        power_w=21.5,
        temperature_c=41,
        utilisation_percent=37,
    )


def test_what_a_card_does_not_tell_is_unknown_not_zero() -> None:
    card = FakeCard(
        name=UNSUPPORTED,
        memory=UNSUPPORTED,
        power_mw=UNSUPPORTED,
        temperature_c=UNSUPPORTED,
        utilisation=UNSUPPORTED,
    )

    reading = NvidiaCards(FakeNvml([card], driver=UNSUPPORTED)).read()

    assert reading.reason == ""
    assert reading.gpus == (Gpu(0, "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10", *[None] * 7),)


def test_a_lost_card_does_not_hide_the_others() -> None:
    lost = FakeCard(uuid=FailsWith(pynvml.NVML_ERROR_GPU_IS_LOST))

    reading = NvidiaCards(FakeNvml([lost, FakeCard(uuid="GPU-b")])).read()

    assert [card.uuid for card in reading.gpus] == ["GPU-b"]
    assert reading.reason == "Card 0: The card no longer answers: restart the computer."


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
    reading = NvidiaCards(FakeNvml(init=code)).read()

    assert reading.gpus == ()
    assert words in reading.reason


def test_a_driver_that_comes_back_is_found_again() -> None:
    nvml = FakeNvml([FakeCard()])
    cards = NvidiaCards(nvml)
    assert len(cards.read().gpus) == 1

    nvml.init = pynvml.NVML_ERROR_DRIVER_NOT_LOADED  # as during an update
    assert [len(cards.read().gpus) for _ in range(2)] == [0, 0]

    nvml.init = None
    assert len(cards.read().gpus) == 1
    assert nvml.opened == 1


def test_closing_lets_go_of_the_driver_once() -> None:
    nvml = FakeNvml([FakeCard()])
    cards = NvidiaCards(nvml)
    cards.read()

    cards.close()
    cards.close()

    assert nvml.opened == 0


def test_the_real_library_answers_with_cards_or_a_reason() -> None:
    computer = survey(NvidiaCards(pynvml))

    assert computer.graphics.gpus or computer.graphics.reason
    assert computer.cpu.usable_cores >= 1
    assert 0 < computer.cpu.memory_available_bytes <= computer.cpu.memory_total_bytes
