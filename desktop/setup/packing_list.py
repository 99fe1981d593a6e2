"""What has to be fetched for a build: file by file, with size and digest, as the source itself lists them."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from desktop.domain.errors import DownloadFailed, Unavailable
from desktop.setup.uv import Uv

LIST_WITHIN_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file to fetch. `bytes` None: the source does not say."""

    name: str
    version: str
    file: str
    url: str
    bytes: int | None
    sha256: str


class _Hashes(msgspec.Struct, frozen=True):
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _WheelEntry(msgspec.Struct, frozen=True):
    url: Annotated[str, msgspec.Meta(max_length=2000)]
    hashes: _Hashes
    size: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _Package(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
    version: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9.+!_-]{0,99}\Z")]
    marker: str = ""
    wheels: tuple[_WheelEntry, ...] = ()


class _Lock(msgspec.Struct, frozen=True):
    packages: tuple[_Package, ...] = ()


class PackingList:
    """Asks `uv` for the files of some requirements, for this system and this Python.

    `index` is the one source to ask, with `{build}` standing for the build's name; empty for uv's own knowledge of
    where torch's builds are. Nothing is fetched here but the source's lists.
    """

    def __init__(self, uv: Uv, index: str = "", *, python: Path = Path(sys.executable)) -> None:
        self._uv = uv
        self._index = index
        self._python = python

    def of(self, requirements: Sequence[str], build: str, *, alone: bool = False) -> tuple[Wheel, ...]:
        """The wheels of all `requirements` and, unless they stand `alone`, of what they need themselves.

        Raises Unavailable when the source has no such build or no file for this computer, DownloadFailed when it
        cannot be asked or what it says cannot be read, DownloadStopped when it was told to.
        """
        with tempfile.TemporaryDirectory(prefix="hearth-") as folder:
            wanted, answer = Path(folder, "wanted.in"), Path(folder, "pylock.toml")
            wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
            line = ["pip", "compile", str(wanted), "--format", "pylock.toml", "-o", str(answer), "--no-header"]
            line += ["--only-binary", ":all:", "--python", str(self._python)]
            if self._index:
                line += ["--default-index", self._index.replace("{build}", build)]
            else:
                line += ["--torch-backend", build]
            if alone:
                line.append("--no-deps")
            self._uv.run(line, LIST_WITHIN_S)
            return read_lock(answer.read_text(encoding="utf-8"), list(sys_tags()))


def read_lock(text: str, tags: Sequence[Tag]) -> tuple[Wheel, ...]:
    """The file for a computer of these `tags` (best first) of each package in a pylock.toml (PEP 751)."""
    try:
        lock = msgspec.convert(tomllib.loads(text), _Lock)
        return tuple(
            _best(package, tags) for package in lock.packages if not package.marker or Marker(package.marker).evaluate()
        )
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, InvalidMarker, InvalidWheelFilename) as error:
        raise DownloadFailed("The source's list of files cannot be read.", why=f"{error}.") from error


def total_bytes(wheels: Sequence[Wheel]) -> int | None:
    """What there is to fetch; None where the source does not tell each size."""
    sizes = [wheel.bytes for wheel in wheels]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _best(package: _Package, tags: Sequence[Tag]) -> Wheel:
    rank = {tag: place for place, tag in enumerate(tags)}
    fitting: list[tuple[int, str, _WheelEntry]] = []
    for entry in package.wheels:
        file = unquote(urlsplit(entry.url).path.rpartition("/")[2])
        _, _, _, fits = parse_wheel_filename(file)
        places = [rank[tag] for tag in fits if tag in rank]
        if places:
            fitting.append((min(places), file, entry))
    if not fitting:
        raise Unavailable(
            f"There is no {package.name} {package.version} for this computer.",
            why="None of its files is for this system and this Python.",
        )
    _, file, entry = min(fitting, key=lambda each: each[:2])
    return Wheel(package.name, package.version, file, entry.url, entry.size, entry.hashes.sha256)
