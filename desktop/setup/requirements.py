"""What a worker needs, as the app's own metadata declares it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement

_APP: Final = "hearth-desktop"


@dataclass(frozen=True, slots=True)
class Requirements:
    """`torch` and its companions, with all they need; `alone`: packages of data that need nothing."""

    torch: tuple[str, ...]
    alone: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.torch, *self.alone)


def extras(*names: str) -> tuple[str, ...]:
    """The requirements of these extras of the app for this system, without their markers."""
    found: list[str] = []
    for line in metadata.requires(_APP) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        # With no extra chosen it is one of everybody's, and comes with the app itself.
        if marker is None or marker.evaluate({"extra": ""}):
            continue
        if any(marker.evaluate({"extra": name}) for name in names):
            found.append(f"{requirement.name}{requirement.specifier}")
    return tuple(found)
