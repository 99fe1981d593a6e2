"""The third part of the composition root: what energy costs, and what this computer and its network are asked."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from desktop.compose import Composition
from desktop.domain.check import Check
from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import DeviceUnusable, HearthError, NetworkError
from desktop.domain.market import Ask, rivals_of
from desktop.domain.model import ModelKind
from desktop.domain.outlook import Facts, Figure, Outlook, outlook
from desktop.domain.tariff import Electricity
from desktop.ledger.jobs import LastJobs
from desktop.ledger.report import Report
from desktop.machine.devices.survey import local_devices, survey
from desktop.machine.doctor import examine
from desktop.machine.identity import Identity
from desktop.machine.presence.here import open_presence
from desktop.machine.private_file import write_private
from desktop.network.dates import clock_ahead_ms
from desktop.network.directory.finder import Finder
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Relays, RelayState
from desktop.network.exchange import fetch_rate
from desktop.network.wire.address import WireAddress
from desktop.network.wire.probe import dial
from desktop.node import prospects
from desktop.node.energy import EnergyBook
from desktop.node.examination import Question, detached, examine_all
from desktop.node.exchange import Exchange
from desktop.node.livelihood import Livelihood
from desktop.node.node import Node
from desktop.node.price_keeper import PriceKeeper
from desktop.node.pricing import PriceTerms
from desktop.node.verdicts import (
    clock_check,
    device_check,
    driver_check,
    energy_check,
    last_check,
    mint_check,
    no_reach_check,
    presence_check,
    price_check,
    reach_check,
    relay_check,
    usable_check,
)
from desktop.worker.sandbox.check import SandboxReport

RELAYS_WITHIN_S: Final = 6.0
DIAL_WITHIN_S: Final = 6.0
CLOCKS_WITHIN_S: Final = 5.0
FIND_WITHIN_S: Final = 6.0


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


@dataclass(frozen=True, slots=True)
class Live:
    """What a running node adds to the examination, as it is at this moment."""

    relays: tuple[RelayState, ...]
    accepted: tuple[str, ...]
    endpoints: tuple[str, ...]


def examine_home(home: Composition, live: Live | None, *, sandbox: bool) -> list[Check]:
    """Every check of this computer and its network, within ten seconds. Blocking, in any thread but a loop's.

    Without `live` no node runs, and what only a node can tell is told as unknown. `sandbox` tries the sandbox as well.
    """
    return asyncio.run(_examine(home, live, sandbox=sandbox))


def examine_reach(home: Composition, live: Live) -> list[Check]:
    """Whether others reach this node, and nothing else, within ten seconds. Blocking, in any thread but a loop's."""
    return asyncio.run(examine_all([_reach_question(home, live)]))


async def _examine(home: Composition, live: Live | None, *, sandbox: bool) -> list[Check]:
    async with home.relays() as relays:
        ask = partial(_questions, home, live, relays)
        return await examine_all([*ask(), *([_sandbox_question(home)] if sandbox else [])])


def _questions(home: Composition, live: Live | None, relays: Relays) -> Iterator[Question]:
    computer = partial(Question, threshold="an answer in time", remedy="Restart the computer, then ask again.")
    yield computer(partial(_computer, home), "operating system")
    yield computer(partial(_devices, home), "device")
    yield computer(partial(_presence, home), "presence sensor")
    yield Question(
        partial(_relays, home, live, relays),
        "relay",
        "connected",
        "Check the internet connection, or choose another relay.",
    )
    yield _reach_question(home, live)
    for url in home.settings.mints:
        yield Question(
            partial(_mint, home, url), "mint", "answers", "Accept another mint, or wait until it is well again.", url
        )
    yield Question(
        partial(_clock, home), "clock against others", "relays and mints that tell the time", "Check the connection."
    )
    yield Question(partial(_prices, home, relays), "price", "others to compare with", "Ask again later.")
    yield Question(partial(_last_jobs, home), "last request", "within a day", "`hearth why` says where the time went.")


async def _computer(home: Composition) -> Sequence[Check]:
    def look() -> Sequence[Check]:
        devices = local_devices(home.now_ms)
        try:
            return examine(home.paths, survey(devices), home.now_ms)
        finally:
            devices.close()

    return await detached(look)


async def _devices(home: Composition) -> Sequence[Check]:
    devices = local_devices(home.now_ms)
    try:
        found = await detached(devices.look)
        readings = await asyncio.gather(*(devices.read(device.id) for device in found))
    finally:
        devices.close()
    checks: list[Check] = []
    for device, reading in zip(found, readings, strict=True):
        driver = driver_check(device)
        checks += [device_check(device, reading), *([driver] if driver else []), energy_check(device, reading)]
        if device.kind is not DeviceKind.CPU:
            checks.append(usable_check(device, await detached(partial(_unusable, home, device))))
    return checks


def _unusable(home: Composition, device: Device) -> DeviceUnusable | None:
    try:
        home.require_usable(device)
    except DeviceUnusable as error:
        return error
    return None


async def _presence(home: Composition) -> Sequence[Check]:
    del home
    sensor = open_presence(os.environ, Path.home())
    try:
        presence = await sensor.read()
        whys = [each.why for each in sensor.describe() if each.signal in {"session", "idle_s"} and each.why]
    finally:
        await sensor.close()
    return [presence_check(presence, " ".join(whys))]


async def _relays(home: Composition, live: Live | None, relays: Relays) -> Sequence[Check]:
    if live is not None and live.relays:
        accepted = {url.rstrip("/") for url in live.accepted}
        return [
            relay_check(
                state.url, connected=state.connected, trouble=state.trouble, listed=state.url.rstrip("/") in accepted
            )
            for state in live.relays
        ]
    del home
    changed = asyncio.Event()
    for link in relays.links:
        link.listen(changed.set)
    with suppress(TimeoutError):
        async with asyncio.timeout(RELAYS_WITHIN_S):
            while not all(_settled(state) for state in relays.states()):
                await changed.wait()
                changed.clear()
    return [relay_check(s.url, connected=s.connected, trouble=s.trouble, listed=None) for s in relays.states()]


def _settled(state: RelayState) -> bool:
    return state.connected or state.failures > 0


def _reach_question(home: Composition, live: Live | None) -> Question:
    return Question(
        partial(_reach, home, live),
        "reachability",
        "our own public key answers",
        "Allow Hearth in the firewall (UDP out), or choose other wire relays.",
    )


async def _reach(home: Composition, live: Live | None) -> Sequence[Check]:
    if live is None or not live.endpoints:
        return [no_reach_check()]
    address = WireAddress.parse(live.endpoints[0])
    try:
        took_ms = await dial(address, home.reach(), DIAL_WITHIN_S)
    except NetworkError as error:
        return [reach_check(None, error.why or error.what, address.relay_url)]
    return [reach_check(round(took_ms), "", address.relay_url)]


async def _mint(home: Composition, url: str) -> Sequence[Check]:
    def ask() -> Check:
        started = time.monotonic()
        with closing(home.mint_client(url)) as client:
            keysets = client.keysets()
        took_ms = round((time.monotonic() - started) * 1000)
        return mint_check(url, sum(each.active and each.unit == "sat" for each in keysets), took_ms)

    try:
        return [await detached(ask)]
    except HearthError as error:
        return [
            Check(
                "mint",
                ok=False,
                value="{trouble}",
                threshold="answers",
                remedy="Accept another mint, or wait until it is well again.",
                subject=url,
                values={"trouble": error.why or error.what},
            )
        ]


async def _clock(home: Composition) -> Sequence[Check]:
    urls = (*home.settings.relays, *home.settings.mints)
    asks = [asyncio.ensure_future(detached(partial(clock_ahead_ms, url, home.now_ms))) for url in urls]
    done, late = await asyncio.wait(asks, timeout=CLOCKS_WITHIN_S) if asks else (set(), set())
    for each in late:
        each.cancel()
    return [clock_check([each.result() for each in done])]


async def _prices(home: Composition, relays: Relays) -> Sequence[Check]:
    market = await market_of(home, relays)
    own = await detached(lambda: _own_key(home))
    checks = []
    for offer in home.offers():
        rivals = rivals_of(market.asks, offer.model.id, offer.model.digest, offer.model.kind, own)
        checks.append(price_check(offer, rivals, home.now_ms(), len(market.relays)))
    return checks


async def _last_jobs(home: Composition) -> Sequence[Check]:
    def look() -> LastJobs:
        with home.report() as report:
            return report.last_jobs()

    last = await detached(look)
    now_ms = home.now_ms()
    return [
        last_check("last request", last.accepted_at_ms, now_ms),
        last_check("last paid job", last.paid_at_ms, now_ms),
    ]


def _sandbox_question(home: Composition) -> Question:
    async def ask() -> Sequence[Check]:
        report = await home.launcher([], home.mode_policy(unsandboxed=False)).inspect(compute=False)
        return [sandbox_check(report)]

    return Question(
        ask, "sandbox", "namespaces, or at least restricted rights", "`hearth doctor --sandbox` shows every attempt."
    )


def sandbox_check(report: SandboxReport) -> Check:
    """What the attempts to break out came to."""
    return Check(
        "sandbox",
        ok=report.passed,
        value="{mode}, {held} of {count} attempts came out as they should",
        threshold="every attempt to break out fails",
        remedy="Run `hearth doctor --sandbox` and report what broke out. Nothing runs until it holds.",
        values={
            "mode": report.mode.value,
            "held": sum(line.passed for line in report.lines),
            "count": len(report.lines),
        },
    )


# The market


@dataclass(frozen=True, slots=True)
class Market:
    """What providers ask, and the relays that were asked and answered."""

    asks: tuple[Ask, ...]
    relays: tuple[str, ...]


async def market_of(home: Composition, relays: Relays) -> Market:
    """The prices announced on the configured relays now."""
    found = await Finder(relays, now_ms=home.now_ms, loopback=home.reach().loopback).find(FIND_WITHIN_S)
    asks = tuple(
        Ask(each.public_key, model.id, model.digest, model.kind, model.price, each.announced_at_ms)
        for each in found.providers
        for model in each.announcement.models
    )
    return Market(asks, tuple(state.url for state in relays.states() if state.connected))


def _own_key(home: Composition) -> str:
    """Our public key, empty where there is no identity yet: looking must not make one."""
    stored = home.phrases().load()
    return "" if stored is None else NostrIdentity(Identity.from_phrase(stored.phrase).nostr_secret).public_key


def look_ahead(home: Composition, declared_busy: Figure | None) -> list[Outlook]:
    """What each offered chat model could earn a day. Blocking, in any thread but a loop's; asks relays and the rate.

    `declared_busy` is the owner's own guess, used where the ledger knows no better.
    """
    electricity = refreshed_electricity_of(home)
    market = asyncio.run(_market(home))
    own, now_ms = _own_key(home), home.now_ms()
    outlooks = []
    with home.report() as report:
        for offer in home.offers():
            model = offer.model
            if model.kind is not ModelKind.CHAT:
                continue
            rate = prospects.speed(report, model.id, now_ms)
            facts = Facts(
                model.id,
                rivals_of(market.asks, model.id, model.digest, model.kind, own),
                market.relays,
                prospects.busy(report, model.id, rate, now_ms) or declared_busy,
                rate,
                prospects.energy(report, model.id, now_ms),
                electricity,
            )
            outlooks.append(outlook(facts))
    return outlooks


async def _market(home: Composition) -> Market:
    async with home.relays() as relays:
        return await market_of(home, relays)


def livelihood_of(home: Composition, node: Node, report: Report) -> Livelihood:
    """What measures the node's energy and keeps its prices, not started."""
    settings, exchange = home.settings, exchange_of(home)
    energy = EnergyBook(
        lambda: {each.device.id: each.telemetry for each in node.devices() if each.telemetry is not None},
        node.books,
        home.now_ms,
    )
    prices = PriceKeeper(
        home.offers(),
        PriceTerms(settings.price_rule, settings.price_ceiling_percent, settings.least_profit_percent),
        report=report,
        electricity=lambda: Electricity(settings.tariff, exchange.refresh()),
        busy=lambda: node.busy_share,
        reprice=node.reprice,
        honoured_ms=settings.announcement_expiry_s * 1000,
        now_ms=home.now_ms,
    )
    return Livelihood(energy, prices)
