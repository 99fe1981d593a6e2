"""How wide the columns of a table are: what is in them counts, and where it is narrow the dispensable ones go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """A column's need in pixels: `least` shows something of it, `wanted` enough, `whole` all of the longest text.

    `share` is its part of what is left then. `rank` 0 is always shown; of the others the highest goes first.
    """

    wanted: int
    least: int
    share: int
    rank: int = 0
    whole: int = 0


def share_out(needs: Sequence[Need], width: int) -> list[int]:
    """A width for each column, 0 for one that is not shown. They add up to `width`, whatever it is."""
    shown = list(range(len(needs)))
    while len(shown) > 1 and sum(needs[place].wanted for place in shown) > width:
        last = max(reversed(shown), key=lambda place: needs[place].rank)
        if needs[last].rank == 0:
            break
        shown.remove(last)
    wanted, least = (sum(part) for part in zip(*((needs[n].wanted, needs[n].least) for n in shown), strict=True))
    given = [0] * len(needs)
    for place in shown:
        need = needs[place]
        if wanted <= width:
            given[place] = need.wanted
        elif least <= width:
            given[place] = need.least + (width - least) * (need.wanted - need.least) // (wanted - least)
        else:
            given[place] = need.least * width // least
    left = max(0, width) - sum(given)
    if wanted <= width:
        for place in shown:
            more = min(left, max(0, needs[place].whole - given[place]))
            given[place] += more
            left -= more
        total = sum(needs[place].share for place in shown)
        for place, part in [(place, left * needs[place].share // total) for place in shown]:
            given[place] += part
    given[shown[-1]] += max(0, width) - sum(given)
    return given
