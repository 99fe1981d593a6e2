"""`hearth wallet`: what is there, and how it comes in and goes out."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import uuid
from collections.abc import Callable

from desktop.commands.console import Console
from desktop.commands.money import book_owner_movements
from desktop.compose import Composition
from desktop.domain.errors import FundsShort, SettingsError
from desktop.node import references
from desktop.wallet.results import MeltQuote
from desktop.wallet.wallet import Wallet

Action = Callable[[argparse.Namespace, Wallet, Console], None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments. Tokens are read from standard input: arguments are seen by others."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("balance", help="what is there, by mint (the default)").set_defaults(act=_balance)
    receive = actions.add_parser("receive", help="take a token, read from standard input")
    receive.add_argument("token", nargs="?", help=argparse.SUPPRESS)
    receive.set_defaults(act=_receive)
    send = actions.add_parser("send", help="make a token")
    send.add_argument("amount", type=int, metavar="SAT")
    send.add_argument("--mint", metavar="URL", help="at this mint (default: where there is most)")
    send.set_defaults(act=_send)
    fund = actions.add_parser("fund", help="get an invoice; once it is paid, the wallet holds the amount")
    fund.add_argument("amount", type=int, metavar="SAT")
    fund.add_argument("--mint", metavar="URL", help="at this mint (default: the first accepted one)")
    fund.set_defaults(act=_fund)
    claim = actions.add_parser("claim", help="take the coins of invoices that were paid")
    claim.set_defaults(act=_claim)
    pay = actions.add_parser("pay", help="pay a Lightning invoice")
    pay.add_argument("invoice")
    pay.add_argument("--mint", metavar="URL", help="from this mint (default: where there is most)")
    pay.set_defaults(act=_pay)
    restore = actions.add_parser("restore", help="find what a mint still owes to the recovery phrase")
    restore.add_argument("--mint", metavar="URL", help="at this mint (default: every accepted one)")
    restore.set_defaults(act=_restore)
    actions.add_parser("check", help="compare every coin with its mint").set_defaults(act=_check)
    actions.add_parser("phrase", help="show the recovery phrase").set_defaults(act=None)
    parser.set_defaults(act=_balance)


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Do it, and book what moved."""
    if arguments.action == "phrase":
        return _phrase(home, console)
    act: Action = arguments.act
    identity, _ = home.identity()
    with home.wallet(identity) as wallet:
        wallet.recover()
        try:
            act(arguments, wallet, console)
        finally:
            asyncio.run(book_owner_movements(home, wallet))
    return 0


def _phrase(home: Composition, console: Console) -> int:
    stored = home.phrases().load()
    if stored is None:
        raise SettingsError("There is no recovery phrase yet.", now="`hearth node` makes one at its first start.")
    console.document({"phrase": stored.phrase, "place": stored.place.value})
    console.say(stored.phrase)
    console.note("Whoever knows these words has the money. Write them on paper; show them to nobody.")
    return 0


def _balance(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    del arguments
    balance, pending, outstanding = wallet.balance(), wallet.pending(), wallet.outstanding()
    mints = sorted({*balance, *pending, *outstanding})
    console.document(
        [
            {
                "mint": mint,
                "sat": balance.get(mint, 0),
                "pending_sat": pending.get(mint, 0),
                "outstanding_sat": outstanding.get(mint, 0),
            }
            for mint in mints
        ]
    )
    if not mints:
        console.say("The wallet is empty. `hearth node` earns, `hearth wallet fund 1000` adds.")
        return
    console.table(
        ("mint", "to spend (sat)", "on its way", "sent, not taken yet"),
        [
            (mint, f"{balance.get(mint, 0):,}", f"{pending.get(mint, 0):,}", f"{outstanding.get(mint, 0):,}")
            for mint in mints
        ],
    )


def _receive(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    if arguments.token is not None:
        raise SettingsError(
            "A token is read from standard input only.",
            why="It is money, and other programs and the shell's history see what stands on a command line.",
            now="Run `hearth wallet receive` and paste it there, soon: whoever saw it can take it first.",
        )
    token = getpass.getpass("Token (not shown): ") if sys.stdin.isatty() else sys.stdin.read(1_000_000)
    received = wallet.receive(token.strip(), reference=references.owner(f"receive/{wallet.inspect(token).digest}"))
    console.document({"received_sat": received.amount_sat, "fee_sat": received.fee_sat, "mint": received.mint})
    console.say(f"{received.amount_sat:,} sat received; the mint kept {received.fee_sat:,}.")


def _send(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    mint = arguments.mint or _fullest(wallet)
    sent = wallet.send(_positive(arguments.amount), mint, reference=references.owner(f"send/{uuid.uuid4().hex}"))
    console.document({"token": sent.token, "amount_sat": sent.amount_sat, "fee_sat": sent.fee_sat, "mint": sent.mint})
    console.say(sent.token)
    console.note("Whoever has this text has the money.")


def _fund(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    accepted = wallet.accepted_mints
    if not accepted and not arguments.mint:
        raise SettingsError("No mint is accepted.", now="Set `mints` in the settings.")
    quote = wallet.mint_quote(_positive(arguments.amount), arguments.mint or accepted[0])
    console.document({"invoice": quote.invoice, "amount_sat": quote.amount_sat, "mint": quote.mint})
    console.say(quote.invoice)
    console.note("Pay this invoice, then run `hearth wallet claim`.")


def _claim(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    del arguments
    from desktop.domain.errors import PaymentRequired

    claimed = waiting = 0
    for quote in wallet.mint_quotes():
        try:
            claimed += wallet.mint_tokens(quote).amount_sat
        except PaymentRequired:
            waiting += 1
    console.document({"claimed_sat": claimed, "unpaid_invoices": waiting})
    console.say(f"{claimed:,} sat claimed; {waiting} invoices are not paid yet.")


def _pay(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    quote = wallet.melt_quote(arguments.invoice, arguments.mint or _fullest(wallet))
    if not console.as_json and sys.stdin.isatty() and not _agreed(quote):
        console.say("Nothing was paid.")
        return
    paid = wallet.melt(quote)
    console.document({"paid_sat": paid.amount_sat, "fee_sat": paid.fee_sat, "mint": paid.mint})
    console.say(f"{paid.amount_sat:,} sat paid; it cost {paid.fee_sat:,} more.")


def _agreed(quote: MeltQuote) -> bool:
    asked = f"Pay {quote.amount_sat:,} sat, and at most {quote.fee_reserve_sat:,} for Lightning? [y/N] "
    return input(asked).strip().lower() in {"y", "yes"}


def _restore(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    mints = (arguments.mint,) if arguments.mint else wallet.accepted_mints
    restored = [wallet.restore(mint) for mint in mints]
    console.document(
        [{"mint": each.mint, "restored_sat": each.restored_sat, "pending_sat": each.pending_sat} for each in restored]
    )
    for each in restored:
        console.say(f"  {each.mint}: {each.restored_sat:,} sat found, {each.pending_sat:,} still on their way.")


def _check(arguments: argparse.Namespace, wallet: Wallet, console: Console) -> None:
    del arguments
    checks = wallet.check()
    console.document(
        [
            {"mint": each.mint, "held_sat": each.held_sat, "spent_sat": each.spent_sat, "agrees": each.agrees}
            for each in checks
        ]
    )
    for each in checks:
        verdict = "the mint agrees" if each.agrees else f"{each.spent_sat:,} sat are spent already"
        console.say(f"  {each.mint}: {each.held_sat:,} sat, {verdict}.")


def _fullest(wallet: Wallet) -> str:
    balance = wallet.balance()
    if not balance:
        raise FundsShort("The wallet is empty.", now="`hearth wallet fund 1000` adds to it.")
    return max(balance, key=lambda mint: (balance[mint], mint))


def _positive(amount_sat: int) -> int:
    if amount_sat < 1:
        raise SettingsError("The amount must be at least 1 sat.")
    return amount_sat
