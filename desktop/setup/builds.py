"""Which builds of torch there are, and which of them fit a device: a table and a pure choice."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from desktop.domain.device import DeviceKind
from desktop.domain.errors import SettingsError

System = Literal["linux", "windows"]
_Version = tuple[Annotated[int, msgspec.Meta(ge=0)], ...]


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family of builds; `id` is the name its source has for it. Bounds are left out where there is none."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9.]{1,20}\Z")]
    name: str
    kind: DeviceKind
    systems: tuple[System, ...]
    least_driver: _Version = ()
    least_capability: _Version = ()
    below_capability: _Version = ()


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    builds: tuple[Build, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What the choice rests on. `capability` is NVIDIA's compute capability, such as (8, 9)."""

    kind: DeviceKind
    name: str
    driver: str | None = None
    capability: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A build, and why it or why not a better one, in a sentence."""

    build: Build
    reason: str


def load_builds(path: Path) -> tuple[Build, ...]:
    """The table at `path` (TOML). Raises SettingsError for anything else."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Document).builds
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"The table of torch builds {path.name} cannot be read.", why=f"{error}.", now="Install Hearth again."
        ) from error


def choices(cards: Sequence[Card], builds: Sequence[Build], system: System) -> tuple[Choice, ...]:
    """What may be tried on this computer, best first; the processor's build is always there, and last.

    One build serves all cards of a kind: it must fit each of them. Raises SettingsError if the table has no build
    for the processor.
    """
    found: list[Choice] = []
    against = ""
    for kind in (DeviceKind.NVIDIA, DeviceKind.AMD, DeviceKind.INTEL):
        group = [card for card in cards if card.kind is kind]
        for build in builds:
            if not group or build.kind is not kind or system not in build.systems:
                continue
            obstacle = next(filter(None, (_obstacle(card, build) for card in group)), "")
            if obstacle:
                against = against or obstacle
            else:
                found.append(Choice(build, f"It fits {' and '.join(dict.fromkeys(card.name for card in group))}."))
        if group and not any(choice.build.kind is kind for choice in found):
            against = against or f"There is no build for {group[0].name} on this system."
    processor = next((build for build in builds if build.kind is DeviceKind.CPU and system in build.systems), None)
    if processor is None:
        raise SettingsError("The table of torch builds has none for the processor.", now="Install Hearth again.")
    if found:
        last = "It works without a graphics card, many times slower."
    else:
        last = against or "No graphics card was found that could do the work."
    return (*found, Choice(processor, last))


def _obstacle(card: Card, build: Build) -> str:
    if build.least_driver:
        driver = _numbers(card.driver)
        needed = ".".join(map(str, build.least_driver))
        if driver is None:
            return f"{card.name} has no working driver; {build.name} needs version {needed} or later."
        if driver < build.least_driver:
            return f"{card.name} has driver {card.driver}; {build.name} needs {needed} or later."
    # A capability that is not known forbids nothing: the matrix decides.
    if card.capability is not None and build.least_capability and card.capability < build.least_capability:
        return f"{card.name} is too old for {build.name}."
    if card.capability is not None and build.below_capability and card.capability >= build.below_capability:
        return f"{card.name} is too new for {build.name}."
    return ""


def _numbers(version: str | None) -> tuple[int, ...] | None:
    found = re.match(r"\d{1,6}(\.\d{1,6})*", version or "")
    return None if found is None else tuple(int(part) for part in found[0].split("."))
