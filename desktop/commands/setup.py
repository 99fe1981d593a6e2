"""`hearth setup`: install the build of torch that fits this computer's cards."""

from __future__ import annotations

import argparse
from typing import Final

from desktop.commands.console import UNKNOWN, Console
from desktop.commands.pausing import pausing
from desktop.compose import Composition
from desktop.domain.errors import HearthError, SettingsError
from desktop.downloads.space import free_bytes
from desktop.setup.builds import Choice
from desktop.setup.engines import comes_with_torch
from desktop.setup.hardware_setup import Phase, Step, run_first_that_works
from desktop.setup.packing_list import total_bytes
from desktop.supplies import fitting, torch_choices

_MIB: Final = 1 << 20
_WORDS: Final = {
    Phase.LISTING: "Asking the source what there is to fetch.",
    Phase.INSTALLING: "Installing.",
    Phase.TRYING: "Multiplying two matrices with it.",
}
_TELL_EVERY: Final = 0.05  # of the whole


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--list", action="store_true", help="show the builds that fit, why, and how large they are")
    parser.add_argument("--build", default="", metavar="NAME", help="this one and no other")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Install it, with Ctrl+C as a pause: the same command goes on where it was."""
    choices = torch_choices(home)
    if arguments.build:
        choices = tuple(choice for choice in choices if choice.build.id == arguments.build)
        if not choices:
            raise SettingsError(
                f"The build {arguments.build} does not fit this computer.", now="See `hearth setup --list`."
            )
    if arguments.list:
        _show(home, choices, console)
        return 0
    engine = home.equipment.engines().current(home.equipment.worker_requirements().all)
    if engine is None and comes_with_torch() and not arguments.build:
        console.say("This Hearth runs from an environment that has torch already; nothing is to be installed.")
        console.document({"build": None, "environment": True})
        return 0
    if engine is not None and arguments.build in {"", engine.build}:
        console.say(f"torch {engine.torch} ({engine.build}) is installed and works on {engine.device}.")
        console.document({"build": engine.build, "torch": engine.torch, "device": engine.device})
        return 0
    work = fitting(home)
    with pausing(work.stop):
        engine = run_first_that_works(
            work.setup, choices, _Told(console).tell, lambda *given: _gave_up(console, *given)
        )
    console.say(f"torch {engine.torch} ({engine.build}) is installed and works on {engine.device}.")
    console.say("A running node uses it from its next start.")
    console.document({"build": engine.build, "torch": engine.torch, "device": engine.device})
    return 0


class _Told:
    """Prints each step once, and the download in parts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase: Phase | None = None
        self._share = -1.0

    def tell(self, step: Step) -> None:
        """One step."""
        if step.phase is not self._phase:
            self._phase, self._share = step.phase, -1.0
            if step.phase is Phase.LISTING:
                self._console.note(f"{step.choice.build.name}: {step.choice.reason}")
            if step.phase in _WORDS:
                self._console.note(_WORDS[step.phase])
        if step.phase is Phase.DOWNLOADING and step.total_bytes:
            share = step.done_bytes / step.total_bytes
            if share - self._share >= _TELL_EVERY or share == 1:
                self._share = share
                left = UNKNOWN if step.left_s is None else f"{step.left_s:,.0f} s left"
                self._console.note(f"{step.done_bytes // _MIB:,} of {step.total_bytes // _MIB:,} MiB, {left}")


def _show(home: Composition, choices: tuple[Choice, ...], console: Console) -> None:
    work = fitting(home)
    root = home.equipment.engines().root
    free = free_bytes(root)
    rows, documents = [], []
    for choice in choices:
        size: int | None = None
        try:
            size = total_bytes(work.setup.plan(choice))
            said = UNKNOWN if size is None else f"{size // _MIB:,} MiB"
        except HearthError as error:
            said = error.what
        rows.append((choice.build.id, choice.build.name, said, choice.reason))
        documents.append({
            "build": choice.build.id,
            "name": choice.build.name,
            "bytes": size,
            "reason": choice.reason,
            "free_bytes": free,
        })  # fmt: skip
    console.table(("build", "name", "download", "why"), rows)
    console.say(
        f"{free // _MIB:,} MiB are free in {root}; while it is installed, a build takes about twice its download."
    )
    console.document(documents)


def _gave_up(console: Console, choice: Choice, error: HearthError) -> None:
    console.note(f"{choice.build.name} does not work here. {error}")
