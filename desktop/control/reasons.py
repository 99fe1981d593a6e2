"""Why a node earns or does not, in the door's words."""

from __future__ import annotations

from desktop.control.answers import Sentence, WhyAnswer, WhyPart, WhySpan
from desktop.domain.told import Told
from desktop.domain.why import Span, Why


def why_answer(why: Why) -> WhyAnswer:
    """The whole answer."""
    return WhyAnswer(
        sentences=tuple(map(sentence, why.sentences)),
        day=_span(why.day),
        week=_span(why.week),
        advice=None if why.advice is None else sentence(why.advice),
    )


def sentence(told: Told) -> Sentence:
    """A sentence with its values."""
    return Sentence(text=told.text, values=dict(told.values))


def _span(span: Span) -> WhySpan:
    return WhySpan(
        known_share=span.known_share,
        parts=tuple(
            WhyPart(state=part.state, reason=part.reason, duration_ms=part.duration_ms, share=part.share)
            for part in span.parts
        ),
        jobs=span.work.jobs,
        failed=span.work.failed,
        earned_msat=span.work.earned.msat,
    )
