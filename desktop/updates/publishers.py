"""Whose word on a new version counts: public keys that come with the program."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct

from desktop.domain.errors import UpdateInvalid

_Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Publisher(Struct, frozen=True, forbid_unknown_fields=True):
    """One of them: `signs` is an Ed25519 key, `nostr` the key of the events on relays."""

    name: str
    signs: _Key
    nostr: _Key


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    publisher: tuple[Publisher, ...]


@dataclass(frozen=True, slots=True)
class Publishers:
    """All of them. One key more is how a key is replaced: the old version knows both before the first is given up."""

    each: tuple[Publisher, ...]

    @classmethod
    def load(cls, file: Path) -> Self:
        """Those in a TOML file. Raises UpdateInvalid if it cannot be read: without keys nothing may be believed."""
        try:
            return cls(msgspec.convert(tomllib.loads(file.read_text("utf-8")), _File).publisher)
        except (OSError, ValueError) as error:
            raise UpdateInvalid(
                "The publisher's keys cannot be read.", why=f"{error}.", now="Install Hearth again."
            ) from error

    @property
    def keys(self) -> Mapping[str, str]:
        """Names by signing key."""
        return {each.signs: each.name for each in self.each}

    @property
    def nostr(self) -> tuple[str, ...]:
        """The keys to ask relays for."""
        return tuple(each.nostr for each in self.each)
