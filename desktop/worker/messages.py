"""What node and worker say to each other: the only words there are, each with the ranges it may take.

JSON by msgspec with tagged structs: an unknown word, an unknown or missing field, a number out of range or a wrong type
is a FrameError. NaN and infinity have no form in JSON and are refused; nothing is recursive, so nothing nests deeply.
Numbers here are the widest that make sense; the API and the engine know the limits of the one model.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from desktop.domain.benchmark import BenchmarkOrder
from desktop.domain.errors import (
    ContextOverflow,
    FrameError,
    HearthError,
    ModelCorrupt,
    ModelNotFound,
    RequestError,
    WorkerError,
)
from desktop.domain.inference import EmbeddingBatch, FinishReason, Generation, Message, Role, Sampling
from desktop.domain.limits import LEAST_DUTY
from desktop.worker.benchmark.words import EventForm
from desktop.worker.frames import FrameKind, encode_frame
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.sandbox.probes import Finding, Targets

_Id = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.:-]{1,128}\Z")]
_Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=1 << 24)]
_Rows = Annotated[int, msgspec.Meta(ge=1, le=4096)]
_Columns = Annotated[int, msgspec.Meta(ge=1, le=16384)]
_Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Words = Annotated[str, msgspec.Meta(max_length=2000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


DeviceName = Literal["cpu", "cuda:0", "xpu:0"]
"""What torch inside the worker calls its device; its builds for AMD's cards answer to CUDA's name."""


class _Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="word"):
    """Anything that is said."""


class _Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of something that is said."""


# --- from the node ---------------------------------------------------------------------------------------------------


class ModelPlace(_Plain, frozen=True):
    """A model to load, and the folder of its files as the worker sees it."""

    entry: CatalogueEntry
    folder: _Folder


class Begin(_Word, frozen=True, tag="begin"):
    """First word: load these models on that device, make ready, shut the door, try the door.

    A worker sees one graphics card at most, so its name inside is always the same. `memory_bytes` is the most of the
    card's memory that it may take; None: all.
    """

    models: Annotated[tuple[ModelPlace, ...], msgspec.Meta(min_length=1, max_length=64)]
    targets: Targets
    device: DeviceName = "cpu"
    memory_bytes: _Count | None = None


class Turn(_Plain, frozen=True):
    """One turn of a chat."""

    role: Role
    content: str


class Generate(_Word, frozen=True, tag="generate"):
    """Answer a chat (`turns`) or continue a text (`text`); exactly one is given."""

    job_id: _Id
    model_id: _Id
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] | None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=100)]
    top_p: _Unit
    min_p: _Unit
    top_k: Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    stop: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1)], ...], msgspec.Meta(max_length=64)]
    turns: tuple[Turn, ...] = ()
    text: str | None = None

    def __post_init__(self) -> None:
        if bool(self.turns) == (self.text is not None):
            raise ValueError("either turns or a text")

    @classmethod
    def of(cls, generation: Generation) -> Generate:
        """The word for that request."""
        sampling = generation.sampling
        return cls(
            job_id=generation.job_id,
            model_id=generation.model_id,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            top_k=sampling.top_k,
            seed=sampling.seed,
            stop=sampling.stop,
            turns=tuple(Turn(message.role, message.content) for message in generation.messages),
            text=generation.text,
        )

    def generation(self) -> Generation:
        """The request it stands for."""
        return Generation(
            job_id=self.job_id,
            model_id=self.model_id,
            sampling=Sampling(
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                min_p=self.min_p,
                top_k=self.top_k,
                seed=self.seed,
                stop=self.stop,
            ),
            messages=tuple(Message(turn.role, turn.content) for turn in self.turns),
            text=self.text,
        )


class Embed(_Word, frozen=True, tag="embed"):
    """Make one vector per text."""

    job_id: _Id
    model_id: _Id
    texts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=4096)]

    @classmethod
    def of(cls, batch: EmbeddingBatch) -> Embed:
        """The word for that request."""
        return cls(batch.job_id, batch.model_id, batch.texts)

    def batch(self) -> EmbeddingBatch:
        """The request it stands for."""
        return EmbeddingBatch(self.job_id, self.model_id, self.texts)


class Measure(_Word, frozen=True, tag="measure"):
    """Run the benchmark with that model; see `BenchmarkOrder`. Refused while anything else is to be done."""

    job_id: _Id
    model_id: _Id
    seed: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    budget_ms: Annotated[int, msgspec.Meta(ge=1, le=600_000)]
    buffer_bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
    energy_windows: Annotated[int, msgspec.Meta(ge=0, le=4)]
    energy_window_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)]
    soak_ms: Annotated[int, msgspec.Meta(ge=0, le=3_600_000)] = 0

    @classmethod
    def of(cls, order: BenchmarkOrder) -> Measure:
        """The word for that order."""
        return msgspec.convert(order, cls, from_attributes=True)

    def order(self) -> BenchmarkOrder:
        """The order it stands for."""
        return msgspec.convert(self, BenchmarkOrder, from_attributes=True)


class Cancel(_Word, frozen=True, tag="cancel"):
    """End that job at the next step; a job that is not there is not an error, it may just have ended."""

    job_id: _Id


class Duty(_Word, frozen=True, tag="duty"):
    """Compute for that share of the time from now on; before it is said first: always."""

    share: Annotated[float, msgspec.Meta(ge=LEAST_DUTY, le=1)]


class Stop(_Word, frozen=True, tag="stop"):
    """Exit now."""


ToWorker = Begin | Generate | Embed | Measure | Cancel | Duty | Stop

# --- from the worker -------------------------------------------------------------------------------------------------


class Warm(_Word, frozen=True, tag="warm"):
    """All that is needed is imported; the worker waits for its first word, without a model and without a device."""


class Ready(_Word, frozen=True, tag="ready"):
    """Models are loaded, the device agrees with the processor, the door is shut; this is what trying it gave."""

    findings: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=64)]


class Failed(_Word, frozen=True, tag="failed"):
    """Last word: the worker cannot go on. Never holds anything of a job."""

    kind: Literal["model_corrupt", "failure"]
    what: _Words
    why: _Words = ""
    now: _Words = ""

    @classmethod
    def of(cls, error: HearthError) -> Failed:
        """The word for that failure, shortened to what a frame may carry."""
        kind: Literal["model_corrupt", "failure"] = "model_corrupt" if isinstance(error, ModelCorrupt) else "failure"
        return cls(kind, error.what[:2000], error.why[:2000], error.now[:2000])

    def error(self) -> WorkerError:
        """The failure as the node raises it."""
        made = ModelCorrupt if self.kind == "model_corrupt" else WorkerError
        return made(self.what, why=self.why, now=self.now)


class Piece(_Word, frozen=True, tag="piece"):
    """A piece of an answer."""

    job_id: _Id
    text: str
    tokens: _Tokens


class Done(_Word, frozen=True, tag="done"):
    """The end of an answer."""

    job_id: _Id
    reason: FinishReason
    prompt_tokens: _Tokens
    completion_tokens: _Tokens


class Vectors(_Word, frozen=True, tag="vectors"):
    """`rows` vectors of `columns` float32, little-endian, follow at once in as few raw frames as the cap allows."""

    job_id: _Id
    rows: _Rows
    columns: _Columns
    prompt_tokens: _Tokens


class Refused(_Word, frozen=True, tag="refused"):
    """This one job is not done, and why; the worker goes on."""

    job_id: _Id
    kind: Literal["request", "model_not_found", "context_overflow", "failure"]
    what: _Words
    why: _Words = ""
    now: _Words = ""
    parameter: _Words = ""

    @classmethod
    def of(cls, job_id: str, error: HearthError) -> Refused:
        """The word for that refusal, shortened to what a frame may carry."""
        kind: Literal["request", "model_not_found", "context_overflow", "failure"]
        match error:
            case ContextOverflow():
                kind = "context_overflow"
            case ModelNotFound():
                kind = "model_not_found"
            case RequestError():
                kind = "request"
            case _:
                kind = "failure"
        parameter = error.parameter if isinstance(error, RequestError) else ""
        return cls(job_id, kind, error.what[:2000], error.why[:2000], error.now[:2000], parameter[:2000])

    def error(self) -> HearthError:
        """The refusal as the node raises it."""
        match self.kind:
            case "context_overflow":
                return ContextOverflow(self.what, parameter=self.parameter, why=self.why, now=self.now)
            case "model_not_found":
                return ModelNotFound(self.what, parameter=self.parameter, why=self.why, now=self.now)
            case "request":
                return RequestError(self.what, parameter=self.parameter, why=self.why, now=self.now)
            case "failure":
                return WorkerError(self.what, why=self.why, now=self.now)


class Counters(_Plain, frozen=True):
    """Where one model's engine stands: requests in slots and waiting, totals since it was loaded."""

    slots: _Count
    running: _Count
    waiting: _Count
    steps: _Count
    prompt_tokens: _Count
    completion_tokens: _Count
    cache_bytes: _Count


class Told(_Word, frozen=True, tag="told"):
    """Something of a running benchmark; it ends with a `closing`, or as other jobs do."""

    job_id: _Id
    event: EventForm


class Pulse(_Word, frozen=True, tag="pulse"):
    """A sign of life, with what the engines have to say about themselves, by model."""

    stats: Annotated[dict[_Id, Counters], msgspec.Meta(max_length=64)]


FromWorker = Warm | Ready | Failed | Piece | Done | Vectors | Refused | Told | Pulse

_to_worker: Final = msgspec.json.Decoder(ToWorker)
_from_worker: Final = msgspec.json.Decoder(FromWorker)


def encode(word: ToWorker | FromWorker) -> bytes:
    """The whole frame for a word; FrameError if it is over the cap."""
    return encode_frame(FrameKind.MESSAGE, msgspec.json.encode(word))


def decode_from_node(payload: bytes) -> ToWorker:
    """A word from the node, or FrameError."""
    try:
        word: ToWorker = _to_worker.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _nonsense(error) from None
    return word


def decode_from_worker(payload: bytes) -> FromWorker:
    """A word from the worker, or FrameError."""
    try:
        word: FromWorker = _from_worker.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _nonsense(error) from None
    return word


def _nonsense(error: Exception) -> FrameError:
    # Only the kind of error: its text could quote what was in the frame.
    return FrameError("A frame does not hold a message we know.", why=f"{type(error).__name__}.")
