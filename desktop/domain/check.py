"""One question to this computer or its network, with its answer: value, threshold, remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from desktop.domain.told import Value, plain


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, what is needed, and what to do if it is not enough. `ok` None: it could not be told.

    `name` stays the same for ever and names the question; `subject` tells apart those that are asked of several
    things. `value`, `threshold` and `remedy` are sentences as `desktop.domain.told` has them, with one set of values.
    """

    name: str
    ok: bool | None
    value: str
    threshold: str
    remedy: str = ""
    subject: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)

    def said(self, text: str) -> str:
        """One of the sentences in plain English."""
        return plain(text, self.values)

    @property
    def title(self) -> str:
        """The question with its subject."""
        return f"{self.name} {self.subject}".strip()
