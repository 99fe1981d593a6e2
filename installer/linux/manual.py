"""The man page, made of what the command line says about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from desktop.commands.line import COMMANDS

Help = Callable[[str], str]
"""The help text of one command; of the whole program for an empty name."""

_WIDTH: Final = 78
_ASK: Final = """
import json, sys
from desktop.commands.line import COMMANDS, help_of
json.dump({name: help_of(name) for name in ("", *COMMANDS)}, sys.stdout)
"""


def help_of_all() -> Help:
    """What `hearth COMMAND --help` prints here and now."""
    # In a process of its own: widths and colours of whoever builds do not belong in a manual.
    environment = os.environ | {"COLUMNS": str(_WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    said = subprocess.run([sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True)
    texts: dict[str, str] = json.loads(said.stdout)
    return texts.__getitem__


def man_page(version: str, epoch_s: int, text: Help | None = None) -> str:
    """`hearth(1)` in roff, from what the program says of itself unless `text` says it."""
    text = text or help_of_all()
    day = datetime.fromtimestamp(epoch_s, UTC).date().isoformat()
    parts = [
        f'.TH HEARTH 1 {day} "Hearth {version}" "User Commands"',
        ".SH NAME",
        r"hearth \- lend an idle GPU to an open AI inference network and get paid for it",
        ".SH SYNOPSIS",
        ".B hearth",
        r"[\fB\-\-hidden\fR] [\fB\-\-attach\fR] [\fB\-\-home\fR \fIDIR\fR]",
        ".br",
        ".B hearth",
        r"\fICOMMAND\fR [\fIARGUMENTS\fR]",
        ".br",
        ".B hearth \\-\\-repair",
        ".SH DESCRIPTION",
        *_verbatim(text("")),
        ".SH COMMANDS",
    ]
    for command in COMMANDS:
        parts += [f".SS hearth {command}", *_verbatim(text(command))]
    parts += [
        ".SH FIRST START",
        "The first start after an installation fetches Python where the system has none that fits, and the libraries,",
        "into the user's data folder. Interrupted, it goes on at the next start.",
        r".B hearth \-\-repair",
        "makes that environment anew.",
        ".SH ENVIRONMENT",
        ".TP",
        ".B HEARTH_WHEELS",
        "A folder with every library: the first start then takes nothing from the network.",
        ".TP",
        ".B HEARTH_PYTHON",
        "The Python, 3.11 to 3.13, to make the environment with.",
        ".SH FILES",
        ".TP",
        r".I ~/.config/hearth/settings.toml",
        "The settings.",
        ".TP",
        r".I ~/.local/share/hearth",
        "Identity, wallet and ledger; in",
        ".I runtime",
        "the environment the program runs in, and",
        ".I prepare.log",
        "of its making.",
        ".TP",
        r".I ~/.cache/hearth",
        "Models.",
        "",
    ]
    return "\n".join(parts)


def _verbatim(text: str) -> list[str]:
    return [".nf", *(_escaped(line) for line in text.rstrip().splitlines()), ".fi"]


def _escaped(line: str) -> str:
    line = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{line}" if line.startswith((".", "'")) else line
