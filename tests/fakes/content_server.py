"""A real HTTP server on loopback that serves files, and can cut, corrupt, slow down and lie on command."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CHUNK_BYTES = 16 << 10


@dataclass
class Trick:
    """What happens to one answer, instead of the truth. `after_bytes`: what is sent before the connection is cut."""

    status: int | None = None
    after_bytes: int | None = None
    flip_byte: int | None = None
    ignore_range: bool = False
    shift_range: int = 0
    location: str | None = None
    etag: str | None = None
    hold: threading.Event | None = None
    body: bytes | None = None
    no_length: bool = False


@dataclass
class ContentServer:
    """`files` by path, `types` where one matters; `tricks` are played one per request of the path `tricked` (empty:
    of any), in order, then it behaves. `ranges` are what was asked of those.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    tricks: list[Trick] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    tricked: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    content: ContentServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""

    def do_GET(self) -> None:
        content = self.content
        asked = self.headers.get("Range")
        trick = Trick()
        if content.tricked in {"", self.path}:
            content.ranges.append(asked)
            trick = content.tricks.pop(0) if content.tricks else trick
        data = content.files.get(self.path.partition("?")[0]) if trick.body is None else trick.body
        if trick.status is not None or data is None:
            self._say(trick.status or HTTPStatus.NOT_FOUND, {"Location": trick.location or ""})
            return
        etag = trick.etag or '"first"'
        start = self._start(asked, etag, trick)
        if start and start >= len(data):
            self._say(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {})
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        self.send_header("ETag", etag)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", content.types.get(self.path, "application/octet-stream"))
        if not trick.no_length:
            self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start + trick.shift_range}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        self._send(data, start, trick)
        self.close_connection = True

    def _start(self, asked: str | None, etag: str, trick: Trick) -> int:
        if not asked or trick.ignore_range or self.headers.get("If-Range", etag) != etag:
            return 0
        found = re.fullmatch(r"bytes=(\d+)-", asked)
        assert found is not None
        return int(found[1])

    def _send(self, data: bytes, start: int, trick: Trick) -> None:
        if trick.flip_byte is not None:
            data = data[: trick.flip_byte] + bytes([data[trick.flip_byte] ^ 1]) + data[trick.flip_byte + 1 :]
        end = len(data) if trick.after_bytes is None else min(len(data), start + trick.after_bytes)
        try:
            for at in range(start, end, _CHUNK_BYTES):
                self.wfile.write(data[at : min(end, at + _CHUNK_BYTES)])
            if trick.hold is not None:
                self.wfile.flush()
                trick.hold.wait(30)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()


@contextmanager
def content_server() -> Iterator[ContentServer]:
    """A server on a free port of 127.0.0.1."""
    content = ContentServer("")
    handler = type("Handler", (_Handler,), {"content": content})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    content.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield content
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
