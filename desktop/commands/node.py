"""`hearth node`: run the node until Ctrl+C."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Final

from desktop import __version__
from desktop.commands.console import Console, clock
from desktop.compose import Composition, Watchers
from desktop.control.problem_report import redacted
from desktop.domain.errors import HearthError
from desktop.doorway import Doorway, open_doorway
from desktop.machine.autostart.here import autostarts_of
from desktop.machine.autostart.switch import repair_all
from desktop.machine.log_file import LogFile
from desktop.network.directory.enrolment import Standing
from desktop.node.life import Moment
from desktop.node.node import Node
from desktop.proof.benchmark import BenchmarkSigner
from desktop.worker.handle import WorkerHandle

LOG_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--unsandboxed-on-loopback",
        action="store_true",
        help="if no sandbox works here, run without one; only where relays, mints and wire stay on this computer",
    )
    parser.add_argument(
        "--wait-to-join",
        action="store_true",
        help="announce nothing and take no requests until the owner joins, in the window or with `hearth resume`",
    )


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Serve until a signal asks to stop; withdraw, finish or refund, and end within five seconds."""
    logging.basicConfig(format=LOG_LINE, level=logging.WARNING)
    # A unit that names a program which has moved starts nothing: whoever starts the new one by hand mends it.
    repair_all(autostarts_of(os.environ, Path.home(), home.paths))
    with home.instance():
        kept = LogFile(home.paths.log / "node.log", redacted)
        kept.setFormatter(logging.Formatter(LOG_LINE))
        logging.getLogger().addHandler(kept)
        try:
            asyncio.run(
                _serve(
                    home,
                    console,
                    unsandboxed=arguments.unsandboxed_on_loopback,
                    wait_to_join=arguments.wait_to_join,
                )
            )
        except HearthError:
            raise
        except Exception:
            # Whoever started us may keep nothing of what we print; the next start shall find the reason.
            log.critical("the node ended by a bug", exc_info=True)
            raise
        finally:
            logging.getLogger().removeHandler(kept)
            kept.close()
    return 0


async def _serve(home: Composition, console: Console, *, unsandboxed: bool, wait_to_join: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    identity, new_phrase = await asyncio.to_thread(home.identity)
    console.say(f"Hearth {__version__}")
    if new_phrase is not None:
        console.note(
            f"A new identity was made; its recovery phrase is in the {new_phrase.place.value}. "
            "Write it down: `hearth wallet phrase` shows it. It is the only way back to your money."
        )
    voice = _Voice(console)
    news = _News(voice)
    watchers = Watchers(voice.progress, news.moment, news.worker, news.standing, news.jobs)
    with home.wallet(identity) as wallet:
        async with home.senses() as senses:
            node = home.node(identity, wallet, watchers, senses, unsandboxed=unsandboxed)
            async with open_doorway(home, node, stop.set, BenchmarkSigner(identity.nostr_secret)) as news.doorway:
                try:
                    await node.start(enrol=not wait_to_join)
                    voice.listening(node)
                    async with home.sleep_watch(node):
                        await stop.wait()
                finally:
                    await node.stop()


class _News:
    """Passes on what the node tells: to whoever reads along, and to the door once it is open."""

    def __init__(self, voice: _Voice) -> None:
        self._voice = voice
        self.doorway: Doorway | None = None

    def moment(self, moment: Moment) -> None:
        self._voice.moment(moment)
        if self.doorway is not None:
            self.doorway.moment(moment)

    def worker(self, worker: WorkerHandle) -> None:
        self._voice.worker(worker)
        if self.doorway is not None:
            self.doorway.worker_started(worker)

    def standing(self, standing: Standing) -> None:
        self._voice.standing(standing)
        self._changed()

    def jobs(self) -> None:
        if self.doorway is not None:
            self.doorway.jobs_changed()

    def _changed(self) -> None:
        if self.doorway is not None:
            self.doorway.door.changed()


class _Voice:
    """Tells a person, or a program, what happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._accepted: tuple[str, ...] = ()

    def progress(self, sentence: str) -> None:
        self._console.document({"event": "progress", "text": sentence})
        self._console.say(f"  {sentence}")

    def listening(self, node: Node) -> None:
        url = f"http://127.0.0.1:{node.http_port}/v1"
        info = node.info
        self._console.document({"event": "listening", "url": url, "endpoints": list(info.endpoints), "npub": info.npub})
        self._console.say(f"  Listening at {url} and, for the world, at {info.endpoint_id[:16]}… by public key.")

    def worker(self, worker: WorkerHandle) -> None:
        self._console.document({"event": "worker", "sandbox": worker.mode.value})
        self._console.say(f"  {worker.mode.in_words}")

    def standing(self, standing: Standing) -> None:
        if standing.accepted == self._accepted:
            return
        self._accepted = standing.accepted
        self._console.document({"event": "enrolment", "enrolled": standing.enrolled, "relays": list(standing.accepted)})
        self._console.say(f"  {'Enrolled' if standing.enrolled else 'Announced'} on {len(standing.accepted)} relays.")

    def moment(self, moment: Moment) -> None:
        state, reason = moment.decision.state, moment.decision.reason
        self._console.document(
            {
                "event": "state",
                "state": state.value,
                "reason": reason.value,
                "detail": moment.detail,
                "at_ms": moment.since_ms,
            }
        )
        detail = f" ({moment.detail})" if moment.detail else ""
        self._console.say(f"{clock(moment.since_ms)[11:]}  {state.value.capitalize()} · {reason.value}{detail}")
