"""Starting when the owner logs in, as the window needs it."""

from __future__ import annotations

from typing import Protocol


class LoginSwitch(Protocol):
    """Whether Hearth starts with its owner's session. Both methods may raise errors of `desktop.domain.errors`."""

    def is_on(self) -> bool:
        """Whether it does."""
        ...

    def switch(self, *, on: bool) -> None:
        """Let it, or no longer."""
        ...
