"""The house itself: its doors open, its set-up does what it says, its rules hold everywhere."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "installer" / "setup").glob("*.sh"))
DOORS = {"help", "setup", "demo", "test", "check", "bench", "screenshots", "installers", "test-installers"}
MOST_LINES = 400


def sources() -> list[Path]:
    return sorted([*ROOT.glob("desktop/**/*.py"), *ROOT.glob("tests/**/*.py")])


def stub(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


# --- rules that no other tool keeps ---


def test_modules_stay_small() -> None:
    long = [path.name for path in ROOT.glob("desktop/**/*.py") if len(path.read_text().splitlines()) > MOST_LINES]

    assert long == []


@pytest.mark.parametrize(
    "mark", [r"# noqa(?!: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S)", r"# type: ignore(?!\[[a-z, -]+\] *# \S)"]
)
def test_every_exemption_in_the_code_gives_its_reason(mark: str) -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(mark, line)
    ]

    assert bare == []


def test_every_dependency_is_exact() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]

    assert [line for line in lines if "==" not in line and not line.startswith("types-")] == []


# --- the doors ---


def test_help_lists_every_door() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607 - whichever make is here

    assert set(re.findall(r"^  make ([\w-]+) +\S", done.stdout, re.MULTILINE)) == DOORS


def test_the_build_machine_runs_what_a_person_runs() -> None:
    run = ROOT / ".ci" / "run"

    assert run.stat().st_mode & stat.S_IXUSR
    assert "make test" in run.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_plain_shell(script: Path) -> None:
    assert script.stat().st_mode & stat.S_IXUSR
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", script], check=True)


# --- setting up once, and again only when needed ---


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Our Makefile, over set-up scripts that only write down that they were called."""
    folder = tmp_path / "a house"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").touch()
    stub(folder / "resources" / "mint-requirements.txt")
    stub(folder / "installer/setup/system.sh", 'echo "system $1" >> calls')
    stub(
        folder / "installer/setup/python.sh",
        'echo "python $1" >> calls',
        "[ ! -e broken ] || exit 1",
        'mkdir -p .venv/made && pwd > ".venv/made/$1"',
    )
    stub(folder / ".venv/bin/hearth", 'echo "hearth $1" >> calls')
    return folder


def calls(house: Path, target: str, *, fails: bool = False) -> list[str]:
    """What `make target` did, by the words the stubs wrote."""
    environment = {"PATH": os.environ["PATH"]}  # not the make that may be running these tests
    done = subprocess.run(["make", target], cwd=house, env=environment, capture_output=True, check=False)  # noqa: S607 - as above
    assert (done.returncode != 0) is fails, done.stderr
    log = house / "calls"
    written = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return written


def test_a_fresh_house_is_set_up_and_the_second_time_is_instant(house: Path) -> None:
    assert calls(house, "demo") == ["system demo", "python demo", "hearth demo"]
    assert calls(house, "demo") == ["hearth demo"]


def test_the_tests_ask_for_all_system_packages_first(house: Path) -> None:
    assert calls(house, "setup") == ["system test", "python demo", "system test", "python test"]
    assert calls(house, "setup") == []


def test_a_changed_list_of_libraries_sets_up_again(house: Path) -> None:
    calls(house, "setup")
    later = (house / ".venv/made/test").stat().st_mtime + 10
    os.utime(house / "pyproject.toml", (later, later))

    assert calls(house, "demo") == ["system demo", "python demo", "hearth demo"]


def test_an_interrupted_set_up_is_resumed(house: Path) -> None:
    (house / "broken").touch()
    assert calls(house, "demo", fails=True) == ["system demo", "python demo"]
    (house / "broken").unlink()

    assert calls(house, "demo") == ["system demo", "python demo", "hearth demo"]


def test_a_moved_house_is_set_up_again(house: Path) -> None:
    calls(house, "demo")
    moved = house.rename(house.with_name("moved"))

    assert calls(moved, "demo") == ["system demo", "python demo", "hearth demo"]


# --- what the system must bring ---

TOOLS = ("sh", "dirname", "env", "awk", "printf")


@pytest.fixture
def computer(tmp_path: Path) -> Path:
    """A folder that is all of a computer's PATH: a shell's tools, Python, bubblewrap and curl; an ordinary user."""
    path = tmp_path / "bin"
    for name in TOOLS:
        stub(path / name, f'exec {shutil.which(name)} "$@"')
    stub(path / "python3", f'exec {sys.executable} "$@"')
    stub(path / "bwrap")
    stub(path / "curl")
    stub(path / "id", "echo 1000")
    return path


def with_apt(computer: Path, *, python: str = "3.13.5-1", also: str = "") -> None:
    """Give it a package manager that writes down what it is asked, and brings the programs it is asked to install.

    `python` is the version of its own Python; `also` is another one's package, beside it.
    """
    log, link = computer.parent / "apt", shutil.which("ln")
    stub(
        computer / "apt-get",
        f'echo "$DEBIAN_FRONTEND: $*" >> {log}',
        'case "$*" in *install*) ;; *) exit 0;; esac',
        'for package in "$@"; do case $package in',
        f"curl) {link} -s {shutil.which('true')} {computer}/curl;;",
        f"python3 | python3.1?) {link} -s {sys.executable} {computer}/$package;;",
        "esac; done",
    )
    stub(
        computer / "apt-cache",
        f'[ "$1" != policy ] || echo "  Candidate: {python}"',
        f'[ "$1" != show ] || [ "$2" = "{also}" ]',
    )


def set_up_system(computer: Path, level: str, **extra: str) -> tuple[int, str, list[str]]:
    """Exit status, what was said, what apt was asked."""
    done = subprocess.run(
        [ROOT / "installer/setup/system.sh", level],
        env={"PATH": str(computer), **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    log = computer.parent / "apt"
    asked = (
        [line.replace("-q -o DPkg::Lock::Timeout=300 ", "") for line in log.read_text().splitlines()]
        if log.exists()
        else []
    )
    return done.returncode, done.stderr, asked


@pytest.mark.parametrize("level", ["demo", "test"])
def test_nothing_happens_when_everything_is_there(computer: Path, level: str) -> None:
    with_apt(computer)

    assert set_up_system(computer, level) == (0, "", [])


def test_an_administrator_gets_the_missing_packages_installed_without_a_question(computer: Path) -> None:
    stub(computer / "id", "echo 0")
    (computer / "curl").unlink()
    (computer / "bwrap").unlink()
    with_apt(computer)

    status, said, asked = set_up_system(computer, "test")

    assert status == 0
    assert asked == [
        "noninteractive: update",
        "noninteractive: install -y --no-install-recommends bubblewrap curl",
    ]
    assert "Going on without the system's bubblewrap" in said


def test_an_ordinary_user_with_sudo_gets_them_through_it(computer: Path) -> None:
    (computer / "curl").unlink()
    with_apt(computer)
    stub(computer / "sudo", '[ "$1" != -n ] || exit 0', 'exec "$@"')

    status, _, asked = set_up_system(computer, "test")

    assert status == 0
    assert asked == ["noninteractive: update", "noninteractive: install -y --no-install-recommends curl"]


@pytest.mark.parametrize(
    ("python", "also", "packages"),
    [
        ("3.11.2-1+b1", "", "python3 python3-venv"),  # Debian 12
        ("3.12.3-0ubuntu2", "", "python3 python3-venv"),  # Ubuntu 24.04
        ("3.10.6-1~22.04.1", "python3.11-venv", "python3.11 python3.11-venv"),  # Ubuntu 22.04
    ],
)
def test_the_python_that_the_system_offers_is_installed(computer: Path, python: str, also: str, packages: str) -> None:
    (computer / "python3").unlink()
    stub(computer / "id", "echo 0")
    with_apt(computer, python=python, also=also)

    status, _, asked = set_up_system(computer, "demo")

    assert status == 0
    assert asked[-1] == f"noninteractive: install -y --no-install-recommends {packages}"


def test_a_system_without_a_python_new_enough_says_so(computer: Path) -> None:
    (computer / "python3").unlink()
    stub(computer / "id", "echo 0")
    with_apt(computer, python="3.9.2-3")

    status, said, _ = set_up_system(computer, "demo")

    assert status == 1
    assert "make PYTHON=/path/to/python" in said


def test_an_ordinary_user_without_sudo_is_told_what_to_ask_for(computer: Path) -> None:
    (computer / "python3").unlink()
    (computer / "bwrap").unlink()
    with_apt(computer)

    status, said, asked = set_up_system(computer, "demo")

    assert (status, asked) == (1, [])
    assert "sudo apt-get install python3 python3-venv bubblewrap" in said


def test_the_demo_goes_on_without_what_it_can_do_without(computer: Path) -> None:
    (computer / "bwrap").unlink()
    (computer / "curl").unlink()

    status, said, _ = set_up_system(computer, "demo")

    assert status == 0
    assert "missing: bubblewrap\n" in said
    assert "Going on" in said


def test_the_tests_do_not_go_on_without_what_they_call(computer: Path) -> None:
    (computer / "curl").unlink()

    status, said, _ = set_up_system(computer, "test")

    assert status == 1
    assert "missing: curl" in said


@pytest.mark.parametrize("version", ["(3, 10)", "(3, 14)"])
def test_a_python_of_another_age_is_not_taken(computer: Path, version: str) -> None:
    code = "import sys; sys.version_info = type('V', (tuple,), {})((*%s, 0)); exec(sys.argv[1])"
    stub(computer / "python3", f"""exec {sys.executable} -c "{code % version}" "$2" """)
    stub(computer / "python3.12", f'exec {sys.executable} "$@"')

    assert set_up_system(computer, "demo")[0] == 0
    (computer / "python3.12").unlink()
    status, said, _ = set_up_system(computer, "demo")
    assert status == 1
    assert "Hearth needs Python 3.11, 3.12 or 3.13" in said


def test_a_python_that_was_named_and_cannot_be_used_is_an_error(computer: Path) -> None:
    status, said, _ = set_up_system(computer, "demo", PYTHON="/nowhere/python")

    assert status == 1
    assert "PYTHON=/nowhere/python is not" in said
