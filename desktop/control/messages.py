"""The words of the door: what a client may ask of a running node.

Each line is one JSON object. A client sends requests, told apart by `do`, each with an `id` of its own; the node
answers every one with a line that carries the same `id`. The first word must be `hello`.
What comes back is told in `desktop.control.answers`, the changing picture of the node in `desktop.control.snapshot`.
Money is millisats, times are UTC milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from desktop.domain.benchmark import MOST_SOAK_MINUTES
from desktop.domain.job import JobState

PROTOCOL: Final = 1
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_ANSWER_BYTES: Final = 4 * 2**20
MAX_EDGES: Final = 1200
MAX_SHORT: Final = 200  # characters
MAX_NAMED: Final = 100

Id = Annotated[int, Meta(ge=0, le=2**53)]
AtMs = Annotated[int, Meta(ge=0, le=2**53)]
ShortText = Annotated[str, Meta(max_length=MAX_SHORT)]


class Request(Struct, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """What every request carries."""

    id: Id


class Hello(Request, tag="hello"):
    """The first word. `token` is the secret of the token file where the door is a TCP port, else empty."""

    protocol: int
    token: ShortText = ""


class Watch(Request, tag="watch"):
    """Answered by one snapshot; afterwards every change follows by itself."""


class Pause(Request, tag="pause"):
    """Stop working and give the device back.

    `until_ms` None: until resumed. `finish_first`: running jobs may end before.
    """

    until_ms: AtMs | None = None
    finish_first: bool = False


class Resume(Request, tag="resume"):
    """Work again, also after a fault."""


class Enrol(Request, tag="enrol"):
    """Announce this node on its relays now."""


class Benchmark(Request, tag="benchmark"):
    """Measure a device with the model it serves; `cancel` ends a running measurement.

    `device_id` empty: the first that works. `seed` (32 bytes, hex) is that of somebody who wants to check the products.
    `soak_minutes` more it works without a pause, to see whether the speed lasts.
    """

    cancel: bool = False
    device_id: ShortText = ""
    seed: Annotated[str, Meta(pattern="^([0-9a-f]{64})?\\Z")] = ""
    soak_minutes: Annotated[int, Meta(ge=0, le=MOST_SOAK_MINUTES)] = 0


class ReadSettings(Request, tag="settings"):
    """All settings with their declared names, types, defaults and sentences."""


class WriteSetting(Request, tag="set"):
    """Change one setting; the value is text, read as the setting's type says."""

    name: ShortText
    value: Annotated[str, Meta(max_length=4000)]


class ReadEarnings(Request, tag="earnings"):
    """Sums between neighbouring edges (ascending), so that the view alone knows the owner's time zone."""

    edges_ms: Annotated[tuple[AtMs, ...], Meta(min_length=2, max_length=MAX_EDGES)]


class ReadUptime(Request, tag="uptime"):
    """The intervals that touch [start, end)."""

    start_ms: AtMs
    end_ms: AtMs


class ReadJobs(Request, tag="jobs"):
    """Jobs, newest first. `before` is the place the last page told to go on from; None of a filter means any.

    `search` is a part of the job's or the model's id, in capitals or not, empty for any. `named` are models that it
    means as well: the view alone knows by what name it shows a model.
    """

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    state: JobState | None = None
    model_id: ShortText | None = None
    search: ShortText = ""
    named: Annotated[tuple[ShortText, ...], Meta(max_length=MAX_NAMED)] = ()


class ReadJob(Request, tag="job"):
    """One job with its receipt, checked."""

    job_id: ShortText


class ExportJobs(Request, tag="export"):
    """Every job as a file of the given format, written by the node to `path`, which must not exist yet."""

    path: Annotated[str, Meta(max_length=4000)]
    format: Annotated[str, Meta(pattern="^(csv|json)$")]


class ReadWhy(Request, tag="why"):
    """Why this node earns or does not: the last day and week by reason, in sentences and numbers."""


class ReadOutlook(Request, tag="outlook"):
    """What this computer could earn a day, as a range, from prices on the relays and what was measured."""


class ReadShelf(Request, tag="shelf"):
    """The models that are here and those that may be fetched, and whether they fit."""


class Fetch(Request, tag="fetch"):
    """Fetch a model, or with no `model_id` the build of torch for this computer; progress shows in the snapshot.

    One at a time. `stop` pauses what is being fetched; asking again goes on where it was.
    """

    model_id: ShortText = ""
    stop: bool = False


class Discard(Request, tag="discard"):
    """Delete a fetched model that is not on offer."""

    model_id: ShortText


class RunDoctor(Request, tag="doctor"):
    """Check this computer: values, thresholds, remedies."""


class CheckReach(Request, tag="reach"):
    """Of the doctor's checks the one whether others reach this node; takes seconds."""


class BreakOut(Request, tag="breakout"):
    """Try to break out of the sandbox, as before every start of a worker, and tell of each attempt; takes seconds."""


class Update(Request, tag="update"):
    """Look for a new version of Hearth, install it, or pause that; progress and findings show in the snapshot."""

    act: Literal["look", "install", "stop"] = "look"


class ReadReport(Request, tag="report"):
    """A problem report without secrets, as text to look at before it is sent."""


class ReadPhrase(Request, tag="phrase"):
    """The recovery phrase, to be written down by the owner. Never logged, never part of a snapshot."""


class Quit(Request, tag="quit"):
    """Withdraw, finish or refund what runs, stop the node."""


AnyRequest = (
    Hello
    | Watch
    | Pause
    | Resume
    | Enrol
    | Benchmark
    | ReadSettings
    | WriteSetting
    | ReadEarnings
    | ReadUptime
    | ReadJobs
    | ReadJob
    | ExportJobs
    | ReadWhy
    | ReadOutlook
    | ReadShelf
    | Fetch
    | Discard
    | RunDoctor
    | CheckReach
    | BreakOut
    | Update
    | ReadReport
    | ReadPhrase
    | Quit
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)


def encode(request: AnyRequest) -> bytes:
    """The request as one line."""
    return _encoder.encode(request) + b"\n"


def decode(line: bytes) -> AnyRequest:
    """A line as a request. Raises ValueError, of which msgspec's errors are a kind, for anything else."""
    return _decoder.decode(line)
