"""What the doctor says about the network and the business: facts in, checks out. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from desktop.domain.check import Check
from desktop.domain.device import Device, DeviceKind, Telemetry
from desktop.domain.errors import DeviceUnusable
from desktop.domain.market import LEAST_TO_COMPARE, Rivals
from desktop.domain.model import Offer
from desktop.domain.presence import Presence

MOST_SKEW_MS: Final = 60_000  # announcements live minutes; a clock further off makes them old, or of the future
MOST_MINT_MS: Final = 2_000
MOST_DIAL_MS: Final = 5_000
MOST_CHEAPER_SHARE: Final = 0.75
QUIET_MS: Final = 86_400_000


def device_check(device: Device, telemetry: Telemetry) -> Check:
    """A device that answers, with what it says about itself."""
    seen = (
        ("{:.0f} %", None if telemetry.load is None else telemetry.load * 100),
        ("{:.0f} °C", telemetry.temperature_c),
        ("{:.0f} W", telemetry.power_w),
    )
    facts = ", ".join(text.format(value) for text, value in seen if value is not None)
    answers = "answers: {facts}" if facts else "answers"
    return Check(
        "device",
        ok=not telemetry.silence,
        value="{trouble}" if telemetry.silence else answers,
        threshold="answers within 3 s",
        remedy="Restart the computer, or update the device's driver.",
        subject=device.name or device.id,
        values={"trouble": telemetry.silence, "facts": facts},
    )


def driver_check(device: Device) -> Check | None:
    """The driver of a graphics card; a processor has none."""
    if device.kind is DeviceKind.CPU:
        return None
    return Check(
        "driver",
        ok=True if device.driver else None,
        value="version {driver}" if device.driver else "not known",
        threshold="one that tells its version",
        remedy="Install or update the driver of this device.",
        subject=device.name or device.id,
        values={"driver": device.driver} if device.driver else {},
    )


def usable_check(device: Device, unusable: DeviceUnusable | None) -> Check:
    """Whether a worker could be given the card; `unusable` says why not."""
    return Check(
        "card for work",
        ok=unusable is None,
        value="can be given to a worker" if unusable is None else "{trouble}",
        threshold="a torch that is built for it, and its device files",
        remedy="" if unusable is None else "{advice}",
        subject=device.name or device.id,
        values={} if unusable is None else {"trouble": unusable.why or unusable.what, "advice": unusable.now},
    )


def energy_check(device: Device, telemetry: Telemetry) -> Check:
    """Whether electricity can be counted."""
    how = "no reading"
    if telemetry.energy_j is not None:
        how = "an energy counter"
    elif telemetry.power_w is not None:
        how = "power readings"
    return Check(
        "energy",
        ok=True if how != "no reading" else None,
        value=how,
        threshold="a counter or power readings",
        remedy="Without a reading the electricity of jobs stays unknown; a newer driver may have one.",
        subject=device.name or device.id,
    )


def presence_check(presence: Presence, why: str) -> Check:
    """Whether Hearth can see that the owner is there."""
    if not presence.session:
        ok, value = True, "nobody can sit at this computer"
    elif presence.idle_s is not None:
        ok, value = True, "sees keyboard and mouse"
    else:
        ok, value = False, "cannot see keyboard and mouse: {why}"
    return Check(
        "presence sensor",
        ok,
        value,
        "sees keyboard and mouse, or that nobody can sit here",
        "Start Hearth inside your desktop session, or allow hours in the schedule in any case.",
        values={} if ok else {"why": why or "?"},
    )


def relay_check(url: str, *, connected: bool, trouble: str, listed: bool | None) -> Check:
    """One relay; `listed` None: no node runs that could be announced there."""
    value = "not connected: {trouble}" if trouble else "not connected"
    if connected:
        told = {True: "connected, our announcement was read back", False: "connected, our announcement is not there"}
        value = "connected" if listed is None else told[listed]
    return Check(
        "relay",
        ok=connected and listed is not False,
        value=value,
        threshold="connected" if listed is None else "connected, our announcement read back",
        remedy="Check the internet connection, or choose another relay.",
        subject=url,
        values={"trouble": trouble} if trouble and not connected else {},
    )


def mint_check(url: str, keysets: int, took_ms: int) -> Check:
    """One mint that answered; `keysets` are the active ones in sat."""
    return Check(
        "mint",
        ok=keysets > 0 and took_ms <= MOST_MINT_MS,
        value="{keysets} active keysets in sat, answered in {took_ms}",
        threshold="an active keyset in sat, an answer within {most_ms}",
        remedy="Accept another mint, or wait until it is well again.",
        subject=url,
        values={"keysets": keysets, "took_ms": took_ms, "most_ms": MOST_MINT_MS},
    )


def reach_check(took_ms: int | None, trouble: str, wire_relay: str | None) -> Check:
    """Whether our own public key answers when it is dialled; `wire_relay` is the relay that carries strangers to us."""
    if took_ms is None:
        value, values = "our own public key does not answer: {trouble}", {"trouble": trouble}
    elif wire_relay is None:
        value, values = "answered in {took_ms}, without a wire relay", {}
    else:
        value, values = "answered in {took_ms}, wire relay {relay}", {"relay": wire_relay}
    return Check(
        "reachability",
        ok=took_ms is not None and took_ms <= MOST_DIAL_MS,
        value=value,
        threshold="our own public key answers within {most_ms}",
        remedy="Allow Hearth in the firewall (UDP out), or choose other wire relays.",
        values={**values, **({} if took_ms is None else {"took_ms": took_ms}), "most_ms": MOST_DIAL_MS},
    )


def no_reach_check() -> Check:
    """The same question where no node runs."""
    return Check(
        "reachability",
        None,
        "no node runs that could be reached",
        "our own public key answers within {most_ms}",
        "Start the node, then ask the doctor again.",
        values={"most_ms": MOST_DIAL_MS},
    )


def clock_check(ahead_ms: Sequence[int | None]) -> Check:
    """Our clock against those of relays and mints: the median of what they say, exact to about a second."""
    told = [each for each in ahead_ms if each is not None]
    median = round(statistics.median(told)) if told else 0
    if not told:
        value, ok = "no relay or mint tells the time", None
    else:
        ok = abs(median) <= MOST_SKEW_MS
        value = "{off_ms} ahead of {count} servers" if median >= 0 else "{off_ms} behind {count} servers"
    return Check(
        "clock against others",
        ok,
        value,
        "within {most_ms} of relays and mints",
        "Set the computer's date and time, best from the network.",
        values={"off_ms": abs(median), "count": len(told), "most_ms": MOST_SKEW_MS},
    )


def price_check(offer: Offer, rivals: Rivals, now_ms: int, relays: int) -> Check:
    """Our price among those that others announce."""
    share = rivals.cheaper_share(offer.price)
    values: dict[str, int | float] = {"count": len(rivals.asks), "relays": relays, "least": LEAST_TO_COMPARE}
    if share is None:
        value = "{count} others on {relays} relays: too few to compare"
    else:
        values |= {"cheaper_share": share, "newest_ms": rivals.newest_ms(now_ms) or 0}
        value = (
            "{cheaper_share} of {count} offers of the same model ask less (newest {newest_ms} old)"
            if rivals.same_model
            else "{cheaper_share} of {count} offers of other models of its kind ask less (newest {newest_ms} old)"
        )
    return Check(
        "price",
        None if share is None else share <= MOST_CHEAPER_SHARE,
        value,
        "at most {most_share} ask less, of at least {least}",
        "Ask less, or offer a model that fewer others offer.",
        subject=offer.model.id,
        values={**values, "most_share": MOST_CHEAPER_SHARE},
    )


def last_check(name: str, at_ms: int | None, now_ms: int) -> Check:
    """Time since something happened: `name` is `last request` or `last paid job`."""
    age_ms = None if at_ms is None else max(0, now_ms - at_ms)
    return Check(
        name,
        None if age_ms is None else age_ms <= QUIET_MS,
        "never" if age_ms is None else "{age_ms} ago",
        "within {most_ms}",
        "`hearth why` says where the time went; compare the price, and see that relays and reachability are well.",
        values={"most_ms": QUIET_MS, **({} if age_ms is None else {"age_ms": age_ms})},
    )
