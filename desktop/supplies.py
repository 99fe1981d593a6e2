"""The third part of the composition root: what is brought from outside, and how it is brought."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from desktop.compose import Composition
from desktop.control.shelf import ReadyModel, ShelfAnswer, ShelfModel
from desktop.control.snapshot import Fetching
from desktop.control.storeroom import Tell, Work
from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import HearthError, SettingsError, Unavailable
from desktop.downloads.space import free_bytes
from desktop.downloads.transfer import Transfer
from desktop.downloads.wanted import Progress
from desktop.hub.acquisition import Acquisition
from desktop.hub.candidates import Candidate, Candidates, Fit
from desktop.hub.listing import Hub
from desktop.machine.devices.processor import read_cpu
from desktop.machine.devices.survey import local_devices
from desktop.machine.settings_file import load_settings
from desktop.resources import resource
from desktop.setup.builds import Card, Choice, choices, load_builds
from desktop.setup.engines import comes_with_torch
from desktop.setup.hardware_setup import HardwareSetup, Step, run_first_that_works
from desktop.setup.packing_list import PackingList
from desktop.setup.uv import Uv, find_uv
from desktop.worker.sandbox.graphics import is_built_for

OWN_TORCH: Final = "own"
"""The word for a torch that belongs to the app's own environment."""
HUB_PRECISION: Final = "bfloat16"  # in which hubs keep most models


@dataclass(frozen=True, slots=True)
class Fitting:
    """A set-up of torch that can be stopped from any thread."""

    setup: HardwareSetup
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class ModelFetch:
    """A fetching of models that can be stopped from any thread."""

    acquisition: Acquisition
    stop: threading.Event


def candidates() -> Candidates:
    """The models that may be fetched."""
    return Candidates.load(resource("hub-models.toml"))


def acquisition(home: Composition) -> ModelFetch:
    """What fetches models to this computer's shelf. Raises SettingsError for a source that cannot be one."""
    stop = threading.Event()
    limit_gib = home.settings.models_limit_gib
    hub = Hub(home.settings.model_source)
    limit = limit_gib << 30 if limit_gib else None
    return ModelFetch(Acquisition(hub, Transfer(stop), home.equipment.shelf(), limit), stop)


@dataclass(frozen=True, slots=True)
class Room:
    """What this computer has for one model: the memory, and the precision it would be computed with."""

    memory_bytes: int
    precision: str

    def fit(self, candidate: Candidate) -> Fit:
        """Whether the model fits."""
        return Fit(candidate.memory_bytes(self.precision), self.memory_bytes)

    def require(self, candidate: Candidate) -> None:
        """Return if it fits. Raises Unavailable with both numbers."""
        fit = self.fit(candidate)
        if not fit.fits:
            needs, has = (f"{each / (1 << 30):,.1f}" for each in (fit.needs_bytes, self.memory_bytes))
            raise Unavailable(
                f"{candidate.name} does not fit this computer.",
                why=f"It needs about {needs} GiB of memory, and there are {has} GiB.",
                now="Choose a smaller one.",
            )


def room(home: Composition) -> Room:
    """The memory of the largest card that torch can use, else what the worker may take of the main memory.

    While no torch is set up, what `hearth setup` would choose is reckoned with. Looks for devices, which may take
    seconds.
    """
    off = home.settings.disabled_devices
    cards = [device for device in _cards(home) if device.id not in off]
    allowed = home.settings.worker_memory_mib << 20
    processor = Room(min(allowed, read_cpu().memory_total_bytes), "float32")
    site = home.equipment.runtime().site
    built = _largest([card for card in cards if is_built_for(card.kind, site)])
    if built is not None:
        return built
    if home.equipment.engines().current(home.equipment.worker_requirements().all) is not None:
        return processor
    to_come = _torch_choices(cards)[0].build.kind
    promised = _largest([card for card in cards if card.kind is to_come])
    # Graphics in the processor keep a little memory to themselves, and seldom pass the trial of the set-up.
    return processor if promised is None or promised.memory_bytes < processor.memory_bytes else promised


def _largest(cards: Sequence[Device]) -> Room | None:
    """The room of the largest card that tells its memory: what is not known cannot be promised."""
    # A card computes in half precision; a processor without units for that is many times slower in it.
    known = max((card.memory_bytes for card in cards if card.memory_bytes), default=None)
    return None if known is None else Room(known, "bfloat16")


def _cards(home: Composition) -> tuple[Device, ...]:
    return tuple(each for each in local_devices(home.now_ms).look() if each.kind is not DeviceKind.CPU)


def _torch_choices(cards: Sequence[Device]) -> tuple[Choice, ...]:
    known = [Card(card.kind, card.name or card.id, card.driver, card.capability) for card in cards]
    builds = load_builds(resource("torch-builds.toml"))
    return choices(known, builds, "windows" if sys.platform == "win32" else "linux")


def torch_choices(home: Composition) -> tuple[Choice, ...]:
    """The builds for the cards of this computer, best first. Looks for devices, which may take seconds."""
    return _torch_choices(_cards(home))


def fitting(home: Composition) -> Fitting:
    """What installs torch for this computer. Raises Unavailable where the tool for it is missing."""
    stop = threading.Event()
    transfer = Transfer(stop)
    uv = Uv(find_uv(os.environ), stop)
    setup = HardwareSetup(
        home.equipment.engines(),
        PackingList(uv, home.settings.torch_source),
        transfer,
        uv,
        home.equipment.worker_requirements(),
        now_ms=home.now_ms,
    )
    return Fitting(setup, stop)


class HomeStore:
    """The store behind the door of a running node."""

    def __init__(self, home: Composition) -> None:
        self._home = home

    def shelf(self) -> ShelfAnswer:
        """Every model that may be fetched, and whether it fits. Looks for devices."""
        home, shelf, here_is = self._home, self._home.equipment.shelf(), room(self._home)
        held = {each.entry.id: each.bytes for each in shelf.held()}
        engine = home.equipment.engines().current(home.equipment.worker_requirements().all)
        chosen = self._chosen()
        return ShelfAnswer(
            models=tuple(
                ShelfModel(
                    id=each.id,
                    name=each.name,
                    kind=each.kind,
                    parameters=each.parameters,
                    licence=each.licence,
                    here=each.id in held,
                    offered=each.id in {*home.settings.models, *chosen},
                    bytes=held.get(each.id, each.weights_bytes(HUB_PRECISION)),
                    memory_bytes=here_is.fit(each).needs_bytes,
                    fits=here_is.fit(each).fits,
                )
                for each in candidates().entries
            ),
            memory_bytes=here_is.memory_bytes,
            held_bytes=sum(held.values()),
            limit_bytes=home.settings.models_limit_gib << 30 or None,
            free_bytes=free_bytes(shelf.folder),
            folder=str(shelf.folder),
            torch=engine.build if engine is not None else OWN_TORCH if comes_with_torch() else None,
            ready=self._ready(),
            chosen=chosen,
        )

    def model(self, model_id: str) -> Work:
        """The download of a model. Raises ModelNotFound, or Unavailable with both numbers where it does not fit."""
        candidate, here_is = candidates().entry(model_id), room(self._home)
        here_is.require(candidate)
        fetching = acquisition(self._home)

        def run(tell: Tell) -> None:
            def told(at: Progress) -> None:
                tell(
                    Fetching(
                        model_id=model_id,
                        name=candidate.name,
                        running=True,
                        phase="downloading",
                        done_bytes=at.done_bytes,
                        total_bytes=at.total_bytes,
                        bytes_per_s=at.bytes_per_s,
                        left_s=at.left_s,
                    )
                )

            fetching.acquisition.fetch(candidate, here_is.precision, told)

        return Work(candidate.name, run, fetching.stop)

    def torch(self) -> Work:
        """The set-up of torch: the best build that works. Raises Unavailable where the tool for it is missing."""
        fitted, found = fitting(self._home), torch_choices(self._home)
        decided: list[str] = []

        def run(tell: Tell) -> None:
            def told(step: Step) -> None:
                tell(
                    Fetching(
                        model_id="",
                        name=step.choice.build.name,
                        running=True,
                        phase=step.phase.value,
                        done_bytes=step.done_bytes,
                        total_bytes=step.total_bytes,
                        bytes_per_s=step.bytes_per_s,
                        left_s=step.left_s,
                        detail=" ".join((*decided, step.choice.reason)),
                    )
                )

            def gave_up(choice: Choice, error: HearthError) -> None:
                decided.append(f"{choice.build.name} does not work here: {error}")

            run_first_that_works(fitted.setup, found, told, gave_up)

        return Work("torch", run, fitted.stop)

    def discard(self, model_id: str) -> None:
        """Delete a fetched model. Raises SettingsError for one that is on offer or not here."""
        shelf = self._home.equipment.shelf()
        entry = next((each for each in shelf.entries() if each.id == model_id), None)
        if entry is None:
            raise SettingsError(f"No model {model_id} was fetched.")
        if model_id in {*self._home.settings.models, *self._chosen()}:
            raise SettingsError(
                f"{entry.name} is on offer.",
                why="The running node sells it, or will from its next start.",
                now="Take it off, and start Hearth again where it was on offer already.",
            )
        shelf.remove(entry)

    def _ready(self) -> tuple[ReadyModel, ...]:
        bundled = {entry.id for entry in self._home.equipment.bundled().entries}
        running = set(self._home.model_ids())
        return tuple(
            ReadyModel(id=each.id, name=each.name, bundled=each.id in bundled, running=each.id in running)
            for each in self._home.equipment.catalogue().entries
        )

    def _chosen(self) -> tuple[str, ...]:
        """The models to offer as the file has them now: the node itself keeps what it started with."""
        return load_settings(self._home.paths.config, self._home.now_ms).settings.models
