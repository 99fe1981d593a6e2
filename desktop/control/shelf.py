"""What the door tells of models: those that are here and can be offered, and those that may be fetched."""

from __future__ import annotations

from msgspec import Struct

from desktop.domain.model import ModelKind


class ShelfModel(Struct, frozen=True, kw_only=True):
    """A model that is not bundled. `bytes` is what it takes, about that before it is here; `memory_bytes` is about."""

    id: str
    name: str
    kind: ModelKind
    parameters: int
    licence: str
    here: bool
    offered: bool
    bytes: int
    memory_bytes: int
    fits: bool


class ReadyModel(Struct, frozen=True, kw_only=True):
    """A model that is here and can be offered. `running`: it has been on offer since the node started."""

    id: str
    name: str
    bundled: bool
    running: bool


class ShelfAnswer(Struct, frozen=True, kw_only=True):
    """Models to fetch. `memory_bytes`: what this computer has for one; `limit_bytes` None: no limit for all of them.

    `torch` names the build that works here; None: none is set up yet. `ready` are the models that are here; `chosen`
    are those to offer from the next start, by id; none chosen: every bundled one.
    """

    models: tuple[ShelfModel, ...]
    memory_bytes: int | None
    held_bytes: int
    limit_bytes: int | None
    free_bytes: int
    folder: str
    torch: str | None
    ready: tuple[ReadyModel, ...] = ()
    chosen: tuple[str, ...] = ()
