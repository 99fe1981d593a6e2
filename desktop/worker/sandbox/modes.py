"""How well a worker can be shut in on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SandboxMode(StrEnum):
    """From the strongest to none. Which one applies is found by trying, never by guessing."""

    NAMESPACES = "namespaces"
    RESTRICTED = "restricted"
    NONE = "none"

    @property
    def in_words(self) -> str:
        """One sentence for the owner."""
        return _WORDS[self]

    @property
    def not_covered(self) -> tuple[str, ...]:
        """What this mode does not keep from a worker that has gone bad, in words."""
        return _NOT_COVERED[self]


_WORDS = {
    SandboxMode.NAMESPACES: "The worker runs shut in: no network, no files but the model, no other process in sight.",
    SandboxMode.RESTRICTED: (
        "The worker runs with restricted rights: no network and no files but the model and the program. "
        "Namespaces are not available here, so it can see some facts about this computer."
    ),
    SandboxMode.NONE: "The worker runs WITHOUT a sandbox. Only this computer's own demo jobs may run.",
}

_DRIVER = "flaws in the kernel or in the graphics driver"

_NOT_COVERED = {
    SandboxMode.NAMESPACES: (_DRIVER,),
    SandboxMode.RESTRICTED: (
        _DRIVER,
        "this computer's name, kernel version and list of mounted folders",
        "the names and folders of the program's own files",
        "with a graphics card, while a model is loaded and before any job: local sockets that have a path",
    ),
    SandboxMode.NONE: ("everything your own account may do",),
}


@dataclass(frozen=True, slots=True)
class ModePolicy:
    """Which modes may be used, strongest first; `allow_none` is for the loopback demo alone."""

    modes: tuple[SandboxMode, ...] = (SandboxMode.NAMESPACES, SandboxMode.RESTRICTED)
    allow_none: bool = False

    @property
    def in_order(self) -> tuple[SandboxMode, ...]:
        """The modes to try, one after the other."""
        return (*self.modes, SandboxMode.NONE) if self.allow_none else self.modes
