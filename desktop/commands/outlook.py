"""`hearth outlook`: what this computer could earn a day, as a range, and what that rests on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import msgspec

from desktop.commands.console import UNKNOWN, Console
from desktop.compose import Composition
from desktop.control.prospects import outlook_answer
from desktop.domain.errors import SettingsError
from desktop.domain.market import TYPICAL
from desktop.domain.outlook import Figure, Outlook, Range
from desktop.domain.told import span, told
from desktop.economy import look_ahead


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--busy",
        metavar="LOW-HIGH",
        help="the percentage of the day with requests that you expect, such as 1-10; used where it is not measured",
    )


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print the range of each model; asks the relays, works whether or not a node runs."""
    outlooks = look_ahead(home, _declared(arguments.busy))
    console.document(msgspec.to_builtins(outlook_answer(outlooks, home.now_ms())))
    for each in outlooks:
        _tell(each, home.now_ms(), console)
    return 0


def _declared(text: str | None) -> Figure | None:
    if text is None:
        return None
    try:
        low, _, high = (part.strip() for part in text.replace("%", "").partition("-"))
        figure = Figure(float(low) / 100, float(high or low) / 100, told("your own guess"))
    except ValueError:
        figure = None
    if figure is None or not 0 <= figure.low <= figure.high <= 1:
        raise SettingsError("--busy takes percentages, such as 1-10.")
    return figure


def _tell(each: Outlook, now_ms: int, console: Console) -> None:
    facts, rivals = each.facts, each.facts.rivals
    console.say(facts.model_id)
    console.say(f"  a day, before electricity  {_range(each.gross)}")
    console.say(f"  electricity                {_range(each.cost)}")
    console.say(f"  left                       {_range(each.net)}")
    if each.asked_msat is not None:
        what = "the same model" if rivals.same_model else "other models of its kind"
        asked, ages = each.asked_msat, (rivals.newest_ms(now_ms) or 0, rivals.oldest_ms(now_ms) or 0)
        console.say(
            f"  others ask                 {asked.low / 1000:,.3f} to {asked.high / 1000:,.3f} sat, the middle one "
            f"{asked.median / 1000:,.3f}, to read {TYPICAL.prompt_tokens} tokens and write {TYPICAL.completion_tokens}"
        )
        console.say(
            f"                             ({len(rivals.asks)} offers of {what} by {rivals.providers} providers, "
            f"{span(ages[0])} to {span(ages[1])} old, on {', '.join(facts.relays)})"
        )
    console.say(f"  busy                       {_figure(facts.busy_share, 100, '%')}")
    console.say(f"  speed                      {_figure(facts.tokens_per_s, 1, 'tokens/s')}")
    console.say(f"  energy                     {_figure(facts.joules_per_token, 1, 'J a token')}")
    for missing in each.missing:
        console.say(f"  → {missing}")


def _range(amounts: Range | None) -> str:
    return UNKNOWN if amounts is None else f"≈ {amounts.low} to {amounts.high}"


def _figure(figure: Figure | None, factor: float, unit: str) -> str:
    if figure is None:
        return UNKNOWN
    ends: Sequence[str] = list(dict.fromkeys(f"{end * factor:,.2f}" for end in (figure.low, figure.high)))
    return f"≈ {' to '.join(ends)} {unit} ({figure.source})"
