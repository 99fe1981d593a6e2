"""The calls of a mint's HTTP API. What comes back is hostile: it is bounded, timed and validated, or refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec
import requests
import urllib3

from desktop.domain.errors import MintMisbehaved, MintUnreachable
from desktop.wallet import messages
from desktop.wallet.coin import Coin
from desktop.wallet.messages import BlindedMessage
from desktop.wallet.refusal import Code, MintRefusal

_CONNECT_WITHIN_S: Final = 5.0
_ANSWER_WITHIN_S: Final = 20.0
_PAY_WITHIN_S: Final = 120.0
_MOST_BYTES: Final = 4 * 2**20
_CHUNK_BYTES: Final = 64 * 2**10
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_REFUSED: Final = range(400, 500)
_OK: Final = 200

Answer = TypeVar("Answer", bound=msgspec.Struct)


class MintClient:
    """One mint at `url` (already normalised). Safe to use from several threads: each call takes a session of its own.

    Every method raises MintUnreachable where it is not known whether the mint acted, MintRefusal where it said no,
    and MintMisbehaved where its answer is not what the NUTs describe. Redirects, ambient proxies and stored
    passwords are not followed, so nothing but the accepted address is ever contacted.
    """

    def __init__(
        self,
        url: str,
        new_session: Callable[[], requests.Session] = requests.Session,
        *,
        answer_within_s: float = _ANSWER_WITHIN_S,
    ) -> None:
        self.url = url
        self._answer_within_s = answer_within_s
        self._new_session = new_session
        self._idle: list[requests.Session] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MintClient({self.url})"

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def info(self) -> messages.Info:
        """What the mint says it can do (NUT-06)."""
        return self._get("/v1/info", messages.Info)

    def keysets(self) -> list[messages.KeysetHeader]:
        """All keysets, active or not (NUT-02)."""
        return self._get("/v1/keysets", messages.KeysetList).keysets

    def keys(self, keyset_id: str) -> dict[str, str]:
        """The keys of one keyset, as text (NUT-01)."""
        for keyset in self._get(f"/v1/keys/{keyset_id}", messages.KeysAnswer).keysets:
            if keyset.id == keyset_id:
                return keyset.keys
        raise self._misbehaved("It lists a keyset and then does not show its keys.")

    def swap(self, inputs: Sequence[Coin], outputs: Sequence[BlindedMessage]) -> list[messages.Signature]:
        """Trade coins for signatures on new ones (NUT-03)."""
        body = {"inputs": [_wire(coin) for coin in inputs], "outputs": outputs}
        return self._post("/v1/swap", body, messages.SignatureList).signatures

    def restore(self, outputs: Sequence[BlindedMessage]) -> dict[str, messages.Signature]:
        """The signatures the mint gave on any of these outputs before, by output (NUT-09)."""
        answer = self._post("/v1/restore", {"outputs": outputs}, messages.RestoreAnswer)
        if len(answer.outputs) != len(answer.signatures):
            raise self._misbehaved("It returns signatures that belong to nothing.")
        asked = {output.point for output in outputs}
        found = {out.point.lower(): sig for out, sig in zip(answer.outputs, answer.signatures, strict=True)}
        if not found.keys() <= asked:
            raise self._misbehaved("It returns signatures nobody asked for.")
        return found

    def states(self, ys: Sequence[str]) -> list[str]:
        """For each coin, UNSPENT, PENDING or SPENT (NUT-07), in the order asked."""
        answer = self._post("/v1/checkstate", {"Ys": list(ys)}, messages.StateAnswer)
        if [entry.y.lower() for entry in answer.states] != list(ys):
            raise self._misbehaved("It tells the state of other coins than asked for.")
        if not {entry.state for entry in answer.states} <= {"UNSPENT", "PENDING", "SPENT"}:
            raise self._misbehaved("It knows coin states nobody else knows.")
        return [entry.state for entry in answer.states]

    def new_mint_quote(self, amount: int) -> messages.MintQuoteAnswer:
        """Ask for an invoice to pay for that many sats (NUT-23)."""
        return self._post("/v1/mint/quote/bolt11", {"amount": amount, "unit": "sat"}, messages.MintQuoteAnswer)

    def mint_quote(self, quote: str) -> messages.MintQuoteAnswer:
        """How that invoice stands."""
        return self._get(f"/v1/mint/quote/bolt11/{quote}", messages.MintQuoteAnswer)

    def mint(self, quote: str, outputs: Sequence[BlindedMessage]) -> list[messages.Signature]:
        """Take the coins a paid invoice is worth (NUT-04)."""
        return self._post("/v1/mint/bolt11", {"quote": quote, "outputs": outputs}, messages.SignatureList).signatures

    def new_melt_quote(self, invoice: str) -> messages.MeltQuoteAnswer:
        """Ask what paying this invoice costs (NUT-23)."""
        return self._post("/v1/melt/quote/bolt11", {"request": invoice, "unit": "sat"}, messages.MeltQuoteAnswer)

    def melt_quote(self, quote: str) -> messages.MeltQuoteAnswer:
        """How that payment stands."""
        return self._get(f"/v1/melt/quote/bolt11/{quote}", messages.MeltQuoteAnswer)

    def melt(self, quote: str, inputs: Sequence[Coin], outputs: Sequence[BlindedMessage]) -> messages.MeltQuoteAnswer:
        """Have the invoice paid (NUT-05), with blank outputs for the change (NUT-08). May take two minutes."""
        body = {"quote": quote, "inputs": [_wire(coin) for coin in inputs], "outputs": outputs}
        return self._post("/v1/melt/bolt11", body, messages.MeltQuoteAnswer, within_s=_PAY_WITHIN_S)

    def _get(self, path: str, kind: type[Answer]) -> Answer:
        return self._decode(self._call("GET", path, None, self._answer_within_s), kind)

    def _post(self, path: str, body: object, kind: type[Answer], within_s: float | None = None) -> Answer:
        within_s = self._answer_within_s if within_s is None else within_s
        return self._decode(self._call("POST", path, msgspec.json.encode(body), within_s), kind)

    def _call(self, method: str, path: str, body: bytes | None, within_s: float) -> tuple[int, bytes]:
        deadline = time.monotonic() + within_s
        try:
            with (
                self._session() as session,
                session.request(
                    method,
                    self.url + path,
                    data=body,
                    headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                    timeout=(_CONNECT_WITHIN_S, within_s),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return response.status_code, self._read(response, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            # `from None`: the cause names the path, and a quote id in it is as good as money.
            raise self._unreachable("It did not answer.") from None

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        content = bytearray()
        # `read1` comes back after each piece that arrives, so that a mint dripping bytes cannot hold us for ever.
        while chunk := response.raw.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > _MOST_BYTES:
                raise self._misbehaved("Its answer has no end.")
            if time.monotonic() > deadline:
                raise self._unreachable("Its answer takes too long.")
        return bytes(content)

    def _decode(self, answer: tuple[int, bytes], kind: type[Answer]) -> Answer:
        status, content = answer
        if status == _TOO_MANY or status >= _FIRST_SERVER_ERROR:
            raise self._unreachable("It is overloaded or broken.")
        if status in _REFUSED:
            raise MintRefusal(_code(content))
        if status != _OK:
            raise self._misbehaved("It sends the wallet elsewhere.")
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise self._misbehaved("Its answer is not what the protocol describes.") from None

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = self._new_session()
            session.trust_env = False
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _unreachable(self, why: str) -> MintUnreachable:
        return MintUnreachable(f"The mint {self.url} cannot be reached.", why=why, now="Try again in a moment.")

    def _misbehaved(self, why: str) -> MintMisbehaved:
        return MintMisbehaved(f"The mint {self.url} breaks the rules.", why=why, now="Use another mint.")


def _wire(coin: Coin) -> dict[str, object]:
    """A coin as an input. Without its DLEQ: with the blinding factor the mint could tell whose coin it was."""
    plain = {"amount": coin.amount, "id": coin.keyset_id, "secret": coin.secret, "C": coin.signature.hex()}
    return plain if coin.witness is None else plain | {"witness": coin.witness}


def _code(content: bytes) -> int:
    try:
        return msgspec.json.decode(content, type=messages.ErrorAnswer).code
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return Code.UNKNOWN
