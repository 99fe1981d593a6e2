"""Uptime as equal cells, each with the mood that filled most of it."""

from __future__ import annotations

from collections.abc import Sequence

from desktop.control.answers import UptimeInterval
from desktop.ui.wording import MOODS, Mood


def cells(intervals: Sequence[UptimeInterval], start_ms: int, end_ms: int, count: int) -> tuple[Mood | None, ...]:
    """`count` cells over [start, end); None where nothing is recorded: before the first start."""
    length = (end_ms - start_ms) / count
    filled: list[dict[Mood, float]] = [{} for _ in range(count)]
    for interval in intervals:
        since, until = max(interval.start_ms, start_ms), min(interval.end_ms or end_ms, end_ms)
        if until <= since:
            continue
        mood = MOODS[interval.state]
        for index in range(int((since - start_ms) / length), min(int((until - 1 - start_ms) / length), count - 1) + 1):
            begin = start_ms + index * length
            part = min(until, begin + length) - max(since, begin)
            filled[index][mood] = filled[index].get(mood, 0.0) + part
    return tuple(max(cell, key=lambda mood: cell[mood]) if cell else None for cell in filled)


def shares(intervals: Sequence[UptimeInterval], start_ms: int, end_ms: int) -> dict[Mood, float]:
    """The share of the recorded time by mood; empty if nothing is recorded."""
    lengths: dict[Mood, int] = {}
    for interval in intervals:
        length = min(interval.end_ms or end_ms, end_ms) - max(interval.start_ms, start_ms)
        if length > 0:
            lengths[MOODS[interval.state]] = lengths.get(MOODS[interval.state], 0) + length
    total = sum(lengths.values())
    return {mood: length / total for mood, length in lengths.items()} if total else {}
