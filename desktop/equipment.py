"""The part of the composition root that a worker comes from: models, libraries, and what makes them ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from desktop.config.settings import Settings
from desktop.hub.shelf import Shelf
from desktop.machine.paths import Paths
from desktop.machine.private_file import write_private
from desktop.node.preparation import Preparation
from desktop.resources import resource
from desktop.setup.engines import Engines
from desktop.setup.requirements import Requirements, extras
from desktop.worker.models.catalogue import Catalogue
from desktop.worker.models.store import ModelStore
from desktop.worker.sandbox.modes import ModePolicy
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.sandbox.tool import run_tool


class Equipment:
    """The models and libraries of one Hearth, in its folders and under its settings."""

    def __init__(self, paths: Paths, settings: Settings) -> None:
        self._paths = paths
        self._settings = settings

    # Models

    def bundled(self) -> Catalogue:
        """The models Hearth brings."""
        return Catalogue.load(resource("models.toml"))

    def catalogue(self) -> Catalogue:
        """The models Hearth knows: those it brings, and those that were fetched."""
        bundled = self.bundled()
        known = {entry.id for entry in bundled.entries}
        fetched = tuple(entry for entry in self.shelf().entries() if entry.id not in known)
        return Catalogue((*bundled.entries, *fetched))

    def shelf(self) -> Shelf:
        """The models that were fetched."""
        return Shelf(self._paths.data / "models", self._models_folder(), write_private)

    # Libraries

    def worker_requirements(self) -> Requirements:
        """What a worker imports, and the packages the bundled models are made from."""
        bundled = {f"{entry.source.package}=={entry.source.version}" for entry in self.bundled().entries}
        return Requirements(extras("worker", "models"), tuple(sorted(bundled)))

    def engines(self) -> Engines:
        """The builds of torch that were set up on this computer."""
        return Engines(self._paths.data / "engines", write_private)

    def runtime(self) -> Runtime:
        """The Python and the packages that a worker runs."""
        return Runtime.current(next(iter(self._places()), None))

    def preparation(self, policy: ModePolicy, progress: Callable[[str], None]) -> Preparation:
        """Gets models ready."""
        catalogue = self.catalogue()
        store = ModelStore(self._models_folder(), catalogue)
        run = partial(_run_tool, policy, self.runtime())
        return Preparation(catalogue, store, run, progress, self._places(), self.shelf().used)

    def _models_folder(self) -> Path:
        chosen = self._settings.models_folder
        return Path(chosen).expanduser() if chosen else self._paths.cache / "models"

    def _places(self) -> tuple[Path, ...]:
        engines = self.engines()
        engine = engines.current(self.worker_requirements().all)
        return () if engine is None else (engines.path(engine),)


async def _run_tool(
    policy: ModePolicy,
    runtime: Runtime,
    module: str,
    arguments: Sequence[str],
    *,
    readable: Sequence[Path],
    writable: Path,
    timeout_s: float,
) -> None:
    await run_tool(
        module, arguments, readable=readable, writable=writable, timeout_s=timeout_s, runtime=runtime, policy=policy
    )
