"""The catalogue: which models exist for Hearth, and the sha256 of every byte they are made of."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from desktop.domain.errors import ModelNotFound, SettingsError
from desktop.domain.model import Model, ModelKind

ARCHITECTURES: Final[dict[str, ModelKind]] = {
    "BertModel": ModelKind.EMBEDDING,
    "LlamaForCausalLM": ModelKind.CHAT,
    "Qwen2ForCausalLM": ModelKind.CHAT,
    "Qwen3ForCausalLM": ModelKind.CHAT,
}
"""What the worker can run, by the name a model's own config uses. Anything else is refused when it is read."""

FROM_HUB: Final = "hub"
"""The conversion of a model whose files are used as a hub has them."""

_Slug = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9.-]{0,63}\Z")]
_FileName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,95}\.(safetensors|json)\Z")]
_SourcePath = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_./-]{0,191}\Z")]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PinnedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model folder: its name there, its size, the sha256 (hex) of its content."""

    name: _FileName
    bytes: _Positive
    sha256: _Sha256


class SourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an installed package, by its path in there."""

    path: _SourcePath
    bytes: _Positive
    sha256: _Sha256


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model comes from, and how its files become the model's files.

    A bundled model's `package` is an installed one; with the conversion `hub` it is a repository of a hub, and
    `version` the commit its files were taken from as they are.
    """

    package: _Text
    version: _Text
    upstream: _Text
    conversion: Annotated[str, msgspec.Meta(pattern=r"\A(gguf|copy|hub)\Z")]
    files: Annotated[tuple[SourceFile, ...], msgspec.Meta(min_length=1)]


class CatalogueEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: what it is, how it is asked, and every file pinned.

    `chat_template` (Jinja) and `stop_tokens` stand here and not in the model folder, so that they are signed with
    the rest. Both are empty for an embedding model, whose `max_output_tokens` is 0.
    """

    id: _Slug
    name: _Text
    kind: ModelKind
    architecture: str
    parameters: _Positive
    context_tokens: _Positive
    max_output_tokens: _Count
    dtype: Annotated[str, msgspec.Meta(pattern=r"\A(float32|bfloat16|float16)\Z")]
    licence: _Text
    files: Annotated[tuple[PinnedFile, ...], msgspec.Meta(min_length=1)]
    source: Source
    chat_template: Annotated[str, msgspec.Meta(max_length=32_768)] = ""
    stop_tokens: tuple[_Text, ...] = ()

    def __post_init__(self) -> None:
        if ARCHITECTURES.get(self.architecture) is not self.kind:
            raise ValueError(f"{self.architecture} is not a known architecture of kind {self.kind.value}")
        if self.max_output_tokens >= self.context_tokens:
            raise ValueError("max_output_tokens must leave room for a prompt")
        if (self.kind is ModelKind.CHAT) != bool(self.chat_template and self.stop_tokens and self.max_output_tokens):
            raise ValueError("a chat model has a template, stop tokens and an output limit; another model has none")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("two files of one name")

    @property
    def digest(self) -> str:
        """sha256 (hex) of the entry as canonical JSON: every field, keys sorted, no spaces, UTF-8."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def model(self) -> Model:
        """The entry as the rest of Hearth knows it."""
        return Model(
            id=self.id,
            name=self.name,
            kind=self.kind,
            parameters=self.parameters,
            context_tokens=self.context_tokens,
            max_output_tokens=self.max_output_tokens,
            dtype=self.dtype,
            licence=self.licence,
            digest=self.digest,
        )


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[CatalogueEntry, ...]


class Catalogue:
    """All entries, found by id. Parsed data only: no file of a model is opened here, and torch is not imported."""

    def __init__(self, entries: tuple[CatalogueEntry, ...]) -> None:
        self._entries = {entry.id: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise SettingsError("The model catalogue names one model twice.", now="Install Hearth again.")

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read the catalogue at `path` (TOML); SettingsError when it is missing or not a valid one."""
        try:
            document = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Document)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise SettingsError(
                f"The model catalogue {path.name} cannot be read.", why=f"{error}.", now="Install Hearth again."
            ) from error
        return cls(document.models)

    @property
    def entries(self) -> tuple[CatalogueEntry, ...]:
        """Every entry, in the order of the file."""
        return tuple(self._entries.values())

    def entry(self, model_id: str) -> CatalogueEntry:
        """The entry of that id, else ModelNotFound."""
        try:
            return self._entries[model_id]
        except KeyError:
            known = ", ".join(self._entries)
            raise ModelNotFound(
                f"There is no model named {model_id!r}.", parameter="model", now=f"Known models: {known}."
            ) from None
