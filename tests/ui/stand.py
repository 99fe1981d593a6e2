"""A door over a real ledger, with a node that only stands there: `python -m tests.ui.stand FOLDER SCENE`.

For screenshots, measurements and tests of the view. Prints `ready` when the door is open; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import msgspec

from desktop.compose import Composition, system_clock_ms
from desktop.config.settings import Settings
from desktop.control.address import door_in
from desktop.control.answers import EarningsAnswer, OutlookAnswer
from desktop.control.configuration import Configuration
from desktop.control.messages import ReadEarnings
from desktop.control.node_steward import Estate, NodeSteward
from desktop.control.pauses import Pauses
from desktop.control.records import Records
from desktop.control.server import Door
from desktop.control.snapshot import Snapshot
from desktop.control.storeroom import Storeroom
from desktop.control.updating import Updating
from desktop.domain.check import Check
from desktop.domain.model import Offer
from desktop.domain.node_state import NodeState, Reason
from desktop.ledger.report import Report
from desktop.ledger.storage import Storage
from desktop.machine.paths import Paths
from desktop.machine.private_file import write_private
from desktop.machine.settings_file import load_settings, save_settings
from desktop.network.directory.enrolment import Standing
from desktop.network.directory.relays import RelayState
from desktop.node.verdicts import reach_check
from desktop.proof.receipts import verify
from tests.fakes.benchmark import a_benchmark
from tests.fakes.breakout import break_out
from tests.fakes.node import FakeNode
from tests.fakes.store import FakeStore
from tests.fakes.versions import FakeVersions
from tests.ui import imagined
from tests.ui.history import write_history

RELAYS = ("wss://relay.example", "wss://relay.second.example")
PHRASE = "abandon ability able about above absent absorb abstract absurd abuse access accident"
LONG = "A very long name of a model that somebody gave without thinking of anyone who has to read it"
SCENES = {
    "year": (NodeState.EARNING, Reason.SERVING, ""),
    "empty": (NodeState.READY, Reason.WAITING_FOR_REQUESTS, ""),
    "long": (NodeState.OFFLINE, Reason.NO_RELAY, "No relay has answered for a long time, and this is told at length."),
    "paused": (NodeState.PAUSED, Reason.PAUSED_BY_OWNER, ""),
    "offline": (NodeState.OFFLINE, Reason.NO_RELAY, ""),
    "fault": (NodeState.FAULT, Reason.WORKER_FAILED, "The worker ran out of memory three times."),
    "starting": (NodeState.STARTING, Reason.LOADING, ""),
    "join": (NodeState.PAUSED, Reason.WAITING_TO_JOIN, ""),
}
JOBS = {"year": 100_000, "long": 2_000, "paused": 2_000, "offline": 2_000, "fault": 2_000}


class StandSteward(NodeSteward):
    """The real steward; the device and the measurement are those of an imagined computer."""

    async def snapshot(self) -> Snapshot:
        picture = await super().snapshot()
        now_ms = system_clock_ms()
        return msgspec.structs.replace(
            picture,
            devices=imagined.devices(picture.status, now_ms),
            benchmark=picture.benchmark or imagined.measured(now_ms),
            fetching=imagined.failed_download() if picture.status.state is NodeState.FAULT else picture.fetching,
        )

    async def earnings(self, request: ReadEarnings) -> EarningsAnswer:
        return imagined.earned(await super().earnings(request))

    async def outlook(self) -> OutlookAnswer:
        return imagined.outlook((await super().snapshot()).models[0].id)


def node_of(scene: str, now_ms: int) -> FakeNode:
    """The node of a scene."""
    node = FakeNode(RELAYS, at_ms=now_ms)
    state, reason, detail = SCENES[scene]
    node.enter(state, reason, detail, at_ms=now_ms - 5 * 3_600_000)
    if state is NodeState.OFFLINE:
        node.standing = Standing((), 1)
        node.relays = tuple(
            RelayState(url, connected=False, since_ms=now_ms, failures=4, trouble="The name does not resolve.")
            for url in RELAYS
        )
    if scene == "join":
        node.standing = Standing((), 1)
        node.relays = ()
    return node


def offers(home: Composition, scene: str) -> list[Offer]:
    """What is sold in a scene."""
    if scene != "long":
        return home.offers()
    return [replace(offer, model=replace(offer.model, name=f"{LONG} {offer.model.name}")) for offer in home.offers()]


def checks(scene: str) -> tuple[Check, ...]:
    """What the doctor found."""
    short = Check(
        "disk space",
        ok=False,
        value="0.4 GiB free",
        threshold="2.0 GiB free",
        remedy="Free some space on the disk that holds Hearth's folder.",
    )
    return (
        Check("operating system", ok=True, value="Linux 6.8.0", threshold="Linux 5.13 or later"),
        Check("memory", ok=True, value="12.4 GiB available of 15.5 GiB", threshold="2.0 GiB available"),
        short if scene == "fault" else Check("disk space", ok=True, value="212.0 GiB free", threshold="2.0 GiB free"),
    )


async def serve(folder: Path, scene: str) -> None:
    """Open the door until standard input ends."""
    paths = Paths.below(folder)
    paths.create()
    home = Composition(paths, Settings(relays=RELAYS, mints=("https://mint.example",)))
    ledger = paths.data / "ledger.db"
    if not ledger.exists():
        if scene in JOBS:
            write_history(ledger, jobs=JOBS[scene], days=365 if scene == "year" else 40, now_ms=system_clock_ms())
        else:
            Storage.open_to_write(ledger).close()
    node = node_of(scene, system_clock_ms())
    stop = asyncio.Event()
    report = Report.open(ledger)

    def changed() -> None:
        door.changed()

    def settings() -> tuple[Settings, str]:
        loaded = load_settings(paths.config, system_clock_ms)
        return loaded.settings, " ".join(loaded.notices)

    def save(changed_settings: Settings) -> None:
        save_settings(paths.config, changed_settings)

    steward = StandSteward(
        node,
        Estate(
            offers=offers(home, scene),
            relay_urls=RELAYS,
            data_folder=str(paths.data),
            checks=lambda: checks(scene),
            phrase=lambda: PHRASE,
            quit=stop.set,
            reach=lambda: (reach_check(None if scene == "fault" else 42, "no answer", "https://relay.example"),),
            break_out=break_out,
        ),
        records=Records(report, verify, system_clock_ms),
        configuration=Configuration(settings, save),
        pauses=Pauses(node, paths.data / "pause.json", write=write_private, changed=changed, now_ms=system_clock_ms),
        benchmark=a_benchmark(changed=changed),
        storeroom=Storeroom(FakeStore(), changed),
        updating=Updating(FakeVersions(), changed),
        now_ms=system_clock_ms,
    )
    door = Door(steward, door_in(paths.runtime), version="0.1.0")
    await door.open()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)), daemon=True).start()
    await stop.wait()
    await steward.close()
    await door.close()
    report.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
