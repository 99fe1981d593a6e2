"""Stage A: the first start makes the environment, all of it or none, whatever happens in between."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.fakes.patience import until
from tests.installer.house import ID, House, build_house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


def test_the_first_start_makes_it_and_the_second_starts_at_once(house: House) -> None:
    first = house.run("status", "--json")
    assert first.stdout == f"ran from env-{ID}: status --json\n", first.stderr
    assert first.stderr.startswith("  1/8  Checking the installation\n")
    assert first.stderr.endswith("Hearth is ready.\n")
    assert len(house.calls()) == 3

    second = house.run("status")
    assert (second.stdout, second.stderr) == (f"ran from env-{ID}: status\n", "")
    assert house.calls() == []


def test_the_app_is_told_where_its_payload_is_and_nothing_of_other_pythons(house: House) -> None:
    (house.home / "python").write_text("#!/bin/sh\necho $HEARTH_PAYLOAD $PYTHONPATH $PYTHONHOME $PYTHONSAFEPATH\n")

    done = house.run("status", PYTHONPATH="/elsewhere", PYTHONHOME="/nowhere")

    assert done.stdout == f"{house.app} 1\n"


@pytest.mark.parametrize("seed", range(12))
def test_a_start_killed_anywhere_leaves_no_half_environment(house: House, seed: int) -> None:
    process = house.start("status")
    time.sleep(random.Random(seed).uniform(0.0, 0.35))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    was_whole = house.environment.exists()
    if was_whole:
        assert {"requirements.txt", "app.txt", "bin"} <= {path.name for path in house.environment.iterdir()}

    done = house.run("status")

    assert done.stdout == f"ran from env-{ID}: status\n", done.stderr
    assert sorted(path.name for path in house.runtime.glob("env-*")) == [f"env-{ID}"]


async def test_only_the_launcher_is_killed_and_its_program_goes_on(house: House) -> None:
    """The orphan holds the lock, so the next start does not build where it still writes."""
    slow = (house.app / "uv").read_text().replace("sleep 0.02", 'touch "$HOME/slow"; sleep 0.6', 1)
    (house.app / "uv").write_text(slow)
    house.upgrade(ID)
    process = house.start("status")
    await until((house.home / "slow").exists)
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()

    done = house.run("status")

    assert "being prepared by another start" in done.stderr
    assert done.stdout == f"ran from env-{ID}: status\n"


def test_two_first_starts_make_it_once(house: House) -> None:
    first, second = house.start("one"), house.start("two")
    outs = {first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]}

    assert outs == {f"ran from env-{ID}: one\n", f"ran from env-{ID}: two\n"}
    assert sum(call.startswith("venv") for call in house.calls()) == 1


@pytest.mark.parametrize(
    ("trouble", "words", "advice"),
    [
        ("offline", "the network does not answer", "Check the internet connection"),
        ("full", "The disk is full", "Make room"),
        ("forged", "other content than it should have", "Try another network"),
    ],
)
def test_what_goes_wrong_is_said_and_trying_again_works(house: House, trouble: str, words: str, advice: str) -> None:
    (house.home / trouble).touch()
    failed = house.run("status")
    assert failed.returncode == 75
    assert failed.stdout == ""
    assert words in failed.stderr
    assert advice in failed.stderr
    assert str(house.runtime / "prepare.log") in failed.stderr
    assert not house.environment.exists()

    (house.home / trouble).unlink()
    assert house.run("status").returncode == 0


def test_damaged_files_of_our_own_are_not_built_from(house: House) -> None:
    (house.app / "requirements.txt").write_text("something else\n")

    failed = house.run("status")

    assert failed.returncode == 75
    assert "own files are damaged" in failed.stderr
    assert house.calls() == []


def test_too_little_room_is_said_before_anything_is_fetched(house: House) -> None:
    tools = house.home / "tools"
    tools.mkdir()
    (tools / "df").write_text("#!/bin/sh\necho Filesystem\necho /dev/x 100 90 10 90% /\n")
    (tools / "df").chmod(0o755)

    failed = house.run("status", PATH=f"{tools}:{os.environ['PATH']}")

    assert failed.returncode == 75
    assert "10 MB free, 600 MB needed" in failed.stderr
    assert house.calls() == []


def test_an_upgrade_keeps_the_environment_before_and_no_older_one(house: House) -> None:
    for identity in ("1" * 16, "2" * 16, "3" * 16):
        house.upgrade(identity)
        assert house.run("status").stdout == f"ran from env-{identity}: status\n"

    assert sorted(path.name for path in house.runtime.glob("env-*")) == [f"env-{'2' * 16}", f"env-{'3' * 16}"]


def test_a_python_that_went_away_with_the_system_is_noticed(house: House) -> None:
    assert house.run("status").returncode == 0
    python = house.environment / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.0")

    assert house.run("status").stdout == f"ran from env-{ID}: status\n"


def test_repair_makes_it_anew_but_not_under_a_running_app(house: House) -> None:
    assert house.run("status").returncode == 0
    (house.environment / "stain").touch()
    lock = house.runtime.parent / "hearth.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = house.run("--repair", "status")
    assert refused.returncode == 75
    assert "hearth stop --app" in refused.stderr

    assert house.run("--repair", "status").returncode == 0
    assert not (house.environment / "stain").exists()


def test_a_wheelhouse_is_used_instead_of_the_network(house: House) -> None:
    uv = (house.app / "uv").read_text().replace('echo "$*"', 'echo "$UV_OFFLINE $UV_NO_INDEX $UV_FIND_LINKS"')
    (house.app / "uv").write_text(uv)
    house.upgrade(ID)

    assert house.run("status", HEARTH_WHEELS="/a house").returncode == 0
    assert set(house.calls()) == {"1 1 /a house"}


async def test_on_a_desktop_without_dialogs_a_terminal_opens_and_starts_the_app(house: House) -> None:
    tools = house.home / "tools"
    tools.mkdir()
    (tools / "x-terminal-emulator").write_text('#!/bin/sh\nshift\n"$@" >"$HOME/seen" 2>&1\n')
    (tools / "x-terminal-emulator").chmod(0o755)
    (house.home / "python").write_text('#!/bin/sh\ntouch "$HOME/started"\n')

    done = house.run("--hidden", DISPLAY=":99", PATH=f"{tools}:/usr/bin:/bin")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    await until((house.home / "seen").exists)
    await until(lambda: "Hearth is ready." in (house.home / "seen").read_text())
    await until((house.home / "started").exists)


def test_removal_asks_the_app_first_and_leaves_nothing_of_the_program(house: House) -> None:
    assert house.run("status").returncode == 0
    done = house.run("uninstall", "--yes", "--remove-data")

    assert f"ran from env-{ID}: uninstall --yes --remove-data" in done.stdout
    assert not house.runtime.parent.exists()


def test_removal_that_the_app_refuses_removes_nothing(house: House) -> None:
    assert house.run("status").returncode == 0
    (house.environment / "bin/python").write_text("#!/bin/sh\nexit 1\n")

    assert house.run("uninstall").returncode == 1
    assert house.environment.exists()


# --- a change of version on trial ---

OLD, NEW = "app-" + "0" * 16, "app-" + "1" * 16


@pytest.fixture
def pair(house: House) -> House:
    """A house with the version before beside the one in use, whose `hearth` only says what it is asked."""
    used = house.app.rename(house.app.with_name(NEW))
    before = used.with_name(OLD)
    before.mkdir()
    (before / "hearth").write_text('#!/bin/sh\necho "the one before: $* ${HEARTH_THIS_VERSION:-}"\n')
    (before / "hearth").chmod(0o755)
    return House(house.home, used)


def test_a_change_that_nobody_sees_to_its_end_is_taken_back_by_the_version_before(pair: House) -> None:
    (pair.app.parent / "trial").write_text(f"{OLD}\n{{}}\n")
    (pair.app.parent / OLD / "hearth").write_text('#!/bin/sh\necho "$*" >>"$HOME/asked"\n')

    assert pair.run("status", "--json").returncode == 0

    assert (pair.home / "asked").read_text() == "update --take-back\nstatus --json\n"
    assert not pair.environment.exists(), "the version on trial was not started"


def test_a_change_that_somebody_is_seeing_to_its_end_is_left_to_them(pair: House) -> None:
    (pair.app.parent / "trial").write_text(f"{OLD}\n{{}}\n")
    with (pair.app.parent / "update.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = pair.run("status")
    assert done.stdout == f"ran from env-{ID}: status\n"


@pytest.mark.parametrize(
    "text", ["", "\n", "app-\n", "../../evil\n", "app-../x\n", f"app-{'2' * 16}\n", "app-$(reboot)\n"]
)
def test_a_trial_that_names_no_version_is_passed_over(pair: House, text: str) -> None:
    (pair.app.parent / "trial").write_text(text)
    assert pair.run("status").stdout == f"ran from env-{ID}: status\n"


def test_taking_back_that_fails_still_starts_the_version_before_and_only_once(pair: House) -> None:
    (pair.app.parent / "trial").write_text(f"{OLD}\n")
    assert pair.run("status").stdout == "the one before: status yes\n"


def test_a_version_that_is_named_means_the_one_in_use(pair: House) -> None:
    """An autostart that was written before an update names the folder of the version of then."""
    before = pair.app.with_name(OLD) / "hearth"
    before.write_text((pair.app / "hearth").read_text())
    (pair.app.parent / "app").symlink_to(NEW)
    old = House(pair.home, before.parent)

    assert old.run("status").stdout == f"ran from env-{ID}: status\n"

    before.write_text('#!/bin/sh\necho "$HEARTH_THIS_VERSION"\n')
    assert old.run(HEARTH_THIS_VERSION="yes").stdout == "yes\n"


def test_what_is_prepared_for_an_update_leaves_alone_what_is_in_use(house: House) -> None:
    assert house.run("status").returncode == 0
    first = (house.runtime / "newest").readlink()
    house.upgrade("1" * 16)

    assert house.run("--prepare", "update").stdout == ""
    assert house.run("--prepare", "update").stdout == ""

    assert (house.runtime / "newest").readlink() == first
    assert sorted(path.name for path in house.runtime.glob("env-*")) == [f"env-{ID}", f"env-{'1' * 16}"]
    house.upgrade("2" * 16)
    assert house.run("--prepare", "update").returncode == 0
    assert len(list(house.runtime.glob("env-*"))) == 3, "two updates in a row take nothing away from what runs"
