"""Many questions at once, each with a deadline: who does not answer in time is told as such and holds up nobody."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from desktop.domain.check import Check
from desktop.domain.errors import HearthError

log = logging.getLogger(__name__)

ANSWER_WITHIN_S: Final = 7.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """Something to find out; `unanswered` is told where it takes too long or fails."""

    ask: Callable[[], Awaitable[Sequence[Check]]]
    name: str
    threshold: str
    remedy: str
    subject: str = ""

    def unanswered(self, value: str, **values: str | int) -> Check:
        """The check of a question without an answer."""
        return Check(self.name, None, value, self.threshold, self.remedy, self.subject, values)


async def examine_all(questions: Sequence[Question], within_s: float = ANSWER_WITHIN_S) -> list[Check]:
    """The answers in the order of the questions, after at most `within_s`."""
    answers = await asyncio.gather(*(_answer(question, within_s) for question in questions))
    return [check for answer in answers for check in answer]


async def _answer(question: Question, within_s: float) -> Sequence[Check]:
    asked = asyncio.ensure_future(question.ask())
    try:
        done, _ = await asyncio.wait({asked}, timeout=within_s)
    finally:
        asked.cancel()  # not waited for: what cleans up slowly holds up nobody either
    try:
        if done:
            return asked.result()
        return [question.unanswered("no answer within {wait_ms}", wait_ms=round(within_s * 1000))]
    except HearthError as error:
        return [question.unanswered("{trouble}", trouble=str(error))]
    except Exception:
        # A bug in one question must not hide the answers to the others.
        log.exception("the check %s failed by a bug", question.name)
        return [question.unanswered("Hearth made a mistake while checking")]


async def detached(call: Callable[[], T]) -> T:
    """Run a blocking call in a thread that nobody waits for: one that hangs for ever is left behind."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not done.done():
            set_it()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
            tell = lambda: done.set_exception(failure)  # noqa: E731 - what is told depends on the end
        else:
            tell = lambda: done.set_result(result)  # noqa: E731 - as above
        with suppress(RuntimeError):  # the loop is gone: nobody waits any more
            loop.call_soon_threadsafe(settle, tell)

    threading.Thread(target=work, daemon=True, name="check").start()
    return await done
