"""What the hub says a model's repository holds: files with sizes and digests, at one commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
import requests

from desktop.domain.errors import DownloadFailed, SettingsError
from desktop.downloads.wanted import is_fetchable, shown
from desktop.hub.candidates import Candidate

_WITHIN_S: Final = 20.0
_MOST_BYTES: Final = 8 << 20
_OK, _NOT_FOUND, _FORBIDDEN = 200, 404, frozenset({401, 403})

_Sha = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{40}\Z")]
_Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 44)]


class _Lfs(msgspec.Struct, frozen=True):
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    size: _Size


class _Sibling(msgspec.Struct, frozen=True):
    rfilename: Annotated[str, msgspec.Meta(max_length=300)]
    size: _Size | None = None
    blobId: _Sha | None = None  # noqa: N815 - the hub's own name
    lfs: _Lfs | None = None


class _Repository(msgspec.Struct, frozen=True):
    sha: _Sha
    siblings: tuple[_Sibling, ...]


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file. Large ones are listed with their sha256, small ones with the id git gives their content."""

    path: str
    bytes: int
    sha256: str | None
    git_blob: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at the commit `revision`; files by path."""

    repository: str
    revision: str
    files: dict[str, HubFile]


class Hub:
    """A hub of models at `source`, an https address that may be a mirror. Blocking."""

    def __init__(self, source: str, new_session: Callable[[], requests.Session] = requests.Session) -> None:
        if not is_fetchable(source):
            raise SettingsError(f"{shown(source)} is not a source of models.", now="Correct it in the settings.")
        self.source = source.rstrip("/")
        self._new_session = new_session

    def listing(self, candidate: Candidate) -> Listing:
        """What the repository holds now. Raises DownloadFailed where the hub refuses, is away, or makes no sense."""
        path = f"/api/models/{candidate.repository}/revision/{candidate.revision}?blobs=true"
        try:
            with self._new_session() as session:
                session.auth = lambda request: request  # no password from a .netrc
                with session.get(
                    f"{self.source}{path}", stream=True, timeout=_WITHIN_S, allow_redirects=False
                ) as answer:
                    body = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
                    status = answer.status_code
        except (requests.RequestException, OSError) as error:
            raise DownloadFailed(
                f"{shown(self.source)} cannot be asked about {candidate.name}.",
                why="It cannot be reached.",
                now="Check the internet connection, or set another source of models.",
            ) from error
        if status != _OK or len(body) > _MOST_BYTES:
            raise DownloadFailed(
                f"{shown(self.source)} does not tell about {candidate.name}.",
                why=_reason(status),
                now="Try another model.",
            )
        try:
            told = msgspec.json.decode(body, type=_Repository)
        except msgspec.MsgspecError as error:
            raise DownloadFailed(
                f"What {shown(self.source)} says about {candidate.name} cannot be read.", why=f"{error}."
            ) from error
        return Listing(candidate.repository, told.sha, {each.rfilename: _file(each) for each in told.siblings})

    def address(self, listing: Listing, path: str) -> str:
        """Where a listed file is fetched from: at the commit, so that nothing changes in between."""
        return f"{self.source}/{listing.repository}/resolve/{listing.revision}/{path}"


def _file(each: _Sibling) -> HubFile:
    if each.lfs is not None:
        return HubFile(each.rfilename, each.lfs.size, each.lfs.sha256, None)
    return HubFile(each.rfilename, each.size or 0, None, each.blobId)


def _reason(status: int) -> str:
    if status == _NOT_FOUND:
        return "It knows no such model."
    if status in _FORBIDDEN:
        return "Its authors give it only to those who ask them."
    return f"It answers with {status}."
