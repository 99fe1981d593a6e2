"""What to say at the door and what is heard, without moving a byte: window and command line speak the same words."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.control import answers, messages
from desktop.control.answers import Refusal, Result
from desktop.control.snapshot import Change, Snapshot, changed_parts, merge


@dataclass(frozen=True, slots=True)
class Heard:
    """What one line from the node meant: an answer to `request_id`, or a new picture with its changed parts."""

    request_id: int | None = None
    outcome: Result | Refusal | None = None
    snapshot: Snapshot | None = None
    parts: frozenset[str] = frozenset()


class Conversation:
    """One connection's worth of words: numbers requests, matches answers, keeps the snapshot up to date."""

    def __init__(self) -> None:
        self._next_id = 0
        self._asked: dict[int, str] = {}
        self.snapshot: Snapshot | None = None

    def next_id(self) -> int:
        """The id for the next request."""
        self._next_id += 1
        return self._next_id

    def say(self, request: messages.AnyRequest) -> bytes:
        """The line to send for a request made with `next_id`."""
        self._asked[request.id] = str(type(request).__struct_config__.tag)
        return messages.encode(request)

    def hear(self, line: bytes) -> Heard:
        """What a line from the node means. Raises msgspec.MsgspecError if it means nothing."""
        told = answers.decode_line(line)
        if told.change is not None:
            return self._hear_change(told.change)
        word = "" if told.id is None else self._asked.pop(told.id, "")
        if bytes(told.result) == bytes(answers.NOTHING):
            return Heard(told.id, told.refusal or Refusal(kind="RequestError", what="The node gave no answer."))
        outcome = answers.decode_result(word, told.result)
        if isinstance(outcome, Snapshot):
            self.snapshot = outcome
            return Heard(told.id, outcome, outcome, frozenset(Snapshot.__struct_fields__))
        return Heard(told.id, outcome)

    def _hear_change(self, change: Change) -> Heard:
        if self.snapshot is None:
            return Heard()
        self.snapshot = merge(self.snapshot, change)
        return Heard(snapshot=self.snapshot, parts=changed_parts(change))
