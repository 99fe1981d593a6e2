"""What a setting may be: one rule per kind of value.

A rule turns what a file or a person gave into a value that is right, or refuses it; and writes a value as TOML.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.config.toml import listed, quoted

_MODEL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


class NotAllowed(ValueError):
    """A value that a setting may not have; what it may be is the rule's to say."""


class Rule(Protocol):
    """`kind` and `allowed` are for people; `choices` is empty unless the value is one of a few words."""

    @property
    def kind(self) -> str:
        """The kind of value, in a word or two."""

    @property
    def allowed(self) -> str:
        """What the value must be, to follow "must be"."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, if it is one of a few."""

    def check(self, raw: object) -> object:
        """The value, put into its usual form. Raises ValueError for what is not allowed."""

    def write(self, value: object) -> str:
        """A checked value as TOML."""


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    kind: str = "switch"
    allowed: str = "true or false"
    choices: tuple[str, ...] = ("true", "false")

    def check(self, raw: object) -> bool:
        """A boolean, not a number that looks like one."""
        if not isinstance(raw, bool):
            raise NotAllowed
        return raw

    def write(self, value: object) -> str:
        """As TOML."""
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `most`, both included."""

    least: int
    most: int
    kind: str = "number"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The range."""
        return f"a whole number from {self.least} to {self.most}"

    def check(self, raw: object) -> int:
        """An integer in range."""
        if isinstance(raw, bool) or not isinstance(raw, int) or not self.least <= raw <= self.most:
            raise NotAllowed
        return raw

    def write(self, value: object) -> str:
        """As TOML."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Text:
    """One line of at most `longest` characters; empty is fine."""

    longest: int
    kind: str = "text"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The length."""
        return f"one line of text, at most {self.longest} characters"

    def check(self, raw: object) -> str:
        """Trimmed and printable."""
        text = text_of(raw).strip()
        if len(text) > self.longest or not text.isprintable():
            raise NotAllowed
        return text

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    choices: tuple[str, ...]
    kind: str = "choice"

    @property
    def allowed(self) -> str:
        """The words."""
        return "one of: " + ", ".join(self.choices)

    def check(self, raw: object) -> str:
        """The word, exactly."""
        word = text_of(raw)
        if word not in self.choices:
            raise NotAllowed
        return word

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address of this computer to listen on."""

    kind: str = "address"
    allowed: str = "an IP address, such as 127.0.0.1"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> str:
        """The address in its shortest form."""
        return str(ipaddress.ip_address(text_of(raw).strip()))

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


@dataclass(frozen=True, slots=True)
class ModelIds:
    """A list of model ids, without doubles."""

    most: int = 64
    kind: str = "list of models"
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The form."""
        return f"a list of at most {self.most} model ids"

    def check(self, raw: object) -> tuple[str, ...]:
        """The ids in order."""
        ids = tuple(dict.fromkeys(model_id_of(item) for item in items_of(raw)))
        if len(ids) > self.most:
            raise NotAllowed
        return ids

    def write(self, value: object) -> str:
        """As TOML."""
        return listed([quoted(str(item)) for item in items_of(value)])


@dataclass(frozen=True, slots=True)
class ModelId:
    """One model id, or nothing."""

    kind: str = "model"
    allowed: str = "a model id, or empty"
    choices: tuple[str, ...] = ()

    def check(self, raw: object) -> str:
        """The id."""
        return model_id_of(raw) if text_of(raw) else ""

    def write(self, value: object) -> str:
        """As TOML."""
        return quoted(str(value))


def text_of(raw: object) -> str:
    """A string, or NotAllowed."""
    if not isinstance(raw, str):
        raise NotAllowed
    return raw


def items_of(raw: object) -> list[object]:
    """The items of a list, or NotAllowed."""
    if not isinstance(raw, list | tuple):
        raise NotAllowed
    return list(raw)


def model_id_of(raw: object) -> str:
    """A model id, or NotAllowed."""
    text = text_of(raw)
    if not _MODEL_ID.fullmatch(text):
        raise NotAllowed
    return text
