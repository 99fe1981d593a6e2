from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import SettingsError, StorageUnusable
from desktop.machine.autostart.here import autostarts_of
from desktop.machine.autostart.run_key import APPROVED, RUN, RunKey
from desktop.machine.autostart.switch import AtLogin, Kind, command_for, program_of, repair_all
from desktop.machine.autostart.systemd import UserUnit, unit_of
from desktop.machine.autostart.xdg import DesktopEntry, entry_of, exec_line, program_in
from desktop.machine.paths import Paths

NASTY = '/opt/a "b" $HOME `x` \\ 100% ;&|<>*?#~()\'/hearth'


class Registry:
    """A registry in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}

    def read(self, key: str, name: str) -> str | bytes | None:
        return self.values.get((key, name))

    def write(self, key: str, name: str, value: str) -> None:
        self.values[key, name] = value

    def delete(self, key: str, name: str) -> None:
        self.values.pop((key, name), None)


def program(folder: Path, name: str = "hearth") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def validated(path: Path, command: list[str]) -> None:
    tool = shutil.which(command[0])
    assert tool is not None, f"{command[0]} is missing; `make setup` brings it"
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(path.parent)}
    done = subprocess.run([tool, *command[1:], str(path)], capture_output=True, text=True, check=False, env=environment)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert path.name not in said, said


# --- the desktop's entry ---


def test_an_entry_is_on_until_it_is_off(tmp_path: Path) -> None:
    entry = DesktopEntry(tmp_path / "autostart", "hearth", [str(program(tmp_path)), "--hidden"])
    assert not entry.standing().on

    entry.switch(on=True)
    standing = entry.standing()
    assert standing.on
    assert Path(standing.place).is_file()
    assert not entry.repair()

    entry.switch(on=False)
    assert not entry.standing().on
    entry.switch(on=False)


@pytest.mark.parametrize(
    "command",
    [["/usr/bin/hearth", "--hidden"], [NASTY, "--hidden", "--home", "/home/a b/%u %%"], ["/opt/ü — 漢字/hearth"]],
)
def test_an_entry_is_valid_by_the_standards_own_judge(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "hearth.desktop"
    path.write_text(entry_of(command), "utf-8")

    validated(path, ["desktop-file-validate"])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_what_is_quoted_is_read_back(path: str) -> None:
    assert program_in(exec_line([path, "--hidden"])) == path


@given(st.text(max_size=40))
def test_no_exec_is_too_strange_to_be_looked_at(value: str) -> None:
    assert isinstance(program_in(value), str)


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_an_entry_that_the_desktop_switched_off_is_off(tmp_path: Path, line: str) -> None:
    entry = DesktopEntry(tmp_path, "hearth", ["/nowhere/hearth"])
    (tmp_path / "hearth.desktop").write_text(f"[Desktop Entry]\nExec=/gone\n{line}\n")

    assert not entry.standing().on
    assert not entry.repair()


def test_a_program_that_moved_is_named_anew(tmp_path: Path) -> None:
    old, new = program(tmp_path / "old place"), program(tmp_path / "new")
    DesktopEntry(tmp_path, "hearth", [str(old), "--hidden"]).switch(on=True)
    entry = DesktopEntry(tmp_path, "hearth", [str(new), "--hidden"])
    assert not entry.repair()  # the old one is still there: another installation, which the owner chose

    old.unlink()

    assert entry.repair()
    assert str(new) in Path(entry.standing().place).read_text()
    assert not entry.repair()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "autostart").write_text("a file where a folder should be")

    with pytest.raises(StorageUnusable, match="autostart"):
        DesktopEntry(tmp_path / "autostart", "hearth", ["/usr/bin/hearth"]).switch(on=True)


def test_a_path_that_is_no_text_is_refused() -> None:
    for render in (entry_of, unit_of):
        with pytest.raises(SettingsError, match="from where it is"):
            render(["/opt/\udcff/hearth"])


# --- systemd's unit ---


def unit(folder: Path, command: list[str], *, lingers: bool = False) -> UserUnit:
    return UserUnit(folder, "hearth", command, lingers=lambda: lingers)


def test_a_unit_is_on_until_it_is_off_and_says_what_it_needs(tmp_path: Path) -> None:
    command = [str(program(tmp_path)), "node"]
    made = unit(tmp_path, command)
    assert made.standing().kind is Kind.NODE
    assert not made.standing().on

    made.switch(on=True)
    assert made.standing().on
    assert "enable-linger" in made.standing().advice
    assert not unit(tmp_path, command, lingers=True).standing().advice
    assert not made.repair()
    made.switch(on=True)

    made.switch(on=False)
    assert not made.standing().on
    assert not [path for path in tmp_path.rglob("*.service") if path.is_symlink() or path.exists()]


def test_a_unit_whose_program_moved_is_repaired(tmp_path: Path) -> None:
    old, new = program(tmp_path / 'old "100%" $place'), program(tmp_path / "new")
    unit(tmp_path, [str(old), "node"]).switch(on=True)
    made = unit(tmp_path, [str(new), "node"])
    assert not made.repair()

    old.unlink()

    assert made.repair()
    assert str(new) in Path(made.standing().place).read_text()


@pytest.mark.parametrize("name", ["hearth", 'a "b" $HOME 100% \\ ;\' x/hearth'])
def test_systemd_accepts_the_unit(tmp_path: Path, name: str) -> None:
    made = unit(tmp_path / "units", [str(program(tmp_path / name)), "node", "--home", "/home/a b"])
    made.switch(on=True)

    validated(Path(made.standing().place), ["systemd-analyze", "verify", "--user", "--man=no"])


def test_a_control_character_in_a_path_is_refused() -> None:
    with pytest.raises(SettingsError, match="from where it is"):
        unit_of(["/opt/a\nb/hearth"])


# --- Windows ---


def test_the_run_key_is_on_until_it_is_off() -> None:
    registry = Registry()
    key = RunKey(registry, "hearth", [r"C:\Program Files\Hearth\hearth.exe", "--hidden"])
    assert not key.standing().on

    key.switch(on=True)
    assert registry.values == {(RUN, "hearth"): r'"C:\Program Files\Hearth\hearth.exe" --hidden'}
    assert key.standing().on

    registry.values[APPROVED, "hearth"] = b"\x03" + bytes(11)  # switched off in the task manager
    assert not key.standing().on
    key.switch(on=True)
    assert key.standing().on

    key.switch(on=False)
    assert not registry.values


def test_a_run_key_whose_program_moved_is_repaired(tmp_path: Path) -> None:
    registry, new = Registry(), program(tmp_path / "a b")
    key = RunKey(registry, "hearth", [str(new), "--hidden"])
    assert not key.repair()
    registry.write(RUN, "hearth", r'"C:\gone\hearth.exe" --hidden')
    registry.values[APPROVED, "hearth"] = b"\x03"

    assert key.repair()

    assert str(new) in str(registry.values[RUN, "hearth"])
    assert not key.standing().on  # the owner's word in the task manager stands
    assert not key.repair()


# --- which program, which entries ---


def test_the_installers_own_program_is_preferred(tmp_path: Path) -> None:
    python = tmp_path / "env" / "python"
    python.parent.mkdir()
    assert program_of({}, python) == (str(python), "-m", "desktop")
    beside = program(python.parent)
    assert program_of({"HEARTH_PAYLOAD": str(tmp_path / "gone")}, python) == (str(beside),)
    installed = program(tmp_path / "payload")
    assert program_of({"HEARTH_PAYLOAD": str(installed.parent)}, python) == (str(installed),)


def test_what_is_started_is_the_version_in_use_whichever_that_will_be(tmp_path: Path) -> None:
    program(tmp_path / "app-0123456789abcdef")
    (tmp_path / "app").symlink_to("app-0123456789abcdef")
    environ = {"HEARTH_PAYLOAD": str(tmp_path / "app-0123456789abcdef")}
    assert program_of(environ, tmp_path / "python") == (str(tmp_path / "app/hearth"),)


def test_the_window_starts_hidden_and_the_node_alone() -> None:
    assert command_for(Kind.WINDOW, ["hearth"], None) == ("hearth", "--hidden")
    assert command_for(Kind.NODE, ["hearth"], Path("/x")) == ("hearth", "node", "--home", "/x")


def test_a_home_of_its_own_has_entries_of_its_own(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    usual = autostarts_of(environ, tmp_path, Paths.of_user(environ, tmp_path))
    own = autostarts_of(environ, tmp_path, Paths.below(tmp_path / "other"))

    for each in usual:
        each.switch(on=True)

    assert all(each.standing().on for each in usual)
    assert not any(each.standing().on for each in own)
    entry = (tmp_path / "config" / "autostart" / "hearth.desktop").read_text()
    assert "--home" not in entry
    assert program_in(entry.partition("Exec=")[2].partition("\n")[0]) == program_of({}, Path(sys.executable))[0]
    own[0].switch(on=True)
    assert f"--home {tmp_path / 'other'}" in Path(own[0].standing().place).read_text()


def test_a_switch_that_cannot_be_repaired_keeps_nobody_from_starting(tmp_path: Path) -> None:
    broken = DesktopEntry(tmp_path / "file", "hearth", ["/usr/bin/hearth"])
    (tmp_path / "file").write_text("no folder")
    entry = DesktopEntry(tmp_path, "hearth", [str(program(tmp_path))])
    (tmp_path / "hearth.desktop").write_text("[Desktop Entry]\nExec=/gone\n")

    repair_all([broken, entry])

    assert str(program(tmp_path)) in (tmp_path / "hearth.desktop").read_text()
    switch = AtLogin(entry)
    assert switch.is_on()
    switch.switch(on=False)
    assert not switch.is_on()
