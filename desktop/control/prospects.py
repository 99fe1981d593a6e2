"""The outlook in the door's words."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.control.answers import AmountRange, FigureSheet, OutlookAnswer, OutlookSheet
from desktop.control.reasons import sentence
from desktop.domain.market import TYPICAL
from desktop.domain.outlook import Figure, Outlook, Range


def outlook_answer(outlooks: Sequence[Outlook], now_ms: int) -> OutlookAnswer:
    """Every model's range, with what it rests on."""
    return OutlookAnswer(
        models=tuple(_sheet(each, now_ms) for each in outlooks),
        typical_prompt_tokens=TYPICAL.prompt_tokens,
        typical_completion_tokens=TYPICAL.completion_tokens,
    )


def _sheet(each: Outlook, now_ms: int) -> OutlookSheet:
    facts, asked = each.facts, each.asked_msat
    return OutlookSheet(
        model_id=facts.model_id,
        offers=len(facts.rivals.asks),
        providers=facts.rivals.providers,
        same_model=facts.rivals.same_model,
        relays=facts.relays,
        newest_ms=facts.rivals.newest_ms(now_ms),
        oldest_ms=facts.rivals.oldest_ms(now_ms),
        asked_msat=None if asked is None else (asked.low, asked.median, asked.high),
        busy_share=_figure(facts.busy_share),
        tokens_per_s=_figure(facts.tokens_per_s),
        joules_per_token=_figure(facts.joules_per_token),
        gross=_range(each.gross),
        cost=_range(each.cost),
        net=_range(each.net),
        missing=tuple(map(sentence, each.missing)),
    )


def _figure(figure: Figure | None) -> FigureSheet | None:
    return None if figure is None else FigureSheet(low=figure.low, high=figure.high, source=sentence(figure.source))


def _range(amounts: Range | None) -> AmountRange | None:
    return None if amounts is None else AmountRange(low_msat=amounts.low.msat, high_msat=amounts.high.msat)
