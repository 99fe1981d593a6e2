from __future__ import annotations

import time
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.presence import Presence
from desktop.machine.presence.windows_session import sensor_of

UNRESTRICTED, FIXED, VARIABLE, ROAMING = 0x1, 0x2, 0x4, 0x40000


@dataclass
class Facts:
    """What an imagined Windows answers; None: it fails."""

    session: int | None = 1
    ticks: int = 100_000
    last_input: int | None = 40_000
    state: int | None = 5
    flags: int | None = 1
    plugged: bool | None = True
    cost: int | None = UNRESTRICTED

    def session_id(self) -> int:
        return told(self.session)

    def ticks_ms(self) -> int:
        return self.ticks

    def last_input_ticks_ms(self) -> int:
        return told(self.last_input)

    def notification_state(self) -> int:
        return told(self.state)

    def session_flags(self) -> int:
        return told(self.flags)

    def plugged_in(self) -> bool | None:
        return self.plugged

    def connection_cost(self) -> int:
        return told(self.cost)


def told(value: int | None) -> int:
    if value is None:
        raise OSError(5, "Access is denied")
    return value


async def seen(facts: Facts) -> Presence:
    sensor = sensor_of(facts, now_s=time.monotonic)
    presence = await sensor.read()
    await sensor.close()
    return presence


async def test_an_owner_away_for_a_minute() -> None:
    assert await seen(Facts()) == Presence(
        session=True, idle_s=60.0, locked=False, fullscreen=False, on_battery=False, metered=False
    )


@given(last=st.integers(0, 2**32 - 1), idle=st.integers(0, 2**31))
async def test_the_idle_time_is_right_when_the_count_starts_anew(last: int, idle: int) -> None:
    presence = await seen(Facts(ticks=(last + idle) % 2**32, last_input=last))

    assert presence.idle_s == idle / 1000


async def test_programs_that_fill_the_screen() -> None:
    assert [(await seen(Facts(state=state))).fullscreen for state in range(9)] == [
        None, False, True, True, True, False, False, False, None,
    ]  # fmt: skip


async def test_locked_unlocked_and_unknown() -> None:
    assert [(await seen(Facts(flags=flags))).locked for flags in (0, 1, -1)] == [True, False, None]


async def test_what_a_connection_costs() -> None:
    costs = (UNRESTRICTED, FIXED, VARIABLE, UNRESTRICTED | ROAMING, 0)

    assert [(await seen(Facts(cost=cost))).metered for cost in costs] == [False, True, True, True, None]


async def test_power() -> None:
    assert [(await seen(Facts(plugged=plugged))).on_battery for plugged in (True, False, None)] == [False, True, None]


async def test_the_session_of_the_services_has_no_owner() -> None:
    assert not (await seen(Facts(session=0))).session


async def test_a_windows_that_refuses_everything_is_unknown() -> None:
    refused = Facts(session=None, last_input=None, state=None, flags=None, plugged=None, cost=None)

    assert await seen(refused) == Presence(session=True)
