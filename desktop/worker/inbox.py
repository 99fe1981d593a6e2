"""What arrives for one job, between the worker that writes and the task that reads."""

from __future__ import annotations

import array
import asyncio
import math
import sys
from collections.abc import AsyncGenerator
from typing import Final

from desktop.domain.errors import FrameError, HearthError, WorkerError
from desktop.domain.inference import Delta, EmbeddingBatch, Embeddings, Finish, FinishReason, Generation
from desktop.domain.pricing import Usage
from desktop.worker.messages import Done, Piece, Vectors

_BYTES_PER_TOKEN: Final = 1024
_TOKENS_AT_MOST: Final = 1 << 20
_FLOAT_BYTES: Final = 4
_UNIT_TOLERANCE: Final = 0.01


class AnswerInbox:
    """Pieces of an answer, checked against what was asked for.

    A reader that is slower than the worker gets fewer, longer pieces; the memory held is bounded by the answer asked
    for. After `abandon` nothing is kept, and only the end is waited for.
    """

    def __init__(self, generation: Generation) -> None:
        self._tokens_allowed = generation.sampling.max_tokens or _TOKENS_AT_MOST
        self._text: list[str] = []
        self._tokens = 0
        self._received_bytes = 0
        self._received_tokens = 0
        self._end: Finish | HearthError | None = None
        self._news = asyncio.Event()
        self._abandoned = False

    def abandon(self) -> None:
        """Nobody reads any more."""
        self._abandoned = True
        self._text.clear()

    def put(self, piece: Piece) -> None:
        """Take a piece; FrameError if it cannot be part of this answer."""
        self._received_tokens += piece.tokens
        self._received_bytes += len(piece.text)
        if self._received_tokens > self._tokens_allowed:
            raise FrameError("The worker wrote more tokens than were asked for.")
        if self._received_bytes > self._tokens_allowed * _BYTES_PER_TOKEN:
            raise FrameError("The worker wrote more text than its tokens can hold.")
        if self._abandoned:
            return
        self._text.append(piece.text)
        self._tokens += piece.tokens
        self._news.set()

    def finish(self, done: Done) -> None:
        """Take the end; FrameError if its counts cannot be true."""
        if not self._received_tokens <= done.completion_tokens <= self._tokens_allowed:
            raise FrameError("The worker's count of tokens does not fit what it wrote.")
        self._conclude(Finish(done.reason, Usage(done.prompt_tokens, done.completion_tokens)))

    def fail(self, error: HearthError) -> None:
        """End with an error."""
        self._conclude(error)

    async def events(self) -> AsyncGenerator[Delta | Finish, None]:
        """Pieces as they come, then the Finish; or the error it ended with."""
        while True:
            if self._text:
                delta = Delta("".join(self._text), self._tokens)
                self._text.clear()
                self._tokens = 0
                yield delta  # more may arrive, and the end, before the reader comes back
            elif isinstance(self._end, HearthError):
                raise self._end
            elif self._end is not None:
                yield self._end
                return
            else:
                self._news.clear()
                await self._news.wait()

    def _conclude(self, end: Finish | HearthError) -> None:
        self._end = end
        self._news.set()


class VectorInbox:
    """Vectors for a batch of texts, checked number by number."""

    def __init__(self, batch: EmbeddingBatch) -> None:
        self._rows = len(batch.texts)
        self._columns = 0
        self._usage = Usage(0, 0)
        self._data = bytearray()
        self._expected_bytes = 0
        self.result: asyncio.Future[Embeddings] = asyncio.get_running_loop().create_future()

    def announce(self, vectors: Vectors) -> None:
        """Take the shape of what follows; FrameError if it is not the shape asked for."""
        if vectors.rows != self._rows:
            raise FrameError("The worker made another number of vectors than there are texts.")
        self._columns = vectors.columns
        self._usage = Usage(vectors.prompt_tokens, 0)
        self._expected_bytes = vectors.rows * vectors.columns * _FLOAT_BYTES

    def put(self, data: bytes) -> bool:
        """Take raw bytes; True when all are here. FrameError for too many, or for numbers that make no vectors."""
        self._data += data
        if len(self._data) > self._expected_bytes or not data:
            raise FrameError("The worker sent other vectors than it announced.")
        if len(self._data) < self._expected_bytes:
            return False
        if not self.result.done():
            self.result.set_result(Embeddings(self._vectors(), self._usage))
        return True

    def finish(self, done: Done) -> None:
        """An embedding job ends like this only when it was cancelled."""
        if done.reason is not FinishReason.CANCELLED:
            raise FrameError("The worker ended a batch of texts without vectors.")
        self.fail(WorkerError("The batch was cancelled."))

    def fail(self, error: HearthError) -> None:
        """End with an error."""
        if not self.result.done():
            self.result.set_exception(error)

    def _vectors(self) -> tuple[tuple[float, ...], ...]:
        numbers = array.array("f", bytes(self._data))
        if sys.byteorder == "big":
            numbers.byteswap()
        vectors = tuple(
            tuple(numbers[start : start + self._columns]) for start in range(0, len(numbers), self._columns)
        )
        for vector in vectors:
            # NaN and infinity fail this comparison as well.
            if not abs(math.hypot(*vector) - 1.0) < _UNIT_TOLERANCE:
                raise FrameError("The worker sent a vector that is not of unit length.")
        return vectors
