from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from desktop.commands import devices
from desktop.domain.errors import SettingsError
from desktop.domain.node_state import Reason
from desktop.node.stops import Stop
from tests.commands.word import home_in, node_in, say


def test_without_a_node_every_device_is_read_once_with_its_last_stop(tmp_path: Path) -> None:
    home_in(tmp_path).stops().note("cpu", Stop(1_790_000_000_000, Reason.OWNER_ACTIVE, 340, 120))

    said = say(devices, tmp_path, as_json=True).document

    (processor,) = [each for each in said["devices"] if each["id"] == "cpu"]
    assert not said["running"]
    assert processor["now"] == "not running"
    assert processor["memory_total_bytes"] > 0
    assert (processor["last_stop_ms"], processor["last_release_ms"]) == (340, 120)
    assert "took 340 ms, and its memory was free 120 ms later." in say(devices, tmp_path).out


def test_a_device_is_switched_off_and_on_again(tmp_path: Path) -> None:
    off = say(devices, tmp_path, "--off", "cpu")
    assert "switched off" in off.out
    assert "from its next start" in off.err
    assert home_in(tmp_path).settings.disabled_devices == ("cpu",)

    say(devices, tmp_path, "--on", "cpu")

    assert home_in(tmp_path).settings.disabled_devices == ()


def test_a_device_that_is_not_there_is_refused_unless_it_was_switched_off_before(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no device 'GPU-x'.*cpu"):
        say(devices, tmp_path, "--off", "GPU-x")
    settings = tmp_path / "config" / "settings.toml"
    settings.write_text('disabled_devices = ["GPU-x", "cpu"]\n')

    say(devices, tmp_path, "--on", "GPU-x")

    assert home_in(tmp_path).settings.disabled_devices == ("cpu",)


async def test_a_running_node_is_asked_and_told(tmp_path: Path) -> None:
    async with node_in(tmp_path) as steward:
        card = steward.picture.devices[0]
        shown = msgspec.structs.replace(
            card, detail="It is warm.", throttled=("heat",), last_stop_at_ms=1, last_stop_ms=250, last_release_ms=90
        )
        steward.picture = msgspec.structs.replace(steward.picture, devices=(shown,))

        said = await asyncio.to_thread(say, devices, tmp_path, "--off", "cpu")

        assert steward.setting_values["disabled_devices"] == "cpu"
        assert "ready: waiting for requests" in said.out
        for sentence in ("It is warm.", "It holds itself back: heat.", "took 250 ms"):
            assert sentence in said.out
        assert said.err == ""
        document = (await asyncio.to_thread(say, devices, tmp_path, as_json=True)).document
        assert document["running"]
        assert document["devices"][0]["reason"] == "waiting for requests"
