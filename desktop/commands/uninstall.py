"""`hearth uninstall`: the user's part of taking Hearth off a computer. The installers' own removal comes after it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from typing import Final

from desktop.commands.console import Console
from desktop.commands.departure import end_app
from desktop.compose import Composition
from desktop.domain.errors import HearthError, SettingsError
from desktop.domain.money import Money
from desktop.machine.belongings import Belonging, Belongings

_YES: Final = {"y", "yes", "j", "ja"}

Ask = Callable[[str], str]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep-data", action="store_true", help="keep keys, wallet and ledger without asking")
    choice.add_argument("--remove-data", action="store_true", help="remove keys, wallet and ledger without asking")
    choice.add_argument(
        "--remove",
        action="append",
        type=Belonging,
        choices=tuple(Belonging),
        help="remove this one of the three without asking, and keep those not named",
    )
    choice.add_argument("--found", action="store_true", help="only tell which of the three are here; change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask whether to go ahead")


def run(arguments: argparse.Namespace, home: Composition, console: Console, ask: Ask = input) -> int:
    """End what runs, ask about each thing nobody can fetch again, remove the rest. Raises SettingsError on a no."""
    belongings = Belongings(home.paths, home.phrases())
    found = belongings.found()
    if arguments.found:
        return _tell(found, _amount_in(found, home), console)
    decided = arguments.keep_data or arguments.remove_data or arguments.remove
    if not sys.stdin.isatty() and ask is input and not (decided and arguments.yes):
        raise SettingsError(
            "There is nobody to ask what to keep.", now="Add --yes and one of --keep-data, --remove and --remove-data."
        )
    amount = _amount_in(found, home)
    if not arguments.yes and not _agreed(ask, "Take Hearth off this computer, with its settings, models and logs?"):
        raise SettingsError("Nothing was removed.")
    keep = _decided(arguments, found) if decided else _choose(found, amount, ask)
    end_app(home)
    left = belongings.remove(keep)
    gone = [each for each in found if each not in keep]
    console.document(
        {
            "kept": [each.value for each in keep],
            "removed": [each.value for each in gone],
            "wallet_sat": None if amount is None else amount.msat // 1000,
            "left": [str(path) for path in left],
        }
    )
    if keep:
        console.say(f"Kept: {', '.join(keep)}, in {home.paths.data}")
    if gone:
        console.say(
            f"Removed: {', '.join(gone)}" + (f"; the wallet held {_told(amount)}" if Belonging.WALLET in gone else "")
        )
    console.say("Removed: settings, models, logs.")
    return 0


def _tell(found: Collection[Belonging], amount: Money | None, console: Console) -> int:
    """For an installer that asks in a window of its own: a line for each thing, its name, a tabulator, the question."""
    questions = _questions(amount)
    console.document(
        {"found": [each.value for each in found], "wallet_sat": None if amount is None else amount.msat // 1000}
    )
    for each in found:
        console.say(f"{each.value}\t{questions[each]}")
    return 0


def _decided(arguments: argparse.Namespace, found: Collection[Belonging]) -> tuple[Belonging, ...]:
    if arguments.keep_data:
        return tuple(found)
    return () if arguments.remove_data else tuple(each for each in found if each not in arguments.remove)


def _choose(found: Collection[Belonging], amount: Money | None, ask: Ask) -> tuple[Belonging, ...]:
    """Which of those to keep: asked one by one, and kept unless somebody says otherwise."""
    return tuple(each for each, question in _questions(amount).items() if each in found and not _agreed(ask, question))


def _questions(amount: Money | None) -> dict[Belonging, str]:
    return {
        Belonging.LEDGER: "Remove the ledger: what you earned, every job and its receipt?",
        Belonging.WALLET: f"Remove the wallet? It holds {_told(amount)}. Only the recovery phrase brings that back.",
        Belonging.KEYS: "Remove the keys, your recovery phrase? Who has not written it down loses name and money.",
    }


def _agreed(ask: Ask, question: str) -> bool:
    try:
        return ask(f"{question} [y/N] ").strip().lower() in _YES
    except EOFError:
        return False


def _amount_in(found: Collection[Belonging], home: Composition) -> Money | None:
    return _amount(home) if Belonging.WALLET in found else Money(0)


def _amount(home: Composition) -> Money | None:
    """What the wallet holds, pending money included; None if that cannot be told now."""
    try:
        if home.phrases().load() is None:
            return None
        identity, _ = home.identity()
        with home.wallet(identity) as wallet:
            return Money.from_sat(sum(wallet.balance().values()) + sum(wallet.pending().values()))
    except HearthError:
        return None


def _told(amount: Money | None) -> str:
    return "an amount that cannot be read now" if amount is None else str(amount)
