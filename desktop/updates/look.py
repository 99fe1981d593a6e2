"""One look at every source: what may be believed, and what each had to say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.domain.errors import HearthError, NetworkError, UpdateInvalid
from desktop.updates.decision import believe, newest
from desktop.updates.memory import Remembered
from desktop.updates.publishers import Publishers
from desktop.updates.sources import Source
from desktop.updates.statement import Statement, open_statement


@dataclass(frozen=True, slots=True)
class Answer:
    """What one source had: a version, or `trouble` in words; neither where it knows of none."""

    source: str
    version: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """`statement` is the newest that may be believed, from whichever source."""

    answers: tuple[Answer, ...]
    statement: Statement | None

    def require(self) -> Statement:
        """The statement. Raises NetworkError, or UpdateInvalid where a source answered, with what each said."""
        if self.statement is not None:
            return self.statement
        if not self.answers:
            raise NetworkError("There is no source to ask.", now="Set update_sources, or relays, in the settings.")
        told = " ".join(f"{each.source}: {each.trouble or 'it knows of no version.'}" for each in self.answers)
        raise NetworkError("No source told of a version that may be believed.", why=told, now="Try again later.")


async def look(sources: Sequence[Source], publishers: Publishers, remembered: Remembered, now_s: int) -> Findings:
    """Ask all sources at once. None of them can spoil what another says: only what may be believed counts."""
    read = await asyncio.gather(*(_ask(each, publishers, remembered, now_s) for each in sources))
    return Findings(
        tuple(answer for answer, _ in read), newest(statement for _, statement in read if statement is not None)
    )


async def _ask(
    source: Source, publishers: Publishers, remembered: Remembered, now_s: int
) -> tuple[Answer, Statement | None]:
    try:
        envelopes = await source.read()
    except NetworkError as error:
        return Answer(source.name, trouble=error.why or error.what), None
    believed: list[Statement] = []
    troubles: list[HearthError] = []
    for envelope in envelopes:
        try:
            believed.append(believe(open_statement(envelope, publishers.keys), remembered, now_s))
        except UpdateInvalid as error:
            troubles.append(error)
    best = newest(believed)
    if best is not None:
        return Answer(source.name, version=best.version), best
    return Answer(source.name, trouble=str(troubles[0]) if troubles else ""), None
