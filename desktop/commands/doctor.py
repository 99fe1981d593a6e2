"""`hearth doctor`: what this computer and its network can do, each with value, threshold and remedy."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import closing
from dataclasses import asdict
from functools import partial

from desktop.commands.console import Console
from desktop.compose import Composition
from desktop.domain.errors import HearthError
from desktop.machine.devices.survey import local_devices, survey
from desktop.machine.doctor import Check, examine
from desktop.network.directory.relays import RelayState
from desktop.worker.sandbox.check import SandboxReport

RELAYS_WITHIN_S = 6.0
NEEDED_RELAYS = 2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--sandbox", action="store_true", help="show every attempt to break out, and its refusal")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Print every check; exit status 1 if one of them needs attention."""
    devices = local_devices(home.now_ms)
    try:
        checks = list(examine(home.paths, survey(devices), home.now_ms))
    finally:
        devices.close()
    checks += asyncio.run(_outside(home, console, show_attempts=arguments.sandbox))
    console.document([asdict(check) for check in checks])
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.say(f"  {'ok  ' if check.ok else 'LOOK'}  {check.name:<{width}}  {check.value}")
        if not check.ok:
            console.say(f"        needed: {check.threshold}")
            console.say(f"        {check.remedy}")
    return 0 if all(check.ok for check in checks) else 1


async def _outside(home: Composition, console: Console, *, show_attempts: bool) -> list[Check]:
    sandbox, relays, mints = await asyncio.gather(
        _sandbox(home, console, show_attempts=show_attempts), _relays(home), _mints(home)
    )
    return [sandbox, relays, *mints]


async def _sandbox(home: Composition, console: Console, *, show_attempts: bool) -> Check:
    check = partial(Check, "sandbox", threshold="namespaces, or at least restricted rights")
    try:
        report: SandboxReport = await home.launcher([], home.mode_policy(unsandboxed=False)).inspect()
    except HearthError as error:
        return check(ok=False, value=error.what, remedy=f"{error.why} {error.now}".strip())
    if show_attempts:
        for line in report.lines:
            console.say(f"  {'held' if line.passed else 'BROKE OUT'}  {line.name}: {line.outcome}")
        console.say(f"  not covered: {'; '.join(report.mode.not_covered)}")
    held = sum(line.passed for line in report.lines)
    return check(
        ok=report.passed,
        value=f"{report.mode.value}, {held} of {len(report.lines)} attempts came out as they should",
        remedy="Run `hearth doctor --sandbox` and report what broke out. Nothing runs until it holds.",
    )


async def _relays(home: Composition) -> Check:
    needed = min(NEEDED_RELAYS, len(home.settings.relays))
    async with home.relays() as relays:
        deadline = asyncio.get_running_loop().time() + RELAYS_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            states = relays.states()
            if all(state.connected for state in states):
                break
            await asyncio.sleep(0.1)
    up = [state for state in states if state.connected]
    return Check(
        "relays",
        ok=len(up) >= needed > 0,
        value=f"{len(up)} of {len(states)} answer" + _troubles(states),
        threshold=f"{needed} that answer",
        remedy="Check the internet connection, or configure other relays.",
    )


def _troubles(states: tuple[RelayState, ...]) -> str:
    troubles = [f"{state.url}: {state.trouble}" for state in states if not state.connected and state.trouble]
    return f" ({'; '.join(troubles)})" if troubles else ""


async def _mints(home: Composition) -> list[Check]:
    return list(await asyncio.gather(*(asyncio.to_thread(_mint, home, mint) for mint in home.settings.mints)))


def _mint(home: Composition, url: str) -> Check:
    check = partial(Check, f"mint {url}", threshold="answers", remedy="Accept another mint, or wait until it is back.")
    try:
        with closing(home.mint_client(url)) as client:
            keysets = client.keysets()
    except HearthError as error:
        return check(ok=False, value=str(error))
    return check(ok=True, value=f"answers, {len(keysets)} keysets")
