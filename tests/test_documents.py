"""The documents tell the truth: what they name exists, and what exists is named."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from desktop.commands.line import COMMANDS
from desktop.config.settings import declarations
from desktop.domain.node_state import NodeState, Reason

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
RESULTS = Path("tests/bench/RESULTS.md")  # written by `make bench`
WINDOW = {"hearth", "hearth --hidden", "hearth --attach"}


def text_of(*names: str) -> str:
    return "\n".join((ROOT / name).read_text("utf-8") for name in names)


def shell_lines() -> list[str]:
    """Every command in a fenced `sh` block of a document, without its comment."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text_of(*DOCUMENTS), re.MULTILINE | re.DOTALL)
    lines = [" ".join(shlex.split(line, comments=True)) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def words_in(name: str) -> Iterator[str]:
    """Every `hearth …` in backticks in a file, with what is meant to be filled in left as it is."""
    for quoted in re.findall(r"`(hearth(?: [^`\n]*)?)`", text_of(name)):
        yield " ".join(quoted.split())


@cache
def actions_of(command: str) -> frozenset[str]:
    """The words a command takes after its own; none for most."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"desktop.commands.{command}").configure(parser)
    subs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return frozenset(word for sub in subs for word in sub.choices)


def unknown(said: str) -> str:
    """What in `hearth …` does not exist; "" if all of it does."""
    _, *words = said.split()
    if not words or words[0] == "COMMAND" or words[0].startswith("--"):
        return "" if not words or words[0] == "COMMAND" or f"hearth {words[0]}" in WINDOW else said
    command, *rest = words
    if command not in COMMANDS:
        return said
    actions = actions_of(command)
    wrong_action = actions and rest and not rest[0].startswith("-") and rest[0] not in actions
    return said if wrong_action else ""


def require_none(left: Iterable[str], what: str) -> None:
    """Fail with the whole list, one to a line."""
    listed = sorted(left)
    assert not listed, "\n  ".join([f"{what}:", *listed])


def missing(needed: list[str], text: str) -> list[str]:
    return [each for each in needed if not re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", text)]


# --- what is named exists ---


def test_there_are_commands_to_check() -> None:
    lines = shell_lines()
    assert any(line.startswith("make ") for line in lines)
    assert any("hearth " in line for line in lines)


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    lines = [line for line in shell_lines() if line.startswith("make ")]
    quoted = re.findall(r"`make ([a-z-]+)`", text_of(*DOCUMENTS))
    named = {line.split()[1] for line in lines} | set(quoted)

    require_none(named - targets, "no such make target")


@pytest.mark.parametrize("line", [line for line in shell_lines() if re.match(r"\S*hearth\b", line)])
def test_every_hearth_line_is_understood(line: str) -> None:
    """With --help at its end the real command line reads all of it, and then does nothing but explain."""
    said = ["hearth", *shlex.split(line)[1:]]
    assert unknown(" ".join(said)) == ""
    options = [word for word in said if word.startswith("--")]
    asked = [word for word in said[1:] if word not in {"--hidden", "--attach"}]
    done = subprocess.run(
        [sys.executable, "-m", "desktop", *asked, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    require_none(missing(options, done.stdout), "not in its help")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_a_document_names_exists(name: str) -> None:
    require_none({said for said in words_in(name) if unknown(said)}, "no such command")


def test_every_command_the_program_advises_exists() -> None:
    """Advice in an error or a help text must not lead nowhere."""
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "desktop").rglob("*.py"))
    wrong = [f"{source}: {said}" for source in sources for said in words_in(str(source)) if unknown(said)]

    require_none(wrong, "no such command")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_inside_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(name))
    inside = {Path(link) for link in links if "://" not in link}

    require_none((str(path) for path in inside - {RESULTS} if not (ROOT / path).exists()), "no such file")


def test_every_anchor_is_a_heading() -> None:
    for name in DOCUMENTS:
        text = text_of(name)
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        require_none(set(re.findall(r"\]\(#([^)]+)\)", text)) - anchors, f"no such heading in {name}")


def test_every_room_and_file_of_the_map_exists() -> None:
    """The tree in ARCHITECTURE.md: what stands directly below desktop/, and beside it."""
    tree = re.search(r"^```\n(desktop/.*?)^```", text_of("ARCHITECTURE.md"), re.MULTILINE | re.DOTALL)
    assert tree is not None
    rows = re.findall(r"^( {0,2})([\w.]+/?)\s", tree[1], re.MULTILINE)
    named = {ROOT / ("desktop" if indent else "") / word for indent, word in rows}
    rooms = {path for path in (ROOT / "desktop").iterdir() if path.name not in {"__pycache__", "__init__.py"}}

    require_none((str(path.relative_to(ROOT)) for path in named if not path.exists()), "on the map only")
    require_none((path.name for path in rooms - named), "not on the map")


# --- what exists is named ---


def test_every_command_is_told_of() -> None:
    require_none(missing([f"hearth {command}" for command in COMMANDS], text_of("README.md")), "not in README.md")


def test_every_command_helps() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "--help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    require_none(missing(list(COMMANDS), done.stdout), "not in `hearth --help`")


def test_every_setting_is_told_of() -> None:
    names = [f"`{declaration.name}`" for declaration in declarations()]

    require_none((name for name in names if name not in text_of("README.md")), "not in README.md")


def test_no_setting_is_told_of_that_is_not_there() -> None:
    table = re.search(r"^\| group \| settings \|\n(.*?)\n\n", text_of("README.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    groups: dict[str, set[str]] = {}
    for declaration in declarations():
        groups.setdefault(declaration.group, set()).add(declaration.name)

    told = dict(re.findall(r"^\| (\w+) \| (.+) \|$", table[1], re.MULTILINE))
    assert {group: set(re.findall(r"`(\w+)`", names)) for group, names in told.items()} == groups


def test_every_state_and_reason_is_told_of() -> None:
    table = re.search(r"^\| state \| reasons \|\n(.*?)\n\n", text_of("README.md"), re.MULTILINE | re.DOTALL)
    assert table is not None
    rows = dict(re.findall(r"^\| (\w+) \| (.+) \|$", table[1], re.MULTILINE))

    told = {reason for reasons in rows.values() for reason in reasons.split(" · ")}
    real = {reason.value for reason in Reason}
    require_none({state.value for state in NodeState} - rows.keys(), "states not in README.md")
    require_none(rows.keys() - {state.value for state in NodeState}, "states in README.md only")
    require_none(real - told, "reasons not in README.md")
    require_none(told - real, "reasons in README.md only")
