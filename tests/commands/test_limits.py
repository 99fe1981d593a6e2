from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from desktop.commands import limits
from desktop.domain.errors import SettingsError
from tests.commands.word import home_in, node_in, say


def test_a_device_gets_limits_of_its_own_and_gives_them_up(tmp_path: Path) -> None:
    said = say(limits, tmp_path, "quiet", "--device", "cpu", "--duty", "30%", "--temperature", "75.5", as_json=True)

    (processor,) = [each for each in said.document["devices"] if each["id"] == "cpu"]
    assert (said.document["preset"], processor["duty"], processor["temperature_c"]) == ("quiet", 0.3, 75.5)
    assert processor["power_share"] == 0.55
    say(limits, tmp_path, "--device", "cpu", "--memory", "2048")
    (kept,) = home_in(tmp_path).settings.limits
    assert (kept.duty, kept.memory_mib) == (0.3, 2048)

    say(limits, tmp_path, "--device", "cpu", "--reset")

    assert home_in(tmp_path).settings.limits == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--duty", "0"), r"--duty cannot be 0 %.*from 5 to 100 %"),
        (("--duty", "nan"), r"--duty cannot be nan %"),
        (("--power", "1000"), r"--power cannot be 1000 %.*from 10 to 100 %"),
        (("--power", "-5"), r"--power cannot be -5 %"),
        (("--temperature", "inf"), r"--temperature cannot be inf °C.*from 30 to 110 °C"),
        (("--memory", "-1"), r"--memory cannot be -1 MiB.*from 256 to 16,777,216 MiB"),
    ],
)
def test_an_absurd_limit_is_refused_with_its_range(tmp_path: Path, words: tuple[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        say(limits, tmp_path, "--device", "cpu", f"{words[0]}={words[1]}")
    assert home_in(tmp_path).settings.limits == ()


def test_the_device_must_be_named_and_known(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Which device is meant"):
        say(limits, tmp_path, "--duty", "50")
    with pytest.raises(SettingsError, match=r"no device 'GPU-x'.*cpu"):
        say(limits, tmp_path, "--device", "GPU-x", "--duty", "50")
    # One that was there when its limits were set may be set anew while it is not.
    written = '[{ device = "GPU-x", duty = 0.5 }]'
    (tmp_path / "config" / "settings.toml").write_text(f"limits = {written}\n")
    say(limits, tmp_path, "--device", "GPU-x", "--duty", "60")
    assert [each.duty for each in home_in(tmp_path).settings.limits] == [0.6]


async def test_a_running_node_is_told_at_once(tmp_path: Path) -> None:
    async with node_in(tmp_path) as steward:
        said = await asyncio.to_thread(say, limits, tmp_path, "--device", "cpu", "--duty", "40", as_json=True)

    assert said.document["running"]
    assert "duty = 0.4" in steward.setting_values["limits"]
    assert json.loads(said.out)["devices"][0]["id"] == "cpu"


def test_restoring_where_nothing_is_changed_says_so(tmp_path: Path) -> None:
    said = say(limits, tmp_path, "--restore")

    assert (said.status, said.out) == (0, "Nothing is changed on the hardware.\n")
