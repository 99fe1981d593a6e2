"""What must not be forgotten between two looks: the newest statement seen, the versions that failed here, our lot."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from desktop.domain.errors import StorageUnusable

FILE: Final = "updates.json"
MOST_TRIES: Final = 3
_MOST_BYTES: Final = 64 * 1024
_MOST_KEPT: Final = 50
Value = TypeVar("Value", str, int)
_NEVER_ENDED: Final = "It was begun {count} times and never came to an end."


class Outcome(Struct, frozen=True, kw_only=True):
    """How the last change of version went; `words` say why it was taken back. UTC milliseconds."""

    version: str
    before: str
    healthy: bool
    at_ms: int
    words: str = ""


class Remembered(Struct, frozen=True, kw_only=True):
    """`lot` places this computer in staged roll-outs; random, so that it tells nobody whose computer it is.

    `newest_issued_s` is that of the newest statement ever believed. `bad` holds versions with the reason why they are
    not tried again, `tries` how often one was begun and not seen to its end.
    """

    lot: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    newest_issued_s: Annotated[int, Meta(ge=0)] = 0
    checked_at_ms: int | None = None
    bad: dict[str, str] = {}
    tries: dict[str, int] = {}
    outcome: Outcome | None = None

    def unwell(self, version: str) -> str:
        """Why that version is not tried again; empty if it may be."""
        tries = self.tries.get(version, 0)
        return self.bad.get(version, "") or (_NEVER_ENDED.format(count=tries) if tries >= MOST_TRIES else "")


class Memory:
    """The file `updates.json` in `folder`; `write` keeps a file private and whole.

    A file that cannot be read is set aside and begun anew: what is lost is protection from statements that are older
    than one already seen and not yet expired, not from any other.
    """

    def __init__(self, folder: Path, write: Callable[[Path, str], None]) -> None:
        self._file = folder / FILE
        self._write = write

    def read(self) -> Remembered:
        """What is remembered; the lot is drawn now if there is none. Raises StorageUnusable."""
        try:
            with self._file.open("rb") as file:
                return msgspec.json.decode(file.read(_MOST_BYTES), type=Remembered)
        except FileNotFoundError:
            pass
        except (ValueError, RecursionError):
            self._file.replace(self._file.with_suffix(".unreadable"))
        except OSError as error:
            raise StorageUnusable(f"{self._file} cannot be read.", why=f"The system says: {error.strerror}.") from error
        fresh = Remembered(lot=secrets.token_hex(16))
        self.keep(fresh)
        return fresh

    def keep(self, remembered: Remembered) -> None:
        """Write it down. Raises StorageUnusable."""
        self._write(self._file, msgspec.json.encode(remembered).decode())

    def saw(self, issued_s: int, at_ms: int) -> None:
        """A statement of that time was believed; an older one never is from now on."""
        now = self.read()
        newest = max(now.newest_issued_s, issued_s)
        self.keep(msgspec.structs.replace(now, newest_issued_s=newest, checked_at_ms=at_ms))

    def begun(self, version: str) -> None:
        """The change to that version begins."""
        now = self.read()
        tries = {**now.tries, version: now.tries.get(version, 0) + 1}
        self.keep(msgspec.structs.replace(now, tries=_latest(tries)))

    def ended(self, outcome: Outcome) -> None:
        """It came to an end; a version that was not healthy is not tried again."""
        now = self.read()
        tries = {version: count for version, count in now.tries.items() if version != outcome.version}
        bad = now.bad if outcome.healthy else _latest({**now.bad, outcome.version: outcome.words or "It was unwell."})
        self.keep(msgspec.structs.replace(now, tries=tries, bad=bad, outcome=outcome))


def _latest(values: dict[str, Value]) -> dict[str, Value]:
    return dict(list(values.items())[-_MOST_KEPT:])
