"""`hearth models`: which models there are, whether they fit, and fetching, serving and removing them."""

from __future__ import annotations

import argparse
from collections.abc import Container
from typing import Final

from desktop.commands.console import UNKNOWN, Console
from desktop.commands.pausing import pausing
from desktop.commands.writing import write_setting
from desktop.compose import Composition
from desktop.domain.errors import SettingsError
from desktop.downloads.wanted import Progress
from desktop.hub.candidates import PARAMETER_BYTES
from desktop.supplies import HUB_PRECISION, acquisition, candidates, room

_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_TELL_EVERY: Final = 0.05  # of the whole


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="action")
    actions.add_parser("list", help="every model, what it needs and what this computer has (also without an action)")
    for name, words in (
        ("show", "one model: what it takes in each precision, its licence and source, its files once they are here"),
        ("get", "fetch a model; Ctrl+C pauses, the same command goes on"),
        ("remove", "delete a fetched model"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("model")
        if name == "get":
            action.add_argument("--anyway", action="store_true", help="also if it does not fit this computer's memory")
            action.add_argument(
                "--newest",
                action="store_true",
                help="of a model that was here before, the newest version instead of the same one",
            )
            action.add_argument(
                "--make-room",
                action="store_true",
                help="remove fetched models that are not on offer, the longest unused first, where room is short",
            )
    action = actions.add_parser("offer", help="offer these models and no others; none: every bundled one")
    action.add_argument("model", nargs="*")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Do what was asked."""
    match arguments.action:
        case "show":
            _show(home, arguments.model, console)
        case "get":
            if arguments.newest:
                home.equipment.shelf().forget(arguments.model)
            _get(home, arguments.model, console, anyway=arguments.anyway, make_room=arguments.make_room)
        case "remove":
            _remove(home, arguments.model, console)
        case "offer":
            _offer(home, tuple(arguments.model), console)
        case _:
            _list(home, console)
    return 0


def _list(home: Composition, console: Console) -> None:
    held = {each.entry.id: each for each in home.equipment.shelf().held()}
    offered = set(home.model_ids())
    here_is = room(home)
    rows, documents = [], []
    for entry in home.equipment.bundled().entries:
        size = sum(file.bytes for file in entry.files)
        rows.append((entry.id, _mib(size), "bundled", UNKNOWN, _mark(offered, entry.id), entry.licence))
        documents.append({"model": entry.id, "bytes": size, "state": "bundled", "offered": entry.id in offered})
    for candidate in candidates().entries:
        fit = here_is.fit(candidate)
        here = held.get(candidate.id)
        size = candidate.weights_bytes(HUB_PRECISION) if here is None else here.bytes
        state = "not fetched" if here is None else "fetched"
        memory = f"{_gib(fit.needs_bytes)} of {UNKNOWN if fit.has_bytes is None else _gib(fit.has_bytes)}"
        needs = f"{'fits' if fit.fits else 'does not fit'}, ≈ {memory} GiB"
        about = "≈ " if here is None else ""
        rows.append((candidate.id, about + _mib(size), state, needs, _mark(offered, candidate.id), candidate.licence))
        documents.append({
            "model": candidate.id,
            "bytes": None if here is None else size,
            "about_bytes": candidate.weights_bytes(HUB_PRECISION),
            "state": state,
            "fits": fit.fits,
            "needs_memory_bytes": fit.needs_bytes,
            "has_memory_bytes": fit.has_bytes,
            "offered": candidate.id in offered,
            "licence": candidate.licence,
        })  # fmt: skip
    console.table(("model", "on disk", "state", "memory", "offered", "licence"), rows)
    console.document(documents)


def _show(home: Composition, model_id: str, console: Console) -> None:
    candidate = candidates().entry(model_id)
    here = next((entry for entry in home.equipment.shelf().entries() if entry.id == model_id), None)
    takes = {
        dtype: {"weights_bytes": candidate.weights_bytes(dtype), "memory_bytes": candidate.memory_bytes(dtype)}
        for dtype in PARAMETER_BYTES
    }
    said = [
        f"{candidate.name}, {candidate.kind.value}, {candidate.parameters / 1e9:,.2f} billion parameters",
        f"licence {candidate.licence}; offered with a context of {candidate.context_tokens:,} tokens",
        f"source  {candidate.repository}, {'not fetched yet' if here is None else here.source.version}",
    ]
    for line in said:
        console.say(line)
    console.table(
        ("precision", "weights", "memory to serve it"),
        [
            (dtype, f"≈ {_gib(size['weights_bytes'])} GiB", f"≈ {_gib(size['memory_bytes'])} GiB")
            for dtype, size in takes.items()
        ],
    )
    files = [] if here is None else here.source.files
    for file in files:
        console.say(f"{file.sha256}  {file.bytes:>14,}  {file.path}")
    console.document({
        "model": candidate.id,
        "name": candidate.name,
        "kind": candidate.kind.value,
        "parameters": candidate.parameters,
        "context_tokens": candidate.context_tokens,
        "licence": candidate.licence,
        "repository": candidate.repository,
        "revision": None if here is None else here.source.version,
        "about": takes,
        "files": [{"path": file.path, "bytes": file.bytes, "sha256": file.sha256} for file in files],
    })  # fmt: skip


def _get(home: Composition, model_id: str, console: Console, *, anyway: bool, make_room: bool) -> None:
    candidate = candidates().entry(model_id)
    if any(entry.id == model_id for entry in home.equipment.shelf().entries()):
        console.say(f"{candidate.name} is here already.")
        console.document({"model": model_id, "state": "fetched"})
        return
    here_is = room(home)
    if not anyway:
        here_is.require(candidate)
    work = acquisition(home)
    told = _Told(console)
    if make_room:
        for gone in work.acquisition.make_room(candidate, home.model_ids()):
            console.note(f"{gone.name} was removed to make room.")
    with pausing(work.stop):
        entry = work.acquisition.fetch(candidate, here_is.precision, told.tell)
    console.say(f"{entry.name} is here. Offer it: hearth models offer {' '.join((*home.model_ids(), entry.id))}")
    console.document({"model": entry.id, "state": "fetched", "digest": entry.digest})


def _remove(home: Composition, model_id: str, console: Console) -> None:
    shelf = home.equipment.shelf()
    entry = next((each for each in shelf.entries() if each.id == model_id), None)
    if entry is None:
        raise SettingsError(f"No model {model_id} was fetched.", now="See `hearth models`.")
    if model_id in home.settings.models:
        raise SettingsError(
            f"{entry.name} is on offer.", now="Take it off first: hearth models offer, with the others' names."
        )
    shelf.remove(entry)
    console.say(f"{entry.name} is removed.")
    console.document({"model": model_id, "state": "not fetched"})


def _offer(home: Composition, model_ids: tuple[str, ...], console: Console) -> None:
    for model_id in model_ids:
        home.equipment.catalogue().entry(model_id)
    write_setting(home, "models", "\n".join(model_ids))
    console.say(f"On offer from the node's next start: {', '.join(model_ids) or 'every bundled model'}.")
    console.document({"models": list(model_ids)})


class _Told:
    """Prints a download in parts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._share = -1.0

    def tell(self, progress: Progress) -> None:
        """How far it is."""
        total = progress.total_bytes
        if not total:
            return
        share = progress.done_bytes / total
        if share - self._share >= _TELL_EVERY or share == 1:
            self._share = share
            left = UNKNOWN if progress.left_s is None else f"{progress.left_s:,.0f} s left"
            self._console.note(f"{progress.done_bytes // _MIB:,} of {total // _MIB:,} MiB, {left}")


def _mib(size: int) -> str:
    return f"{size // _MIB:,} MiB"


def _gib(size: int) -> str:
    return f"{size / _GIB:,.1f}"


def _mark(offered: Container[str], model_id: str) -> str:
    return "yes" if model_id in offered else ""
