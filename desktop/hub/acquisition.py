"""Fetches one model from a hub, and pins it: what came is recorded byte for byte and checked from then on."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from desktop.domain.errors import DownloadFailed, ModelCorrupt, StorageUnusable
from desktop.domain.model import ModelKind
from desktop.downloads.sole import sole
from desktop.downloads.space import require_room
from desktop.downloads.transfer import Transfer, sha256_of
from desktop.downloads.wanted import Fetched, Progress, Wanted
from desktop.hub.candidates import Candidate
from desktop.hub.listing import Hub, HubFile, Listing
from desktop.hub.prompting import read_stop_tokens, read_template
from desktop.hub.shelf import Held, Shelf
from desktop.worker.models.catalogue import FROM_HUB, CatalogueEntry, PinnedFile, Source, SourceFile

_SHARD: Final = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
# What the worker reads, and what only tells how to ask.
_READ: Final = ("config.json", "tokenizer.json")
_TOLD: Final = ("tokenizer_config.json", "generation_config.json", "chat_template.jinja")
_NEEDED: Final = {ModelKind.CHAT: (*_READ, "tokenizer_config.json"), ModelKind.EMBEDDING: _READ}


@dataclass(frozen=True, slots=True)
class Size:
    """What a model takes on the disk, and the quota it has to fit into with those that are there."""

    bytes: int
    held_bytes: int
    quota_bytes: int | None


class Acquisition:
    """Brings models to a shelf. Blocking; the stop of `transfer` pauses it, and the same call goes on where it was."""

    def __init__(self, hub: Hub, transfer: Transfer, shelf: Shelf, quota_bytes: int | None) -> None:
        self._hub = hub
        self._transfer = transfer
        self._shelf = shelf
        self._quota_bytes = quota_bytes

    def listing(self, candidate: Candidate) -> Listing:
        """What there is to fetch: of a model that was here before, the same, byte for byte.

        Raises DownloadFailed, also where the repository lacks what the engine needs, or lists other files than before.
        """
        pinned = self._shelf.pinned(candidate.id)
        if pinned is not None:
            candidate = msgspec.structs.replace(candidate, revision=pinned.source.version)
        listing = self._hub.listing(candidate)
        chosen = {path: file for path, file in listing.files.items() if _is_wanted(path)}
        missing = [path for path in _NEEDED[candidate.kind] if path not in chosen]
        if not any(map(_SHARD.fullmatch, chosen)):
            missing.append("model.safetensors")
        if missing:
            raise DownloadFailed(
                f"The hub does not have all of {candidate.name}.", why=f"It lacks {', '.join(missing)}."
            )
        if pinned is not None:
            chosen = _held_to(pinned, listing.revision, chosen)
        return Listing(listing.repository, listing.revision, chosen)

    def size(self, listing: Listing) -> Size:
        """What it takes, against the quota."""
        held = sum(each.bytes for each in self._shelf.held())
        return Size(sum(file.bytes for file in listing.files.values()), held, self._quota_bytes)

    def fetch(self, candidate: Candidate, dtype: str, tell: Callable[[Progress], None]) -> CatalogueEntry:
        """Fetch the model, to be computed with in `dtype`, and put it on the shelf.

        Raises DownloadFailed, DownloadStopped, ModelCorrupt for a repository that makes no sense, StorageUnusable when
        disk or quota have no room, with the numbers, and Busy while another process fetches it.
        """
        with sole(self._shelf.lock(candidate.id), candidate.name):
            return self._fetch(candidate, dtype, tell)

    def make_room(self, candidate: Candidate, keep: Container[str]) -> tuple[CatalogueEntry, ...]:
        """Remove as many models as must go for this one to fit limit and disk, the longest unused first; which went.

        None whose id is in `keep`. Raises StorageUnusable, with nothing removed, where even all of the others would not
        do.
        """
        listing = self.listing(candidate)
        part = self._shelf.unfinished(candidate.id)
        removable = [held for held in self._shelf.held() if held.entry.id not in keep]
        for count in range(len(removable) + 1):
            going = removable[:count]
            try:
                self._require_room(candidate, listing, part, going)
            except StorageUnusable:
                if count == len(removable):
                    raise
            else:
                break
        for held in going:
            self._shelf.remove(held.entry)
        return tuple(held.entry for held in going)

    def _fetch(self, candidate: Candidate, dtype: str, tell: Callable[[Progress], None]) -> CatalogueEntry:
        listing = self.listing(candidate)
        part = self._shelf.unfinished(candidate.id)
        self._require_room(candidate, listing, part)
        try:
            part.mkdir(parents=True, exist_ok=True)
            files = self._fetch_files(listing, part, tell)
            entry = _entry(candidate, dtype, listing, files, part)
            for path in part.iterdir():
                if path.name not in {file.name for file in entry.files}:
                    path.unlink()
            part.chmod(0o755)  # the worker may be another user than the node, and weights are public
            folder = self._shelf.folder_of(entry)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
        except OSError as error:
            raise StorageUnusable(
                f"{candidate.name} could not be written.",
                why=f"The system says: {error.strerror}.",
                now=f"Look at the free space and the rights of {self._shelf.folder}; what has arrived is kept.",
            ) from error
        self._shelf.put(entry)
        return entry

    def _require_room(self, candidate: Candidate, listing: Listing, part: Path, going: Sequence[Held] = ()) -> None:
        size, leaving = self.size(listing), sum(each.bytes for each in going)
        if size.quota_bytes is not None and size.held_bytes - leaving + size.bytes > size.quota_bytes:
            taken = f"{_gib(size.held_bytes)} of {_gib(size.quota_bytes)} GiB are taken"
            raise StorageUnusable(
                f"{candidate.name} does not fit your limit for models.",
                why=f"It takes {_gib(size.bytes)} GiB; {taken}.",
                now="Remove a model, or raise the limit in the settings.",
            )
        require_room(self._shelf.folder, max(size.bytes - _arrived_in(part), 0) - leaving, candidate.name)

    def _fetch_files(self, listing: Listing, part: Path, tell: Callable[[Progress], None]) -> dict[str, Fetched]:
        total = sum(file.bytes for file in listing.files.values())
        done = 0
        fetched: dict[str, Fetched] = {}

        def progress(at: Progress) -> None:
            left_s = (total - done - at.done_bytes) / at.bytes_per_s if at.bytes_per_s else None
            tell(Progress(done + at.done_bytes, total, at.bytes_per_s, left_s))

        for path, file in sorted(listing.files.items()):
            target = part / path
            known = _arrived(target, file)
            if known is None:
                wanted = Wanted(self._hub.address(listing, path), file.bytes, file.sha256)
                known = self._transfer.fetch(wanted, target, progress)
                if file.sha256 is None and _git_blob(target) != file.git_blob:
                    target.unlink()
                    raise DownloadFailed(
                        f"{path} is not the file that the hub lists.", now="Try again, or use another source."
                    )
                target.chmod(0o644)
            done += file.bytes
            fetched[path] = known
        return fetched


def _entry(
    candidate: Candidate, dtype: str, listing: Listing, files: dict[str, Fetched], folder: Path
) -> CatalogueEntry:
    chat = candidate.kind is ModelKind.CHAT
    read = [path for path in files if path in _READ or _SHARD.fullmatch(path)]
    try:
        return CatalogueEntry(
            id=candidate.id,
            name=candidate.name,
            kind=candidate.kind,
            architecture=candidate.architecture,
            parameters=candidate.parameters,
            context_tokens=candidate.context_tokens,
            max_output_tokens=candidate.max_output_tokens,
            dtype=dtype,
            licence=candidate.licence,
            files=tuple(PinnedFile(path, files[path].bytes, files[path].sha256) for path in sorted(read)),
            source=Source(
                package=listing.repository,
                version=listing.revision,
                upstream=listing.repository,
                conversion=FROM_HUB,
                files=tuple(SourceFile(path, each.bytes, each.sha256) for path, each in sorted(files.items())),
            ),
            chat_template=read_template(folder) if chat else "",
            stop_tokens=read_stop_tokens(folder) if chat else (),
        )
    except (ValueError, msgspec.ValidationError) as error:
        raise ModelCorrupt(f"The files of {candidate.name} do not fit together.", why=f"{error}.") from error


def _held_to(pinned: CatalogueEntry, revision: str, files: dict[str, HubFile]) -> dict[str, HubFile]:
    """The files with the digests they had the first time."""
    before = {file.path: file for file in pinned.source.files}
    same = revision == pinned.source.version and files.keys() == before.keys()
    for path, file in files.items():
        same = same and file.bytes == before[path].bytes and file.sha256 in {None, before[path].sha256}
    if not same:
        raise DownloadFailed(
            f"The source does not have {pinned.name} as it was when it was here before.",
            why="It lists other files for the version that was recorded then.",
            now=f"Use another source, or take its newest version: hearth models get {pinned.id} --newest",
        )
    return {path: replace(file, sha256=before[path].sha256) for path, file in files.items()}


def _is_wanted(path: str) -> bool:
    return path in _READ or path in _TOLD or _SHARD.fullmatch(path) is not None


def _arrived_in(part: Path) -> int:
    return sum(path.stat().st_size for path in part.iterdir()) if part.is_dir() else 0


def _arrived(target: Path, file: HubFile) -> Fetched | None:
    if not target.is_file() or target.stat().st_size != file.bytes:
        return None
    digest = sha256_of(target)
    whole = digest == file.sha256 if file.sha256 is not None else _git_blob(target) == file.git_blob
    return Fetched(file.bytes, digest) if whole else None


def _git_blob(path: Path) -> str:
    data = path.read_bytes()
    # Git's own name for content; the hub lists nothing better for small files.
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def _gib(amount: int) -> str:
    return f"{amount / (1 << 30):,.1f}"
