from __future__ import annotations

from desktop.control.soaking import LOOK_EVERY_MS, SoakWatch
from desktop.domain.benchmark import SOAKING, SPEED_KEPT, Part, Phase, Unit
from desktop.domain.device import Telemetry

LASTED = Part(f"{SPEED_KEPT} 10 min", Unit.SHARE, 950_000, 940_000, 960_000, 10)


class Thermometer:
    """A gauge that tells one reading after the other, and stays at the last."""

    def __init__(self, *readings: Telemetry) -> None:
        self.readings = list(readings)
        self.asked = 0

    async def read(self, device_id: str) -> Telemetry:
        assert device_id == "GPU-a"
        self.asked += 1
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]


async def test_what_was_seen_meanwhile_stands_beside_how_the_speed_lasted() -> None:
    gauge = Thermometer(
        Telemetry(0, temperature_c=61.0),
        Telemetry(1, temperature_c=84.4, throttled=("heat",)),
        Telemetry(2, temperature_c=80.0, throttled=("power limit", "heat")),
    )
    watch = SoakWatch(gauge, "GPU-a")
    for now_ms in range(0, 3 * LOOK_EVERY_MS, 250):
        assert await watch.hear(Phase(SOAKING, 0.5), now_ms) == Phase(SOAKING, 0.5)

    lasted = await watch.hear(LASTED, 9_000)

    assert gauge.asked == 3
    assert isinstance(lasted, Part)
    assert lasted.note == "It reached 84 °C. It held itself back: heat, power limit."
    assert lasted.text == "95.0 % (94.0 … 96.0); It reached 84 °C. It held itself back: heat, power limit."


async def test_other_times_and_devices_that_tell_nothing_add_nothing() -> None:
    gauge = Thermometer(Telemetry(0))
    watch = SoakWatch(gauge, "GPU-a")
    await watch.hear(Phase("Multiplying matrices", 0.1), 0)
    assert gauge.asked == 0
    await watch.hear(Phase(SOAKING, 0.5), 0)
    await watch.hear(Phase(SOAKING, 0.5), -60_000)  # the clock was set back: it is looked at all the same

    assert gauge.asked == 2
    assert await watch.hear(LASTED, 1) == LASTED
    other = Part("write, 1 at once", Unit.TOKENS, 1, 1, 1, 10)
    assert await watch.hear(other, 1) is other
