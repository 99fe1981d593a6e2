from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.config.limits import DeviceLimits, LimitsByDevice
from desktop.config.settings import Settings, from_values
from desktop.domain.errors import SettingsError
from desktop.domain.limits import LEAST_DUTY, PRESETS, Limits, Preset

RULE = LimitsByDevice()


def optional(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[float | None]:
    return st.none() | numbers


limits = st.builds(
    DeviceLimits,
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    optional(st.floats(0.1, 1.0)),
    optional(st.floats(30.0, 110.0)),
    st.none() | st.integers(256, 1 << 20),
    optional(st.floats(LEAST_DUTY, 1.0)),
)


@given(st.lists(limits, max_size=5, unique_by=lambda each: each.device))
def test_what_is_written_is_read(given_limits: list[DeviceLimits]) -> None:
    text = RULE.write(RULE.check(tuple(given_limits)))

    assert RULE.check(tomllib.loads(f"value = {text}")["value"]) == tuple(given_limits)


@pytest.mark.parametrize(
    "raw",
    [
        "quiet",
        [1],
        [{}],
        [{"device": ""}],
        [{"device": "a\nb"}],
        [{"device": "a", "watts": 5}],
        [{"device": "a", "duty": 0}],
        [{"device": "a", "duty": 0.01}],
        [{"device": "a", "duty": 1.5}],
        [{"device": "a", "duty": True}],
        [{"device": "a", "duty": "0.5"}],
        [{"device": "a", "power_share": float("nan")}],
        [{"device": "a", "power_share": -1}],
        [{"device": "a", "temperature_c": 10_000}],
        [{"device": "a", "memory_mib": 0}],
        [{"device": "a", "memory_mib": 512.5}],
        [{"device": "a"}, {"device": "a"}],
        [{"device": str(number)} for number in range(65)],
    ],
)
def test_absurd_limits_are_refused(raw: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no words: the setting says what is allowed
        RULE.check(raw)


def test_a_device_has_its_own_limits_and_for_the_rest_those_of_the_preset() -> None:
    settings = from_values({"preset": "quiet", "limits": [{"device": "GPU-a", "duty": 1, "memory_mib": 1024}]})

    assert settings.limits_of("GPU-a") == Limits(0.55, 70.0, 1 << 30, 1.0)
    assert settings.limits_of("GPU-b") == PRESETS[Preset.QUIET]
    assert Settings().limits_of("GPU-a") == PRESETS[Preset.BALANCED]


def test_a_wrong_limit_is_said_with_what_it_may_be() -> None:
    with pytest.raises(SettingsError) as caught:
        from_values({"limits": [{"device": "GPU-a", "duty": 7}]})

    assert "duty (0.05 to 1)" in caught.value.why
