"""One file over HTTP: resumed by range, bounded, timed, and proved by its sha256 before it gets its name."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import requests
import urllib3

from desktop.domain.errors import DownloadFailed, DownloadStopped, StorageUnusable
from desktop.downloads.pace import Pace
from desktop.downloads.part import Part
from desktop.downloads.wanted import Fetched, Progress, Wanted, is_fetchable, shown

TRIES_WITHOUT_PROGRESS: Final = 5
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
TELL_EVERY_S: Final = 0.2
REDIRECTS: Final = 5
_CONNECT_WITHIN_S: Final = 15.0
_SILENT_FOR_S: Final = 15.0
_CHUNK_BYTES: Final = 256 << 10
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)")


class _Broken(Exception):
    """This try failed in a way that another may not."""


class Transfer:
    """Fetches files one after the other. Blocking: run it in a thread of its own.

    `stop`, set from any thread, ends the present fetch at the next bytes, or when the server has been silent for
    `silent_for_s`; what arrived stays for the next one.
    """

    def __init__(
        self,
        stop: threading.Event,
        new_session: Callable[[], requests.Session] = requests.Session,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        silent_for_s: float = _SILENT_FOR_S,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self._new_session = new_session
        self._clock_s = clock_s
        self._silent_for_s = silent_for_s
        self._first_wait_s = first_wait_s
        self._stop = stop

    def fetch(self, wanted: Wanted, target: Path, tell: Callable[[Progress], None] = lambda _: None) -> Fetched:
        """Bring `wanted` to `target`, going on where an earlier call broke off.

        Raises DownloadFailed when the server refuses, lies or stays away, DownloadStopped after `stop`,
        StorageUnusable when the disk does not take it. `target` exists afterwards only if it is whole.
        """
        part = Part(target)
        failures, done_before = 0, -1
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            while True:
                try:
                    return self._try(wanted, part, tell)
                except _Broken as broken:
                    done = part.path.stat().st_size if part.path.exists() else 0
                    failures = 1 if done > done_before >= 0 else failures + 1
                    done_before = done
                    if failures >= TRIES_WITHOUT_PROGRESS:
                        raise DownloadFailed(
                            f"{target.name} could not be downloaded.",
                            why=str(broken),
                            now="Try again later; what has arrived is kept.",
                        ) from broken
                    self._wait(min(self._first_wait_s * 2 ** (failures - 1), LONGEST_WAIT_S))
        except OSError as error:
            raise StorageUnusable(
                f"{target.name} could not be written.",
                why=f"The system says: {error.strerror}.",
                now=f"Look at the free space and the rights of {target.parent}; what has arrived is kept.",
            ) from error

    def _try(self, wanted: Wanted, part: Part, tell: Callable[[Progress], None]) -> Fetched:
        have, validator = part.beginning(wanted)
        if wanted.bytes is None or have < wanted.bytes:
            with self._answer(wanted.url, have, validator) as answer:
                have = self._accept(answer, wanted, part, have)
                self._receive(answer, wanted, part, have, tell)
        digest = part.digest()
        length = part.path.stat().st_size
        if wanted.sha256 is not None and digest.hexdigest() != wanted.sha256:
            part.drop()
            raise DownloadFailed(
                f"{part.target.name} is not the file that was meant.",
                why=f"Its sha256 is {digest.hexdigest()[:16]}…, not {wanted.sha256[:16]}….",
                now="Nothing of it is kept. Try again, or use another source.",
            )
        part.finish()
        return Fetched(length, digest.hexdigest())

    @contextmanager
    def _answer(self, url: str, have: int, validator: str | None) -> Iterator[requests.Response]:
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if validator is not None:
                headers["If-Range"] = validator
        with self._new_session() as session:
            # The system's proxy is used, but no password that lies about in a .netrc is sent to anyone.
            session.auth = lambda request: request
            for _ in range(REDIRECTS):
                try:
                    answer = session.get(
                        url,
                        headers=headers,
                        stream=True,
                        allow_redirects=False,
                        timeout=(_CONNECT_WITHIN_S, self._silent_for_s),
                    )
                except requests.RequestException as error:
                    raise _Broken(_reason(error)) from error
                if answer.status_code not in _REDIRECTIONS:
                    with answer:
                        yield answer
                    return
                answer.close()
                url = urljoin(url, answer.headers.get("Location", ""))
                if not is_fetchable(url):
                    raise DownloadFailed("The server sends elsewhere.", why=f"{shown(url)} may not be contacted.")
        raise DownloadFailed("The server sends from one address to the next without end.")

    def _accept(self, answer: requests.Response, wanted: Wanted, part: Part, have: int) -> int:
        """How many bytes come before those of this answer; the part is made to hold exactly these."""
        status = answer.status_code
        if status in _PASSING:
            raise _Broken(f"The server answers with {status}.")
        if status == _UNSATISFIABLE and have:
            part.drop()
            raise _Broken("The server's file has become another.")
        if status == _PARTIAL and have:
            found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            whole = None if found is None or found[2] == "*" else int(found[2])
            if found is None or int(found[1]) != have or (whole and wanted.bytes and whole != wanted.bytes):
                part.drop()
                raise _Broken("The server answers with another part than asked for.")
            return have
        if status != _OK:
            raise DownloadFailed(
                f"{part.target.name} could not be downloaded.",
                why=f"The server answers with {status}.",
                now="Check the address of the source in the settings.",
            )
        promised = _length(answer)
        if promised is not None and wanted.bytes is not None and promised != wanted.bytes:
            raise DownloadFailed(
                f"{part.target.name} is not the file that was meant.",
                why=f"It has {promised:,} bytes, not {wanted.bytes:,}.",
                now="Use another source.",
            )
        part.begin(wanted, _strong(answer.headers.get("ETag")))
        return 0

    def _receive(
        self, answer: requests.Response, wanted: Wanted, part: Part, have: int, tell: Callable[[Progress], None]
    ) -> None:
        promised = _length(answer)
        total = wanted.bytes if wanted.bytes is not None else (None if promised is None else have + promised)
        pace = Pace(have, total, self._clock_s)
        told_s = self._clock_s()
        tell(pace.at(have))
        with part.path.open("ab") as file:
            for chunk in self._chunks(answer):
                file.write(chunk)
                have += len(chunk)
                if total is not None and have > total:
                    part.drop()
                    raise DownloadFailed(
                        f"{part.target.name} is not the file that was meant.",
                        why=f"More than its {total:,} bytes come.",
                        now="Nothing of it is kept. Use another source.",
                    )
                if self._clock_s() - told_s >= TELL_EVERY_S:
                    told_s = self._clock_s()
                    tell(pace.at(have))
        if total is not None and have < total:
            raise _Broken(f"The connection ended after {have:,} of {total:,} bytes.")
        tell(pace.at(have))

    def _chunks(self, answer: requests.Response) -> Iterator[bytes]:
        while True:
            if self._stop.is_set():
                raise _stopped()
            try:
                chunk = answer.raw.read1(_CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise _Broken(_reason(error)) from error
            if not chunk:
                return
            yield chunk

    def _wait(self, wait_s: float) -> None:
        if self._stop.wait(wait_s):
            raise _stopped()


def sha256_of(path: Path) -> str:
    """sha256 (hex) of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stopped() -> DownloadStopped:
    return DownloadStopped("The download was stopped.", now="Start it again to go on where it was.")


def _length(answer: requests.Response) -> int | None:
    text = answer.headers.get("Content-Length", "")
    return int(text) if re.fullmatch(r"\d{1,19}", text) else None


def _strong(etag: str | None) -> str | None:
    return etag if etag is not None and re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', etag) else None


def _reason(error: Exception) -> str:
    match error:
        case requests.exceptions.ProxyError():
            return "The proxy of this network does not let it through."
        case requests.exceptions.SSLError():
            return "The server's certificate is not trusted here; a proxy or a virus scanner may be in between."
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
            return "The server does not answer in time."
        case requests.exceptions.ConnectionError():
            return "The server cannot be reached."
        case _:
            return "The connection broke."
