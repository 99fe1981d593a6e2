"""`hearth ask`: find a provider, pay it, stream its answer."""

from __future__ import annotations

import argparse
import asyncio

from desktop.commands.console import Console, sats
from desktop.commands.money import book_owner_movements
from desktop.compose import Composition
from desktop.domain.errors import SettingsError
from desktop.domain.inference import Message
from desktop.domain.money import Money
from desktop.gateway.bill import Bill
from desktop.gateway.purchase import Answer
from desktop.gateway.question import Question
from desktop.wallet.wallet import Wallet

LONGEST_QUESTION = 100_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("question", help="the question, or - to read it from standard input")
    parser.add_argument("--model", default="", metavar="ID", help="the model (default: the cheapest, or the setting)")
    parser.add_argument("--system", default="", metavar="TEXT", help="how to answer")
    parser.add_argument("--max-tokens", type=int, default=256, metavar="N", help="the longest answer (default: 256)")
    parser.add_argument("--max-sat", type=int, default=None, metavar="N", help="the most this may cost")
    parser.add_argument("--temperature", type=float, default=None, metavar="T", help="0 is the most likely answer")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="the same seed gives the same answer")
    parser.add_argument("--provider", default="", metavar="KEY", help="ask only this provider (public key, hex)")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print the answer as it comes, then the bill. Exit status 3 if the bill is wrong."""
    return asyncio.run(_ask(_question(arguments, home), home, console))


def _question(arguments: argparse.Namespace, home: Composition) -> Question:
    text = console_input() if arguments.question == "-" else arguments.question
    if not text.strip():
        raise SettingsError("The question is empty.", now='Try: hearth ask "Why is the sky blue?"')
    system = (Message("system", arguments.system),) if arguments.system else ()
    most_sat = home.settings.ask_max_sat if arguments.max_sat is None else arguments.max_sat
    return Question(
        (*system, Message("user", text)),
        model=arguments.model or home.settings.ask_model,
        max_tokens=arguments.max_tokens,
        temperature=arguments.temperature,
        seed=arguments.seed,
        most=Money.from_sat(most_sat),
        provider=arguments.provider,
    )


def console_input() -> str:
    """What comes on standard input, up to a limit."""
    import sys

    return sys.stdin.read(LONGEST_QUESTION)


async def _ask(question: Question, home: Composition, console: Console) -> int:
    identity, _ = await asyncio.to_thread(home.identity)
    with home.wallet(identity) as wallet:
        try:
            return await _buy(question, home, wallet, console)
        finally:
            await book_owner_movements(home, wallet)


async def _buy(question: Question, home: Composition, wallet: Wallet, console: Console) -> int:
    await asyncio.to_thread(wallet.recover)
    async with home.buyer(wallet) as buyer:
        for settled in await buyer.recover():
            console.note(f"An earlier payment of {settled.claim.amount_sat} sat: {settled.outcome.value}.")
        text = ""
        async with buyer.ask(question) as answer:
            async for piece in answer:
                text += piece
                if not console.as_json:
                    console.write(piece)
        console.say()
    bill = answer.bill
    if bill is None:
        return 0
    console.document(_document(text, answer, bill))
    if not console.as_json:
        console.note(_in_words(answer, bill))
    return 0 if bill.honest else 3


def _document(text: str, answer: Answer, bill: Bill) -> dict[str, object]:
    return {
        "answer": text,
        "model": answer.choice.listing.id,
        "provider": answer.choice.provider.public_key,
        "finish_reason": answer.closing.finish_reason,
        "prompt_tokens": bill.usage.prompt_tokens if bill.usage else None,
        "completion_tokens": bill.usage.completion_tokens if bill.usage else None,
        "paid_msat": bill.paid.msat,
        "change_msat": bill.change.msat,
        "fees_msat": bill.fees.msat,
        "charged_msat": bill.charged.msat if bill.charged else None,
        "expected_msat": bill.expected.msat if bill.expected else None,
        "honest": bill.honest,
        "complaint": bill.complaint,
    }


def _in_words(answer: Answer, bill: Bill) -> str:
    tokens = f"{bill.usage.total_tokens} tokens" if bill.usage else "an unknown number of tokens"
    cost = sats(bill.charged) if bill.charged is not None else "?"
    told = f"{answer.choice.listing.id}, {tokens}: {cost} sat charged, {sats(bill.paid)} sat sent, "
    told += f"{sats(bill.change)} sat back, {sats(bill.fees)} sat to the mint."
    return f"{told} The bill matches the price." if bill.honest else f"{told}\nThe bill is wrong: {bill.complaint}"
