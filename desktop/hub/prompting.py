"""How a model wants to be asked, as its own repository says: chat template and the tokens that end an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec

from desktop.domain.errors import ModelCorrupt

MOST_BYTES: Final = 32 << 20
_DEFAULT: Final = "default"
_MOST_STOPS: Final = 8

Kind = TypeVar("Kind")


class _Named(msgspec.Struct, frozen=True):
    name: str
    template: str


class _Token(msgspec.Struct, frozen=True):
    content: str


class _AddedToken(msgspec.Struct, frozen=True):
    id: int
    content: str


class _TokenizerConfig(msgspec.Struct, frozen=True):
    chat_template: str | tuple[_Named, ...] | None = None
    eos_token: str | _Token | None = None


class _Tokenizer(msgspec.Struct, frozen=True):
    added_tokens: tuple[_AddedToken, ...] = ()


class _GenerationConfig(msgspec.Struct, frozen=True):
    eos_token_id: Annotated[int, msgspec.Meta(ge=0)] | tuple[Annotated[int, msgspec.Meta(ge=0)], ...] | None = None


def read_template(folder: Path) -> str:
    """The chat template in `chat_template.jinja`, else in `tokenizer_config.json`. Raises ModelCorrupt for none."""
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        try:
            return alone.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelCorrupt(f"The file {alone.name} is not usable.", why=f"{error}.") from error
    found = _read(folder / "tokenizer_config.json", _TokenizerConfig).chat_template
    if isinstance(found, tuple):
        found = next((each.template for each in found if each.name == _DEFAULT), None)
    if not found:
        raise ModelCorrupt("The model has no chat template.", now="It cannot be offered for chats; choose another.")
    return found


def read_stop_tokens(folder: Path) -> tuple[str, ...]:
    """The tokens after which an answer is over. Raises ModelCorrupt where none is named."""
    config = _read(folder / "tokenizer_config.json", _TokenizerConfig)
    named = config.eos_token.content if isinstance(config.eos_token, _Token) else config.eos_token
    stops = [named] if named else []
    generation = folder / "generation_config.json"
    if generation.is_file():
        ids = _read(generation, _GenerationConfig).eos_token_id
        wanted = set(ids if isinstance(ids, tuple) else () if ids is None else (ids,))
        if wanted:
            tokens = _read(folder / "tokenizer.json", _Tokenizer).added_tokens
            stops += [token.content for token in tokens if token.id in wanted]
    stops = list(dict.fromkeys(stops))
    if not stops or len(stops) > _MOST_STOPS:
        raise ModelCorrupt("The model does not say what ends an answer.", now="Choose another.")
    return tuple(stops)


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelCorrupt(f"The file {path.name} is not usable.", why="It is far too large for what it is.")
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelCorrupt(f"The file {path.name} is not usable.", why=f"{error}.") from error
