from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from desktop.domain.errors import NetworkError
from desktop.domain.tariff import ExchangeRate
from desktop.network.exchange import MOST_BYTES, fetch_rate, rate_in
from desktop.node.exchange import FRESH_MS, STALE_MS, Exchange

URL = "https://rates.example/prices"


@contextmanager
def server(body: bytes, status: int = 200) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/"
        listening.shutdown()


def test_a_price_is_read_from_a_real_answer() -> None:
    with server(b'{"data": {"rates": {"EUR": "80000.00"}}}') as url:
        assert fetch_rate(url, "data.rates.EUR", 7) == ExchangeRate(Fraction(1250), url, 7)


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"EUR": 80000}', 302), (b'{"EUR": 80000}', 500), (b" " * (MOST_BYTES + 10), 200)]
)
def test_redirects_failures_and_floods_are_not_followed(body: bytes, status: int) -> None:
    with server(body, status) as url, pytest.raises(NetworkError):
        fetch_rate(url, "EUR", 0)


def test_nobody_there_is_said() -> None:
    with pytest.raises(NetworkError, match="did not answer"):
        fetch_rate("http://127.0.0.1:1/", "EUR", 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[80000]",
        b'{"USD": 1}',
        b'{"EUR": 0}',
        b'{"EUR": -5}',
        b'{"EUR": true}',
        b'{"EUR": "nan"}',
        b'{"EUR": "inf"}',
        b'{"EUR": {"x": 1}}',
        b'{"EUR": 1e400}',
        b'{"EUR": 1e20}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_price_is_refused(body: bytes) -> None:
    with pytest.raises(NetworkError):
        rate_in(body, "EUR", URL, 0)


def write(file: Path, text: str) -> None:
    file.write_text(text)


class Source:
    def __init__(self) -> None:
        self.asked = 0
        self.now_ms = 10 * STALE_MS
        self.down = False

    def fetch(self, url: str, field: str, at_ms: int) -> ExchangeRate:
        self.asked += 1
        if self.down:
            raise NetworkError("No.", why="It is down.")
        return ExchangeRate(Fraction(10**8, 3), f"{url}#{field}"[: len(url)], at_ms)

    def exchange(self, folder: Path, declared: ExchangeRate | None = None, field: str = "EUR") -> Exchange:
        return Exchange(
            declared,
            URL,
            field,
            folder / "exchange.json",
            fetch=self.fetch,
            write=write,
            now_ms=lambda: self.now_ms,
        )


def test_a_source_is_asked_once_an_hour_and_believed_for_a_day(tmp_path: Path) -> None:
    source = Source()
    exchange = source.exchange(tmp_path)
    assert exchange.current() is None
    assert source.asked == 0
    first = exchange.refresh()
    assert first is not None
    assert exchange.refresh() == first == source.exchange(tmp_path).current()
    assert source.asked == 1
    source.now_ms += FRESH_MS + 1
    source.down = True
    assert exchange.refresh() == first
    assert exchange.trouble == "It is down."
    source.now_ms += STALE_MS
    assert exchange.refresh() is None


def test_the_owners_word_wins_and_nobody_is_asked(tmp_path: Path) -> None:
    source = Source()
    mine = ExchangeRate(Fraction(9), "settings")
    assert source.exchange(tmp_path, mine).refresh() == mine
    assert source.asked == 0


def test_another_field_or_a_damaged_file_is_asked_anew(tmp_path: Path) -> None:
    source = Source()
    source.exchange(tmp_path).refresh()
    assert source.exchange(tmp_path, field="USD").current() is None
    (tmp_path / "exchange.json").write_text("{")
    assert source.exchange(tmp_path).current() is None
    assert source.exchange(tmp_path).refresh() is not None


def test_a_clock_set_back_makes_a_rate_old(tmp_path: Path) -> None:
    source = Source()
    source.exchange(tmp_path).refresh()
    source.now_ms -= 1
    assert source.exchange(tmp_path).current() is None
