"""What comes back through the door."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from desktop.control.shelf import ShelfAnswer
from desktop.control.snapshot import Change, JobLine, Snapshot
from desktop.domain.node_state import NodeState, Reason


class Refusal(Struct, frozen=True, kw_only=True):
    """An expected failure in words: what, why, what now. `kind` is the error's name."""

    kind: str
    what: str
    why: str = ""
    now: str = ""


class Welcome(Struct, frozen=True, kw_only=True):
    """The answer to hello. `words` are those this node can follow; a view leaves out what it cannot ask for."""

    protocol: int
    version: str
    pid: int
    words: tuple[str, ...]


class Done(Struct, frozen=True):
    """The answer of a word that only does something."""


class EarningsSlice(Struct, frozen=True, kw_only=True):
    """One span between two edges. `electricity_msat` None: not known; `unmeasured` jobs are not in it."""

    start_ms: int
    msat: int
    jobs: int
    electricity_msat: int | None = None
    unmeasured: int = 0


class ModelEarnings(Struct, frozen=True, kw_only=True):
    """The whole span by model."""

    model_id: str
    msat: int
    jobs: int
    prompt_tokens: int
    completion_tokens: int
    electricity_msat: int | None = None
    unmeasured: int = 0


class DeviceEarnings(Struct, frozen=True, kw_only=True):
    """The whole span by device: what its jobs brought and cost, and all the energy it used, idle included."""

    device: str
    msat: int
    jobs: int
    electricity_msat: int | None
    unmeasured: int
    work_mj: int
    total_mj: int
    known_ms: int
    unknown_ms: int


class EarningsAnswer(Struct, frozen=True, kw_only=True):
    """`first_ms` is when the first job ended; None before it.

    Electricity is that of the jobs, above idle, at the tariff of its hour and the present exchange rate. Where jobs
    were not measured it is a lower bound.
    """

    slices: tuple[EarningsSlice, ...]
    models: tuple[ModelEarnings, ...]
    first_ms: int | None
    devices: tuple[DeviceEarnings, ...] = ()


class UptimeInterval(Struct, frozen=True, kw_only=True):
    """[start, end) in one state; `end_ms` None while it lasts."""

    start_ms: int
    end_ms: int | None
    state: NodeState
    reason: Reason
    detail: str = ""


class UptimeAnswer(Struct, frozen=True, kw_only=True):
    """In order of time; nothing before the first start."""

    intervals: tuple[UptimeInterval, ...]


class Sentence(Struct, frozen=True, kw_only=True):
    """A sentence as `desktop.domain.told` has it: English text with places, and the values for them."""

    text: str
    values: dict[str, str | int | float] = {}


class WhyPart(Struct, frozen=True, kw_only=True):
    """Time in one state for one reason within a span; `share` is its part of the whole span."""

    state: NodeState
    reason: Reason
    duration_ms: int
    share: float


class WhySpan(Struct, frozen=True, kw_only=True):
    """A span of the past by reason, longest first; `known_share` is how much of it is known."""

    known_share: float
    parts: tuple[WhyPart, ...]
    jobs: int
    failed: int
    earned_msat: int


class WhyAnswer(Struct, frozen=True, kw_only=True):
    """Why it earns or does not; `advice` is about the largest loss of time, None where there is nothing to advise."""

    sentences: tuple[Sentence, ...]
    day: WhySpan
    week: WhySpan
    advice: Sentence | None


class JobsAnswer(Struct, frozen=True, kw_only=True):
    """A page; `before` asks for the next one, None at the end."""

    jobs: tuple[JobLine, ...]
    before: int | None


class ReceiptSheet(Struct, frozen=True, kw_only=True):
    """A signed receipt as it is kept, and whether its signature holds."""

    body: str
    signature: str
    valid: bool


class JobAnswer(Struct, frozen=True, kw_only=True):
    """One job in full; the receipt is None while it runs or where none was signed."""

    job: JobLine
    payment: str
    held_msat: int
    first_token_at_ms: int | None
    receipt: ReceiptSheet | None


class SettingSheet(Struct, frozen=True, kw_only=True):
    """A setting as it is declared, with its value as text: lists one item a line.

    `allowed` follows "must be"; `choices` are filled where it is one of a few words.
    """

    name: str
    group: str
    type: str
    value: str
    default: str
    sentence: str
    allowed: str = ""
    choices: tuple[str, ...] = ()


class SettingsAnswer(Struct, frozen=True, kw_only=True):
    """Settings as the file has them now, to count from the node's next start.

    `notice` says if the file could not be read and what was done with it.
    """

    settings: tuple[SettingSheet, ...]
    notice: str = ""


class CheckSheet(Struct, frozen=True, kw_only=True):
    """One check of the doctor: what was found, what is needed, what to do. `passed` None: it could not be told.

    `name` stays the same for ever, `subject` is what it is asked of. The other texts are sentences with places, as in
    `Sentence`, with one set of values.
    """

    name: str
    passed: bool | None
    value: str
    threshold: str = ""
    remedy: str = ""
    subject: str = ""
    values: dict[str, str | int | float] = {}


class DoctorAnswer(Struct, frozen=True, kw_only=True):
    """Every check that was asked for."""

    checks: tuple[CheckSheet, ...]


class Attempt(Struct, frozen=True, kw_only=True):
    """Something that was tried from inside the sandbox, or looked at from outside; `held`: it came out as it should."""

    name: str
    expected: str
    outcome: str
    held: bool


class BreakOutAnswer(Struct, frozen=True, kw_only=True):
    """Every attempt to break out. `not_covered` is what this sandbox does not keep from a worker that has gone bad.

    `mode` says in a sentence how a worker is shut in; `not_available` says of each stronger way why it does not work
    here.
    """

    mode: str
    held: bool
    attempts: tuple[Attempt, ...]
    not_covered: tuple[str, ...]
    not_available: tuple[str, ...] = ()


class FigureSheet(Struct, frozen=True, kw_only=True):
    """A measured or declared number, or a range of it, and where it comes from."""

    low: float
    high: float
    source: Sentence


class AmountRange(Struct, frozen=True, kw_only=True):
    """From the lower to the higher amount."""

    low_msat: int
    high_msat: int


class OutlookSheet(Struct, frozen=True, kw_only=True):
    """What one model could bring and cost a day; None: not known, and `missing` says why.

    `asked_msat` is what others ask for a typical request: lower quartile, median, upper quartile of `offers` by
    `providers`, announced between `newest_ms` and `oldest_ms` ago on `relays`.
    """

    model_id: str
    offers: int
    providers: int
    same_model: bool
    relays: tuple[str, ...]
    newest_ms: int | None
    oldest_ms: int | None
    asked_msat: tuple[float, float, float] | None
    busy_share: FigureSheet | None
    tokens_per_s: FigureSheet | None
    joules_per_token: FigureSheet | None
    gross: AmountRange | None
    cost: AmountRange | None
    net: AmountRange | None
    missing: tuple[Sentence, ...]


class OutlookAnswer(Struct, frozen=True, kw_only=True):
    """Estimates, one per model: to be shown with their sources and a sign that they are estimates."""

    models: tuple[OutlookSheet, ...]
    typical_prompt_tokens: int
    typical_completion_tokens: int


class TextAnswer(Struct, frozen=True, kw_only=True):
    """A text: the problem report, or the recovery phrase."""

    text: str


class ExportAnswer(Struct, frozen=True, kw_only=True):
    """How many jobs were written."""

    jobs: int


Result = (
    Welcome
    | Done
    | Snapshot
    | EarningsAnswer
    | UptimeAnswer
    | JobsAnswer
    | JobAnswer
    | SettingsAnswer
    | WhyAnswer
    | OutlookAnswer
    | DoctorAnswer
    | BreakOutAnswer
    | TextAnswer
    | ExportAnswer
    | ShelfAnswer
)

RESULTS: Final[dict[str, type[Result]]] = {
    "hello": Welcome,
    "watch": Snapshot,
    "earnings": EarningsAnswer,
    "uptime": UptimeAnswer,
    "jobs": JobsAnswer,
    "job": JobAnswer,
    "export": ExportAnswer,
    "settings": SettingsAnswer,
    "why": WhyAnswer,
    "outlook": OutlookAnswer,
    "shelf": ShelfAnswer,
    "doctor": DoctorAnswer,
    "reach": DoctorAnswer,
    "breakout": BreakOutAnswer,
    "report": TextAnswer,
    "phrase": TextAnswer,
}


NOTHING: Final = Raw(b"null")


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from the node: an answer (`id` with `result` or `refusal`), or a change."""

    id: int | None = None
    result: Raw = NOTHING
    refusal: Refusal | None = None
    change: Change | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


def answer_line(request_id: int, result: Result) -> bytes:
    """A result as one line."""
    return _encoder.encode(Line(id=request_id, result=Raw(_encoder.encode(result)))) + b"\n"


def refusal_line(request_id: int | None, refusal: Refusal) -> bytes:
    """A refusal as one line."""
    return _encoder.encode(Line(id=request_id, refusal=refusal)) + b"\n"


def change_line(change: Change) -> bytes:
    """A change as one line."""
    return _encoder.encode(Line(change=change)) + b"\n"


def decode_line(line: bytes) -> Line:
    """A line from the node. Raises msgspec.MsgspecError if it is not one."""
    return _decoder.decode(line)


def decode_result(word: str, raw: Raw) -> Result:
    """The result of a word. Raises msgspec.MsgspecError if it has another shape."""
    result: Result = msgspec.json.decode(raw, type=RESULTS.get(word, Done))
    return result
