"""Embeddings as OpenAI's clients read them, as numbers or packed."""

from __future__ import annotations

import base64
import sys
from array import array

from starlette.types import Send

from desktop.domain.errors import WorkerDied
from desktop.domain.inference import Embeddings
from desktop.network.api.bill import bill_headers, hearth_object, usage_object
from desktop.network.api.desk import OpenJob, Settlement
from desktop.network.api.errors import Problem
from desktop.network.api.response import send_json, send_problem


class EmbeddingReply:
    """One vector for each text, in order: lists of numbers, or with `packed` base64 of little-endian float32."""

    def __init__(self, send: Send, model_id: str, *, packed: bool) -> None:
        self._send = send
        self._model_id = model_id
        self._packed = packed
        self._job_id = ""
        self._result: Embeddings | None = None

    async def deliver(self, job: OpenJob) -> None:
        """Wait for the vectors."""
        self._job_id = job.id
        self._result = await job.vectors()

    async def finish(self, settlement: Settlement | Problem) -> None:
        """Send them; the change in the header."""
        result = self._result
        if result is None:
            raise WorkerDied("The vectors never came.")
        usage = usage_object(result.usage, settlement)
        del usage["completion_tokens"]
        content = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": self._written(vector)}
                for index, vector in enumerate(result.vectors)
            ],
            "model": self._model_id,
            "usage": usage,
            "hearth": hearth_object(self._job_id, None, settlement),
        }
        await send_json(self._send, 200, content, bill_headers(settlement))

    async def fail(self, problem: Problem, settlement: Settlement | None) -> None:
        """Send the error; the refund in the header."""
        await send_problem(self._send, problem, bill_headers(settlement))

    def _written(self, vector: tuple[float, ...]) -> object:
        if not self._packed:
            return vector
        packed = array("f", vector)
        if sys.byteorder == "big":
            packed.byteswap()
        return base64.b64encode(packed.tobytes()).decode("ascii")
