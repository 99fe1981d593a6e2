"""The second part of the composition root: the door into a running node, put together."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from desktop import __version__
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.control.address import door_in
from desktop.control.benchmark import Benchmark
from desktop.control.configuration import Configuration
from desktop.control.measuring import Measuring
from desktop.control.node_steward import Estate, NodeSteward
from desktop.control.pauses import Pauses
from desktop.control.records import Records
from desktop.control.server import Door
from desktop.control.storeroom import Storeroom
from desktop.control.updating import Updating
from desktop.control.workshop import NodeWorkshop
from desktop.domain.errors import HearthError
from desktop.domain.model import ModelKind
from desktop.economy import Live, electricity_of, examine_home, examine_reach, livelihood_of, look_ahead
from desktop.machine.devices.survey import local_devices
from desktop.machine.limits.guard import WatchdogGuard
from desktop.machine.limits.journal import Journal
from desktop.machine.limits.keeper import LimitsKeeper
from desktop.machine.limits.power import LocalKnobs
from desktop.machine.private_file import write_private
from desktop.machine.settings_file import load_settings, save_settings
from desktop.node.life import Moment
from desktop.node.node import Node
from desktop.node.policy.terms import Terms
from desktop.node.restraint import Restraint
from desktop.proof.benchmark import BenchmarkSigner
from desktop.proof.receipts import verify
from desktop.renewal import HomeVersions, Renewal
from desktop.supplies import HomeStore
from desktop.worker.handle import WorkerHandle

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doorway:
    """The open door of a running node; `steward` and `door` hear of what the node's watchers hear."""

    door: Door
    steward: NodeSteward
    restraint: Restraint
    renewal: Renewal

    def moment(self, moment: Moment) -> None:
        """The node is in another state."""
        if moment.decision.takes_jobs:
            try:
                self.renewal.settle()
            except HearthError as error:
                log.warning("the last change of version could not be settled: %s", error)
        self.door.changed()

    def worker_started(self, worker: WorkerHandle) -> None:
        """A worker runs."""
        self.steward.worker_started(worker)
        self.restraint.nudge()
        self.door.changed()

    def jobs_changed(self) -> None:
        """A job began or ended."""
        self.steward.jobs_changed()
        self.door.changed()


def _live(node: Node) -> Live:
    """What the doctor must know of the running node."""
    return Live(node.relays, node.standing.accepted, node.info.endpoints)


@asynccontextmanager
async def open_doorway(
    home: Composition, node: Node, stop: Callable[[], None], signer: BenchmarkSigner
) -> AsyncIterator[Doorway]:
    """The door into `node`, open; `stop` begins its end, `signer` signs what it measures of itself.

    Raises AlreadyRunning or StorageUnusable.
    """
    devices = local_devices(home.now_ms)
    offers = home.offers()
    chats = [offer.model for offer in offers if offer.model.kind is ModelKind.CHAT]

    def changed() -> None:
        door.changed()

    def phrase() -> str:
        stored = home.phrases().load()
        return "" if stored is None else stored.phrase

    def settings() -> tuple[Settings, str]:
        loaded = load_settings(home.paths.config, home.now_ms)
        return loaded.settings, " ".join(loaded.notices)

    loop = asyncio.get_running_loop()

    def save(changed: Settings) -> None:
        save_settings(home.paths.config, changed)
        # Called from a thread. What the owner allows holds at once; the rest with the next start.
        loop.call_soon_threadsafe(follow, Terms.of(changed))

    def follow(terms: Terms) -> None:
        node.follow(terms)
        restraint.nudge()

    owner = os.urandom(8).hex()
    keeper = LimitsKeeper(LocalKnobs(), Journal(home.paths.data), WatchdogGuard(home.paths.data, owner), owner=owner)
    restraint = Restraint(node, keeper, changed)

    renewal = Renewal(home, os.environ)
    updating = Updating(HomeVersions(renewal, lambda: settings()[0].update_automatic), changed)

    with home.report() as report:
        pauses = Pauses(node, home.paths.data / "pause.json", write=write_private, changed=changed, now_ms=home.now_ms)
        benchmark = Benchmark(
            NodeWorkshop(node, chats, report),
            Measuring(devices, signer, version=__version__, now_ms=home.now_ms),
            changed=changed,
            new_seed=lambda: secrets.token_hex(32),
        )
        steward = NodeSteward(
            node,
            Estate(
                offers=offers,
                relay_urls=home.settings.relays,
                data_folder=str(home.paths.data),
                checks=lambda: examine_home(home, _live(node), sandbox=False),
                reach=lambda: examine_reach(home, _live(node)),
                phrase=phrase,
                quit=stop,
                break_out=lambda: home.launcher([], home.mode_policy(unsandboxed=False)).inspect(compute=False),
                outlook=lambda: look_ahead(home, None),
                unmet=lambda view: restraint.held(view).unmet,
            ),
            records=Records(report, verify, home.now_ms, partial(electricity_of, home)),
            configuration=Configuration(settings, save),
            pauses=pauses,
            benchmark=benchmark,
            storeroom=Storeroom(HomeStore(home), changed),
            updating=updating,
            now_ms=home.now_ms,
        )
        livelihood = livelihood_of(home, node, report)
        node.live_by(livelihood)
        door = Door(steward, door_in(home.paths.runtime), version=__version__)
        await door.open()
        restraint.start()
        livelihood.start()
        try:
            await pauses.restore()
            await benchmark.restore()
            await updating.open()
            yield Doorway(door, steward, restraint, renewal)
        finally:
            # First the door: what comes through it now would be begun behind the back of what is being ended.
            await door.close()
            for trouble in await restraint.close():
                log.warning("a limit could not be put back: %s", trouble)
            await steward.close()
            devices.close()
