"""The models that could be fetched, and whether one fits this computer, before a byte of it is fetched."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from desktop.domain.errors import ModelNotFound, SettingsError
from desktop.domain.model import ModelKind
from desktop.worker.models.catalogue import ARCHITECTURES

PARAMETER_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
# Beside the weights: attention memory, activations, the libraries on the device. A rough share, and said to be one.
_BESIDE_SHARE: Final = 0.2
_BESIDE_BYTES: Final = 768 << 20

_Slug = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9.-]{0,63}\Z")]
_Repository = Annotated[
    str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}\Z")
]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Candidate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of the hub, as its authors describe it. Sizes that follow from `parameters` are estimates."""

    id: _Slug
    name: _Text
    kind: ModelKind
    architecture: str
    parameters: _Positive
    context_tokens: _Positive
    max_output_tokens: Annotated[int, msgspec.Meta(ge=0)]
    dtype: Annotated[str, msgspec.Meta(pattern=r"\A(float32|bfloat16|float16)\Z")]
    licence: _Text
    repository: _Repository
    revision: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")] = "main"

    def __post_init__(self) -> None:
        if ARCHITECTURES.get(self.architecture) is not self.kind:
            raise ValueError(f"{self.architecture} is not a known architecture of kind {self.kind.value}")

    def weights_bytes(self, dtype: str) -> int:
        """About how much its weights take in that precision."""
        return self.parameters * PARAMETER_BYTES[dtype]

    def memory_bytes(self, dtype: str) -> int:
        """About how much of a device's memory it takes to serve it."""
        return int(self.weights_bytes(dtype) * (1 + _BESIDE_SHARE)) + _BESIDE_BYTES


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model fits, with both numbers. `has_bytes` None: not known, which forbids nothing."""

    needs_bytes: int
    has_bytes: int | None

    @property
    def fits(self) -> bool:
        """Whether there is enough, as far as it is known."""
        return self.has_bytes is None or self.needs_bytes <= self.has_bytes


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[Candidate, ...]


class Candidates:
    """All of them, found by id."""

    def __init__(self, entries: tuple[Candidate, ...]) -> None:
        self._entries = {entry.id: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise SettingsError("The list of models names one model twice.", now="Install Hearth again.")

    @classmethod
    def load(cls, path: Path) -> Candidates:
        """Read the list at `path` (TOML). Raises SettingsError for anything else."""
        try:
            document = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Document)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise SettingsError(
                f"The list of models {path.name} cannot be read.", why=f"{error}.", now="Install Hearth again."
            ) from error
        return cls(document.models)

    @property
    def entries(self) -> tuple[Candidate, ...]:
        """In the order of the file."""
        return tuple(self._entries.values())

    def entry(self, model_id: str) -> Candidate:
        """The one of that id, else ModelNotFound."""
        try:
            return self._entries[model_id]
        except KeyError:
            known = ", ".join(self._entries)
            raise ModelNotFound(
                f"There is no model named {model_id!r} to download.", parameter="model", now=f"There are: {known}."
            ) from None
