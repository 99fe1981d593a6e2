"""The third part of the composition root: what energy costs, and what this computer and its network are asked."""

from __future__ import annotations

from desktop.compose import Composition
from desktop.domain.tariff import Electricity
from desktop.machine.private_file import write_private
from desktop.network.exchange import fetch_rate
from desktop.node.exchange import Exchange


def exchange_of(home: Composition) -> Exchange:
    """The exchange rate in force, and who is asked for it."""
    settings = home.settings
    return Exchange(
        settings.declared_rate,
        settings.exchange_source,
        settings.exchange_field or settings.currency,
        home.paths.data / "exchange.json",
        fetch=fetch_rate,
        write=write_private,
        now_ms=home.now_ms,
    )


def electricity_of(home: Composition) -> Electricity:
    """What energy costs now, as far as it is known without asking anybody."""
    return Electricity(home.settings.tariff, exchange_of(home).current())


def refreshed_electricity_of(home: Composition) -> Electricity:
    """What energy costs now; asks the owner's source of exchange rates if what is known is old. Blocking."""
    return Electricity(home.settings.tariff, exchange_of(home).refresh())
