"""The worker's own main loop: words in, steps of the engine, words out.

One thread, one socket. Reading never waits while there is work, so that a cancel holds from the next step on.
"""

from __future__ import annotations

import array
import itertools
import select
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from desktop.domain.benchmark import BenchmarkEvent, BenchmarkOrder, Closing
from desktop.domain.errors import FrameError, HearthError, WorkerError
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, Generation
from desktop.worker.benchmark.words import form_of
from desktop.worker.frames import FRAME_DEADLINE_S, MAX_PAYLOAD_BYTES, FrameDecoder, FrameKind, encode_frame
from desktop.worker.messages import (
    Begin,
    Cancel,
    Counters,
    Done,
    Duty,
    Embed,
    Failed,
    FromWorker,
    Generate,
    Measure,
    Piece,
    Pulse,
    Ready,
    Refused,
    Stop,
    Told,
    ToWorker,
    Vectors,
    Warm,
    decode_from_node,
    encode,
)
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.pacing import DutyCycle
from desktop.worker.sandbox.probes import try_to_escape
from desktop.worker.sandbox.threshold import Threshold

PULSE_S: Final = 1.0
_READ_BYTES: Final = 1 << 16
_SEND_WITHIN_S: Final = 30.0

_BAD_FRAME: Final = 3


Event = Delta | Finish | Embeddings | BenchmarkEvent | WorkerError
"""What a step brings: pieces and ends of jobs, or an error that ends that one job."""


class Serving(Protocol):
    """Inference as this loop needs it; `desktop.worker.serving.Serving` is the real one."""

    def load(self, entry: CatalogueEntry, folder: Path) -> object:
        """Load and warm up one model."""
        ...

    def submit(self, generation: Generation) -> None:
        """Take a request; RequestError and its kin refuse it."""
        ...

    def submit_embedding(self, batch: EmbeddingBatch) -> None:
        """Take a batch of texts; RequestError and its kin refuse it."""
        ...

    def measure(self, order: BenchmarkOrder) -> None:
        """Begin a benchmark; WorkerError while anything else is to be done."""
        ...

    def cancel(self, job_id: str) -> None:
        """End a job at the next step."""
        ...

    def step(self) -> list[tuple[str, Event]]:
        """Do a small piece of all that is to be done; what came of it, by job."""
        ...

    def keep_steps_short(self, short: bool) -> None:  # noqa: FBT001 - it is what is kept
        """Do less in one step, so that work and rest alternate quickly."""
        ...

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        ...

    def stats(self) -> Mapping[str, object]:
        """Per model an object with the attributes of `messages.Counters`."""
        ...

    def self_check(self) -> None:
        """Raise unless the device computes what the processor does."""
        ...


Build = Callable[[Begin], Serving]
"""Makes the inference for the device that the first word names, once everything is imported."""


def main(threshold: Threshold) -> int:
    """Run the real engine; torch is imported here, behind every restriction that can stand before it."""

    def warm_up() -> Build:
        from desktop.worker.serving import Serving as TorchServing

        return lambda begin: TorchServing(device=begin.device, memory_bytes=begin.memory_bytes)

    return run(threshold, warm_up)


def run(threshold: Threshold, warm_up: Callable[[], Build], *, frame_deadline_s: float = FRAME_DEADLINE_S) -> int:
    """Serve what `warm_up` gives the means to build, until the node says stop or goes away; returns the exit status.

    Imports take longer than everything else and need neither model nor device: they come before the first word, so
    that a spare worker, which has heard none yet, is ready sooner.
    """
    conversation = _Conversation(threshold.channel, frame_deadline_s)
    try:
        build = warm_up()
        conversation.say(Warm())
        conversation.flush()
        serving = _make_ready(conversation, threshold, build)
        if serving is not None:
            _Loop(conversation, serving).run()
    except FrameError as error:
        sys.stderr.write(f"{error}\n")
        return _BAD_FRAME
    except (ConnectionError, TimeoutError):
        return 0  # the node is gone, or no longer reads; either way there is nobody to tell
    except Exception as error:  # noqa: BLE001 - the last chance to say why this process ends
        conversation.say(_failure(error))
        conversation.flush()
        return 1
    return 0


def _make_ready(conversation: _Conversation, threshold: Threshold, build: Build) -> Serving | None:
    """All that needs rights, then the door shut; None where the node went away meanwhile."""
    begin = conversation.first()
    if begin is None:
        return None
    if not isinstance(begin, Begin):
        raise FrameError("The first word must be `begin`.")
    try:
        serving = build(begin)
        for place in begin.models:
            serving.load(place.entry, Path(place.folder))
        serving.self_check()
    except HearthError as error:
        conversation.say(Failed.of(error))
        conversation.flush()
        return None
    threshold.seal()
    conversation.say(Ready(tuple(try_to_escape(begin.targets, signals=True))))
    conversation.flush()
    return serving


def _failure(error: Exception) -> Failed:
    """Where it happened, never the error's own text: that could quote a prompt."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return Failed("failure", "The worker failed.", why=f"{type(error).__name__} at {place}."[:2000])


class _Conversation:
    """Words over the channel, with everything said in one step sent in one piece."""

    def __init__(self, channel: socket.socket, frame_deadline_s: float) -> None:
        self._channel = channel
        self._frame_deadline_s = frame_deadline_s
        self._channel.settimeout(_SEND_WITHIN_S)
        self._decoder = FrameDecoder()
        self._partial_since: float | None = None
        self._unsent = bytearray()

    def say(self, word: FromWorker) -> None:
        self._unsent += encode(word)

    def say_raw(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_PAYLOAD_BYTES):
            self._unsent += encode_frame(FrameKind.RAW, data[start : start + MAX_PAYLOAD_BYTES])

    def flush(self) -> None:
        if self._unsent:
            self._channel.sendall(self._unsent)
            self._unsent.clear()

    def first(self) -> ToWorker | None:
        """Wait for one word; None when the node went away instead."""
        while True:
            words = self.hear(PULSE_S)
            if words is None:
                return None
            if words:
                return words[0]

    def hear(self, wait_s: float) -> list[ToWorker] | None:
        """All words that are here, after waiting for the first at most `wait_s`; None once the node is gone."""
        ready, _, _ = select.select([self._channel], [], [], wait_s)
        if ready:
            data = self._channel.recv(_READ_BYTES)
            if not data:
                return None
            self._decoder.feed(data)
        words = []
        while (frame := self._decoder.take()) is not None:
            if frame.kind is not FrameKind.MESSAGE:
                raise FrameError("The node sends no raw frames.")
            words.append(decode_from_node(frame.payload))
        self._mind_deadline(progress=bool(words))
        return words

    def _mind_deadline(self, *, progress: bool) -> None:
        now = time.monotonic()
        if not self._decoder.partial:
            self._partial_since = None
        elif self._partial_since is None or progress:
            self._partial_since = now
        elif now - self._partial_since > self._frame_deadline_s:
            raise FrameError("A frame was begun and not finished in time.")


class _Loop:
    """Serves one conversation to its end, computing for no more than its share of the time.

    Resting is listening: whatever the node says holds at once. A measurement knows no rest: it measures the device.
    """

    def __init__(self, conversation: _Conversation, serving: Serving) -> None:
        self._conversation = conversation
        self._serving = serving
        self._next_pulse = 0.0
        self._duty = DutyCycle()
        self._measuring = ""

    def run(self) -> None:
        while True:
            words = self._conversation.hear(PULSE_S if self._serving.idle else min(self._rest_s(), PULSE_S))
            began_s = time.monotonic()
            if words is None:
                return
            for word in words:
                if isinstance(word, Stop):
                    return
                self._obey(word)
            working = not self._serving.idle and not self._rest_s()
            if working:
                for job_id, event in self._serving.step():
                    self._tell(job_id, event)
            now = time.monotonic()
            if now >= self._next_pulse:
                self._conversation.say(
                    Pulse(msgspec.convert(self._serving.stats(), dict[str, Counters], from_attributes=True))
                )
                self._next_pulse = now + PULSE_S
            self._conversation.flush()
            if working:
                self._duty.worked(began_s, time.monotonic())

    def _rest_s(self) -> float:
        return 0.0 if self._measuring else self._duty.rest_s(time.monotonic())

    def _obey(self, word: ToWorker) -> None:
        match word:
            case Generate():
                self._take(word.job_id, lambda: self._serving.submit(word.generation()))
            case Embed():
                self._take(word.job_id, lambda: self._serving.submit_embedding(word.batch()))
            case Measure():
                self._take(word.job_id, lambda: self._measure(word))
            case Cancel():
                self._serving.cancel(word.job_id)
            case Duty():
                self._duty.change(word.share, time.monotonic())
                self._serving.keep_steps_short(word.share < 1)
            case Begin():
                raise FrameError("The worker has begun already.")

    def _measure(self, word: Measure) -> None:
        self._serving.measure(word.order())
        self._measuring = word.job_id

    def _take(self, job_id: str, submit: Callable[[], None]) -> None:
        try:
            submit()
        except HearthError as error:
            self._conversation.say(Refused.of(job_id, error))
        except Exception as error:  # noqa: BLE001 - one stranger's odd prompt must not end everybody else's answers
            failure = _failure(error)
            sys.stderr.write(f"{failure.why}\n")
            self._conversation.say(
                Refused.of(job_id, WorkerError("The model could not take this request.", why=failure.why))
            )

    def _tell(self, job_id: str, event: Event) -> None:
        if job_id == self._measuring and isinstance(event, Closing | Finish | WorkerError):
            self._measuring = ""
        match event:
            case Delta(text=text, tokens=tokens):
                self._conversation.say(Piece(job_id, text, tokens))
            case Finish(reason=reason, usage=usage):
                self._conversation.say(Done(job_id, reason, usage.prompt_tokens, usage.completion_tokens))
            case Embeddings(vectors=vectors, usage=usage):
                self._conversation.say(Vectors(job_id, len(vectors), len(vectors[0]), usage.prompt_tokens))
                numbers = array.array("f", itertools.chain.from_iterable(vectors))
                if sys.byteorder == "big":
                    numbers.byteswap()
                self._conversation.say_raw(numbers.tobytes())
            case WorkerError():
                self._conversation.say(Refused.of(job_id, event))
            case _:
                self._conversation.say(Told(job_id, form_of(event)))
