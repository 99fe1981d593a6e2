"""Something between wallet and mint: it can cut the line, and change what the mint says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

Answer = dict[str, Any]
Tamper = Callable[[Answer], object]


class LineCut(requests.ConnectionError):
    """The connection broke."""


class Between:
    """Makes the sessions of a wallet. `calls` lists the paths asked for, in order.

    `cut_before[path]` and `cut_after[path]` count how many requests to that path are to be cut off, before the mint
    heard of them or after it acted. `tamper[path]` changes the answers (JSON) to that path; `replace[path]` gives
    status and body instead of asking at all. Paths are given by their beginning.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.cut_before: dict[str, int] = {}
        self.cut_after: dict[str, int] = {}
        self.tamper: dict[str, Tamper] = {}
        self.replace: dict[str, tuple[int, bytes]] = {}
        self.on_call: Callable[[str], None] = lambda _: None
        self.on_answer: Callable[[str], None] = lambda _: None

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", _Adapter(self))
        return session


class _Adapter(HTTPAdapter):
    def __init__(self, between: Between) -> None:
        super().__init__()
        self._between = between

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the signature is requests'
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the signature is requests'
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        between, path = self._between, request.path_url
        between.calls.append(path)
        between.on_call(path)
        if _counts_down(between.cut_before, path):
            raise LineCut
        for start, (status, body) in between.replace.items():
            if path.startswith(start):
                return _response(status, body, request)
        response = super().send(request, stream, timeout, verify, cert, proxies)
        if _counts_down(between.cut_after, path):
            response.close()
            raise LineCut
        between.on_answer(path)
        for start, tamper in between.tamper.items():
            if path.startswith(start):
                changed = tamper(json.loads(response.content))
                return _response(response.status_code, json.dumps(changed).encode(), request)
        return response


def _counts_down(counts: dict[str, int], path: str) -> bool:
    for start, left in counts.items():
        if path.startswith(start) and left > 0:
            counts[start] = left - 1
            return True
    return False


def _response(status: int, body: bytes, request: requests.PreparedRequest) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.raw = io.BytesIO(body)
    response.url = str(request.url)
    response.request = request
    return response
