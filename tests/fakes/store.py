"""A store of downloads that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from desktop.control.shelf import ReadyModel, ShelfAnswer, ShelfModel
from desktop.control.snapshot import Fetching
from desktop.control.storeroom import Tell, Work
from desktop.domain.errors import DownloadStopped, HearthError, ModelNotFound, SettingsError
from desktop.domain.model import ModelKind

GIB = 1 << 30


def shelf_model(model_id: str, gib: int, *, here: bool = False, offered: bool = False, fits: bool = True) -> ShelfModel:
    """A model of that size."""
    return ShelfModel(
        id=model_id,
        name=model_id.replace("-", " ").title(),
        kind=ModelKind.CHAT,
        parameters=gib * 500_000_000,
        licence="Apache-2.0",
        here=here,
        offered=offered,
        bytes=gib * GIB,
        memory_bytes=gib * GIB + GIB // 2,
        fits=fits,
    )


READY = (
    ReadyModel(id="bundled-chat", name="Bundled Chat", bundled=True, running=True),
    ReadyModel(id="bundled-embedding", name="Bundled Embedding", bundled=True, running=True),
    ReadyModel(id="fetched-chat", name="Fetched Chat", bundled=False, running=False),
)


def a_shelf(
    *models: ShelfModel,
    torch: str | None = "cpu",
    ready: tuple[ReadyModel, ...] = READY,
    chosen: tuple[str, ...] = (),
) -> ShelfAnswer:
    """A shelf with these models."""
    return ShelfAnswer(
        models=models or (shelf_model("small-chat", 1), shelf_model("large-chat", 60, fits=False)),
        memory_bytes=8 * GIB,
        held_bytes=0,
        limit_bytes=None,
        free_bytes=70 * GIB,
        folder="/home/ada/.cache/hearth/models",
        torch=torch,
        ready=ready,
        chosen=chosen,
    )


class FakeStore:
    """Downloads go `step` by step: each waits until it is let go; `failure` ends the next one."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.failure: HearthError | None = None
        self.discarded: list[str] = []
        self.answer: Callable[[], ShelfAnswer] = a_shelf

    def shelf(self) -> ShelfAnswer:
        return self.answer()

    def model(self, model_id: str) -> Work:
        if model_id == "unknown":
            raise ModelNotFound("There is no such model.")
        return self._work(model_id, model_id.title())

    def torch(self) -> Work:
        return self._work("", "CUDA 13.0")

    def discard(self, model_id: str) -> None:
        if model_id == "unknown":
            raise SettingsError("No such model was fetched.")
        self.discarded.append(model_id)

    def _work(self, model_id: str, name: str) -> Work:
        stop = threading.Event()

        def run(tell: Tell) -> None:
            for done in range(1, 4):
                while not self.steps.acquire(timeout=0.01):
                    if stop.is_set():
                        raise DownloadStopped("Stopped.")
                if self.failure is not None:
                    raise self.failure
                tell(
                    Fetching(
                        model_id=model_id, name=name, running=True, phase="downloading", done_bytes=done, total_bytes=3
                    )
                )

        return Work(name, run, stop)
