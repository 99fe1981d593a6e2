"""Keeps the prices of a running node: looks every few minutes at measured energy, the tariff and how busy it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from desktop.domain.model import Offer
from desktop.domain.tariff import Electricity
from desktop.domain.why import WEEK_MS
from desktop.ledger.energy import Worked
from desktop.ledger.report import QUARTER_MS, Report
from desktop.node.pricing import PriceBoard, PriceTerms, floor_factor, scaled, step, target, worth_it

LOOK_S: Final = 60.0
MOVE_EVERY_MS: Final = 600_000
BUSY_KEPT: Final = 30  # looks over which busyness is taken: half an hour


class PriceKeeper:
    """The prices of `offers`; `reprice` is told what to announce and what to bill at, whenever that is another.

    `busy` is the share of seats taken now, `honoured_ms` how long an announcement may still be believed somewhere.
    A quote that was given holds: an open job keeps the offer it was opened with.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        terms: PriceTerms,
        *,
        report: Report,
        electricity: Callable[[], Electricity],
        busy: Callable[[], float],
        reprice: Callable[[Sequence[Offer], Sequence[Offer]], None],
        honoured_ms: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._offers = tuple(offers)
        self._terms = terms
        self._report = report
        self._electricity = electricity
        self._busy_now = busy
        self._reprice = reprice
        self._now_ms = now_ms
        self._boards = {offer.model.id: PriceBoard(honoured_ms) for offer in offers}
        self._busy: list[float] = []
        self._moved_at_ms = now_ms()
        self._told: tuple[Sequence[Offer], Sequence[Offer]] = (self._offers, self._offers)
        self._worth: dict[str, bool | None] = {}

    def worth_it(self, device_id: str) -> bool | None:
        """Whether work on that device may pay its electricity at this hour; None: not known."""
        return self._worth.get(device_id)

    async def look(self) -> None:
        """One look: what is known now decides what is asked from now on."""
        now_ms = self._now_ms()
        self._busy = [*self._busy, self._busy_now()][-BUSY_KEPT:]
        worked, electricity = await asyncio.to_thread(self._read, now_ms)
        self._worth = {
            device: self._worth_on([row for row in worked if row.device == device], electricity, now_ms)
            for device in {row.device for row in worked}
        }
        if now_ms - self._moved_at_ms >= MOVE_EVERY_MS:
            self._moved_at_ms = now_ms
            for offer in self._offers:
                mine = [row for row in worked if row.model_id == offer.model.id]
                self._move(offer, floor_factor(mine, offer.price, self._terms, electricity, now_ms), now_ms)
        self._tell(now_ms)

    def _read(self, now_ms: int) -> tuple[list[Worked], Electricity]:
        end_ms = (now_ms // QUARTER_MS + 1) * QUARTER_MS
        return self._report.worked(max(0, end_ms - WEEK_MS), end_ms), self._electricity()

    def _worth_on(self, rows: Sequence[Worked], electricity: Electricity, now_ms: int) -> bool | None:
        """Whether any model is worth it there; None if none is known to be and one is not known."""
        answers = [
            worth_it(self._terms, floor_factor(mine, offer.price, self._terms, electricity, now_ms))
            for offer in self._offers
            if (mine := [row for row in rows if row.model_id == offer.model.id])
        ]
        if True in answers:
            return True
        return None if None in answers or not answers else False

    def _move(self, offer: Offer, floor: int | None, now_ms: int) -> None:
        board = self._boards[offer.model.id]
        busy_share = sum(self._busy) / len(self._busy)
        board.ask(step(board.factor, target(self._terms, floor, busy_share)), now_ms)

    def _tell(self, now_ms: int) -> None:
        asked = tuple(self._at(offer, self._boards[offer.model.id].factor) for offer in self._offers)
        billed = tuple(self._at(offer, self._boards[offer.model.id].billed(now_ms)) for offer in self._offers)
        if (asked, billed) != self._told:
            self._told = (asked, billed)
            self._reprice(asked, billed)

    @staticmethod
    def _at(offer: Offer, factor: int) -> Offer:
        return replace(offer, price=scaled(offer.price, factor))
