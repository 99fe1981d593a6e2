"""Lightning in and out: coins for a paid invoice (NUT-04), an invoice paid with coins (NUT-05, NUT-08, NUT-23)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from sqlite_utils import Database

from desktop.domain.errors import FundsShort, MintMisbehaved, MintUnreachable, SettingsError
from desktop.domain.money import MSAT_PER_SAT
from desktop.wallet import coin_records, operation_records
from desktop.wallet.amounts import MAX_SAT, blank_count, spread
from desktop.wallet.messages import MeltQuoteAnswer
from desktop.wallet.mint import Mint
from desktop.wallet.mints import Mints
from desktop.wallet.operation import OperationKind
from desktop.wallet.operation_records import Plan, Record
from desktop.wallet.operations import Operations
from desktop.wallet.refusal import MintRefusal
from desktop.wallet.results import MeltQuote, MintQuote
from desktop.wallet.selection import choose_covering, fee_of
from desktop.wallet.storage import Storage

_INVOICE: Final = re.compile(r"^ln(?:bcrt|bc|tbs|tb)(?:(\d+)([munp]?))?1[02-9ac-hj-np-z]+$")
_PICO_PER_BTC: Final = {"": 10**12, "m": 10**9, "u": 10**6, "n": 10**3, "p": 1}
_PICO_PER_MSAT: Final = 10


class Lightning:
    """The Lightning side of a wallet."""

    def __init__(self, operations: Operations, mints: Mints, storage: Storage) -> None:
        self._operations = operations
        self._mints = mints
        self._storage = storage

    def mint_quote(self, amount: int, url: str) -> MintQuote:
        """An invoice to pay; written down before it is told. See `Wallet.mint_quote`."""
        if not 0 < amount <= MAX_SAT:
            raise ValueError("the amount to mint must be positive, and at most all there is")
        mint = self._mints.accepted_mint(url)
        mint.keysets()
        try:
            answer = mint.client.new_mint_quote(amount)
        except MintRefusal:
            raise _refused(mint, "It makes no invoice of this amount.") from None
        if invoice_msat(answer.request) != amount * MSAT_PER_SAT:
            raise _misbehaved(mint, "Its invoice asks for another amount.")
        quote = MintQuote(answer.quote, mint.url, amount, answer.request, answer.expiry)
        self._keep(OperationKind.MINT, quote, 0)
        return quote

    def mint_quotes(self) -> list[MintQuote]:
        """Invoices of ours for which no coins were taken yet, oldest first."""
        with self._storage.transaction() as db:
            rows = db.execute(
                "SELECT id, mint, amount_sat, invoice, expires_at_s FROM quotes WHERE kind = 'mint' AND id NOT IN"
                " (SELECT reference FROM operations WHERE kind = 'mint' AND state = 'done') ORDER BY at_ms, id"
            ).fetchall()
        return [MintQuote(*row) for row in rows]

    def mint_tokens(self, quote: MintQuote) -> Record:
        """Take the coins of a paid invoice. See `Wallet.mint_tokens`."""
        mint = self._mints.known_mint(quote.mint)
        return self._operations.once(OperationKind.MINT, quote.id, lambda: self._begin_mint(mint, quote))

    def melt_quote(self, invoice: str, url: str) -> MeltQuote:
        """What paying an invoice costs. See `Wallet.melt_quote`."""
        wanted_msat = invoice_msat(invoice)
        mint = self._mints.known_mint(url)
        try:
            answer = mint.client.new_melt_quote(invoice)
        except MintRefusal:
            raise _refused(mint, "It does not pay this invoice.") from None
        _check_price(mint, answer, wanted_msat)
        quote = MeltQuote(answer.quote, mint.url, answer.amount, answer.fee_reserve, invoice, answer.expiry)
        self._keep(OperationKind.MELT, quote, quote.fee_reserve_sat)
        return quote

    def melt(self, quote: MeltQuote) -> Record:
        """Pay. See `Wallet.melt`."""
        mint = self._mints.known_mint(quote.mint)
        return self._operations.patiently(
            mint.url,
            lambda: self._operations.once(OperationKind.MELT, quote.id, lambda: self._begin_melt(mint, quote)),
        )

    def _begin_mint(self, mint: Mint, quote: MintQuote) -> int:
        keyset = mint.active()
        plan = Plan(OperationKind.MINT, quote.id, mint.url, quote.amount_sat, quote.amount_sat, 0, quote=quote.id)
        with self._storage.transaction() as db:
            operation_id = self._operations.start(db, plan)
            held = Counter(coin.amount for coin in coin_records.free_coins(db, mint.url))
            stays = spread(quote.amount_sat, keyset.denominations, held)
            operation_records.add_outputs(db, operation_id, keyset.id, stays=stays)
            return operation_id

    def _begin_melt(self, mint: Mint, quote: MeltQuote) -> int:
        keyset = mint.active()
        with self._storage.transaction() as db:
            needed = quote.amount_sat + quote.fee_reserve_sat
            chosen = choose_covering(coin_records.free_coins(db, mint.url), needed)
            if chosen is None:
                raise FundsShort(
                    f"The wallet cannot cover {needed} sat and the mint's fee at {mint.url}.", now="Send less."
                )
            fee = fee_of(chosen)
            plan = Plan(OperationKind.MELT, quote.id, mint.url, quote.amount_sat, quote.amount_sat, fee, quote=quote.id)
            operation_id = self._operations.start(db, plan)
            coin_records.reserve(db, operation_id, chosen)
            most_change = sum(coin.amount for coin in chosen) - fee - quote.amount_sat
            blanks = [0] * blank_count(most_change)
            operation_records.add_outputs(db, operation_id, keyset.id, stays=blanks)
            return operation_id

    def _keep(self, kind: OperationKind, quote: MintQuote | MeltQuote, fee_reserve_sat: int) -> None:
        with self._storage.transaction() as db:
            _insert_quote(db, kind, quote, fee_reserve_sat, self._operations.now_ms())


def invoice_msat(invoice: str) -> int:
    """The amount in a Lightning invoice (BOLT 11). Raises SettingsError if it is none, or names no amount.

    Its signature and checksum are the paying mint's to check.
    """
    match = _INVOICE.match(invoice.strip().lower())
    if match is None or match[1] is None:
        raise SettingsError("This is not a Lightning invoice with an amount.", now="Ask for another one.")
    msat, part = divmod(int(match[1]) * _PICO_PER_BTC[match[2]], _PICO_PER_MSAT)
    if part or not 0 < msat <= MAX_SAT * MSAT_PER_SAT:
        raise SettingsError("The Lightning invoice names an impossible amount.", now="Ask for another one.")
    return msat


def _check_price(mint: Mint, answer: MeltQuoteAnswer, wanted_msat: int) -> None:
    if answer.amount != -(-wanted_msat // MSAT_PER_SAT):
        raise _misbehaved(mint, "It asks for another amount than the invoice does.")
    if answer.fee_reserve > max(answer.amount, 100):
        raise _misbehaved(mint, "It asks for a fee above the amount itself.")


def _insert_quote(
    db: Database, kind: OperationKind, quote: MintQuote | MeltQuote, fee_reserve_sat: int, now_ms: int
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO quotes (id, kind, mint, amount_sat, fee_reserve_sat, invoice, expires_at_s, at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [quote.id, kind, quote.mint, quote.amount_sat, fee_reserve_sat, quote.invoice, quote.expires_at_s, now_ms],
    )


def _refused(mint: Mint, why: str) -> MintUnreachable:
    return MintUnreachable(f"The mint {mint.url} does not serve this.", why=why, now="Try another amount or mint.")


def _misbehaved(mint: Mint, why: str) -> MintMisbehaved:
    return MintMisbehaved(f"The mint {mint.url} breaks the rules.", why=why, now="Use another mint.")
