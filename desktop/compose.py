"""The composition root: the only place where parts are made and given to each other."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from desktop import __version__
from desktop.config.settings import Settings
from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import SettingsError
from desktop.domain.model import Offer
from desktop.equipment import Equipment
from desktop.ledger.record import Ledger
from desktop.ledger.report import Report
from desktop.machine.devices.devices import Devices
from desktop.machine.devices.processor import CPU_ID, read_cpu
from desktop.machine.devices.survey import local_devices
from desktop.machine.identity import Identity, create_phrase
from desktop.machine.instance import Instance
from desktop.machine.keyrings import find_keyring
from desktop.machine.paths import Paths
from desktop.machine.presence.here import open_presence
from desktop.machine.private_file import write_private
from desktop.machine.secrets import PhraseStore, StoredPhrase
from desktop.machine.sleep_here import sleep_watch
from desktop.network.api.app import create_app
from desktop.network.api.desk import Desk
from desktop.network.api.limits import Limits as ApiLimits
from desktop.network.api.server import HttpServer
from desktop.network.directory.announcement import Announcement
from desktop.network.directory.enrolment import Enrolment, Rhythm, Standing
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Relays
from desktop.network.wire.endpoint import WireServer
from desktop.network.wire.reach import Reach
from desktop.node.admission import Admission
from desktop.node.bookkeeping import Bookkeeping
from desktop.node.books import Books
from desktop.node.cashier import Cashier
from desktop.node.desk import NodeDesk, Situation
from desktop.node.device_workers import DeviceWorkers, SharedModels
from desktop.node.face import Outside, Profile
from desktop.node.fleet import Fleet
from desktop.node.life import Moment
from desktop.node.lookout import Senses
from desktop.node.node import Node, Surroundings
from desktop.node.policy.terms import Terms
from desktop.node.senses import LocalSenses
from desktop.node.slumber import Slumber
from desktop.node.stops import Stops
from desktop.proof.receipts import Signer
from desktop.wallet.mint_client import MintClient
from desktop.wallet.wallet import Wallet
from desktop.worker.handle import WorkerHandle
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.models.catalogue import CatalogueEntry
from desktop.worker.sandbox.graphics import Cards
from desktop.worker.sandbox.limits import Limits as WorkerLimits
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode

if TYPE_CHECKING:
    from desktop.gateway.buyer import Buyer


def system_clock_ms() -> int:
    """UTC, in whole milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who hears what a starting and running node has to tell."""

    progress: Callable[[str], None]
    moment: Callable[[Moment], None]
    worker: Callable[[WorkerHandle], None]
    standing: Callable[[Standing], None]
    jobs: Callable[[], None] = lambda: None


class Composition:
    """Everything that belongs to one Hearth: its folders, its settings, and what is made of them."""

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        now_ms: Callable[[], int] = system_clock_ms,
        *,
        use_keyring: bool = True,
    ) -> None:
        self._use_keyring = use_keyring
        self._devices: Devices | None = None
        self.paths = paths
        self.settings = settings
        self.now_ms = now_ms
        self.equipment = Equipment(paths, settings)

    # At rest

    @contextmanager
    def report(self) -> Iterator[Report]:
        """The ledger, to read; an empty one is made where none is."""
        if not self._ledger_path.exists():
            Ledger.open(self._ledger_path).close()
        report = Report.open(self._ledger_path)
        try:
            yield report
        finally:
            report.close()

    @asynccontextmanager
    async def books(self) -> AsyncIterator[Books]:
        """The ledger, to write."""
        books = Books(Ledger.open(self._ledger_path))
        try:
            yield books
        finally:
            await books.close()

    def instance(self) -> Instance:
        """The right to run the node of this data folder."""
        return Instance(self.paths.data)

    def phrases(self) -> PhraseStore:
        """Where the recovery phrase is kept."""
        # Looking for a keyring loads libraries that a node would carry along for ever.
        in_file = PhraseStore.is_in_file(self.paths.data)
        return PhraseStore(self.paths.data, find_keyring() if self._use_keyring and not in_file else None)

    def identity(self) -> tuple[Identity, StoredPhrase | None]:
        """Who we are. The second part is the phrase if it was made just now, and the owner has yet to write it down."""
        phrases = self.phrases()
        stored = phrases.load()
        if stored is not None:
            return Identity.from_phrase(stored.phrase), None
        stored = phrases.save(create_phrase())
        return Identity.from_phrase(stored.phrase), stored

    def wallet(self, identity: Identity) -> Wallet:
        """Our money."""
        folder = self.paths.data / "wallet"
        return Wallet.open(folder, identity.wallet_seed, self.settings.mints, now_ms=self.now_ms)

    def stops(self) -> Stops:
        """How long the last stop of each device took."""
        return Stops(self.paths.data / "stops.json", write_private)

    def mint_client(self, url: str) -> MintClient:
        """A plain line to a mint, to see whether it answers."""
        return MintClient(url)

    def bookkeeping(self, wallet: Wallet, books: Books) -> Bookkeeping:
        """Wallet and ledger on the same page."""
        return Bookkeeping(wallet, books, self.now_ms)

    # The worker

    def model_ids(self) -> tuple[str, ...]:
        """The models to serve: those of the settings, or all that are bundled."""
        return self.settings.models or tuple(entry.id for entry in self.equipment.bundled().entries)

    def offers(self) -> list[Offer]:
        """What is sold, at which price."""
        catalogue = self.equipment.catalogue()
        return [Offer(catalogue.entry(each).model, self.settings.price_of(each)) for each in self.model_ids()]

    def mode_policy(self, *, unsandboxed: bool) -> ModePolicy:
        """Which sandbox modes may be used. None at all only on a network that is this computer alone."""
        if unsandboxed and not self.is_loopback():
            raise SettingsError(
                "Working without a sandbox is allowed on a loopback network only.",
                why="Jobs of strangers could read your files.",
                now="Leave the switch out, or use relays and mints on this computer only, with the wire disabled.",
            )
        strongest = self.settings.sandbox == "strongest"
        modes = (SandboxMode.NAMESPACES, SandboxMode.RESTRICTED) if strongest else (SandboxMode.NAMESPACES,)
        return ModePolicy(modes, allow_none=unsandboxed)

    def launcher(
        self, models: Sequence[tuple[CatalogueEntry, Path]], policy: ModePolicy, device: Device | None = None
    ) -> WorkerLauncher:
        """Starts workers for those models on that device; on the processor if none is named. Raises DeviceUnusable."""
        budget_bytes = self.settings.limits_of(CPU_ID if device is None else device.id).memory_bytes
        main_bytes = self.settings.worker_memory_mib << 20
        card = device is not None and device.kind is not DeviceKind.CPU
        held = None
        if card and budget_bytes is not None and device is not None and self._devices is not None:
            held = partial(self._devices.held_bytes, device.id)
        runtime = self.equipment.runtime()
        return WorkerLauncher(
            models,
            graphics=None if device is None else Cards(runtime.site).of(device),
            home=self.paths.data,
            runtime=runtime,
            policy=policy,
            limits=WorkerLimits(memory_bytes=main_bytes if card else min(main_bytes, budget_bytes or main_bytes)),
            device_memory=held,
            device_memory_bytes=(budget_bytes or 0) if held is not None else 0,
            threads=self.settings.threads(read_cpu().physical_cores),
            gives_way=self.settings.give_way,
        )

    def require_usable(self, device: Device) -> None:
        """Return if a worker could be given that device; DeviceUnusable, with what to do, if not."""
        Cards(self.equipment.runtime().site).of(device)

    # The network

    def is_loopback(self) -> bool:
        """Whether every relay and mint is on this computer and the wire does not leave it."""
        urls = (*self.settings.relays, *self.settings.mints)
        return self.settings.wire == "disabled" and all(_is_local(url) for url in urls)

    def reach(self) -> Reach:
        """How far the wire goes."""
        listed = self.settings.wire == "listed"
        return Reach(loopback=self.settings.wire == "disabled", relays=self.settings.wire_relays if listed else ())

    def relays(self) -> Relays:
        """The configured relays, not connected yet."""
        return Relays(self.settings.relays, now_ms=self.now_ms)

    @asynccontextmanager
    async def buyer(self, wallet: Wallet) -> AsyncIterator[Buyer]:
        """The buyer's side, connected. A node never loads it."""
        from desktop.gateway.buyer import Buyer
        from desktop.gateway.claims import Claims
        from desktop.gateway.roads import Roads
        from desktop.network.directory.finder import Finder
        from desktop.network.wire.dial import WireDialer

        async with self.relays() as relays, WireDialer(self.reach()) as dialer:
            yield Buyer(
                Finder(relays, now_ms=self.now_ms, loopback=self.reach().loopback),
                Roads(dialer),
                wallet,
                Claims(self.paths.data / "claims"),
                now_ms=self.now_ms,
            )

    # The node

    @asynccontextmanager
    async def senses(self) -> AsyncIterator[LocalSenses]:
        """What a node sees of this computer."""
        self._devices = local_devices(self.now_ms)
        senses = LocalSenses(open_presence(os.environ, Path.home()), self._devices)
        try:
            yield senses
        finally:
            await senses.close()

    @asynccontextmanager
    async def sleep_watch(self, node: Node) -> AsyncIterator[None]:
        """Tell a started node when this computer sleeps and wakes."""
        watching = asyncio.create_task(sleep_watch(Slumber(node), os.environ, self.now_ms).run(), name="sleep")
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def node(
        self, identity: Identity, wallet: Wallet, watchers: Watchers, senses: Senses, *, unsandboxed: bool = False
    ) -> Node:
        """A node, not started. Raises SettingsError, DatabaseNewer or StorageUnusable."""
        settings = self.settings
        nostr = NostrIdentity(identity.nostr_secret)
        policy = self.mode_policy(unsandboxed=unsandboxed)
        preparation = self.equipment.preparation(policy, watchers.progress)
        model_ids = self.model_ids()
        offers = self.offers()
        books = Books(Ledger.open(self._ledger_path))
        key_secret = hmac.digest(identity.nostr_secret, b"hearth/session-keys/1", hashlib.sha256)
        cashier = Cashier(wallet, books, key_secret, self.now_ms)
        relays = self.relays()

        models = SharedModels(preparation, model_ids)

        def workers(device: Device) -> DeviceWorkers:
            return DeviceWorkers(
                device,
                models,
                lambda device, ready: self.launcher(ready, policy, device),
                started=watchers.worker,
                progress=watchers.progress,
            )

        def fleet(changed: Callable[[], None]) -> Fleet:
            return Fleet(workers, slots=settings.slots, stops=self.stops(), changed=changed, wall_ms=self.now_ms)

        def desk(situation: Situation, busy_changed: Callable[[], None]) -> NodeDesk:
            def both() -> None:
                busy_changed()
                watchers.jobs()

            return NodeDesk(
                offers,
                situation=situation,
                admission=Admission(slots=lambda: situation.seats.slots, queue=settings.queue_length),
                cashier=cashier,
                books=books,
                signer=Signer(identity.nostr_secret),
                new_id=lambda: uuid.uuid4().hex,
                now_ms=self.now_ms,
                busy_changed=both,
            )

        return Node(
            profile=Profile(
                name=settings.node_name,
                about=settings.node_about,
                version=__version__,
                npub=nostr.npub,
                identifier=f"hearth-{nostr.public_key[:16]}",
                mints=wallet.accepted_mints,
                announce_addresses=settings.announce_addresses,
            ),
            outside=Outside(
                server=self._server,
                wire=lambda port: WireServer(identity.iroh_secret, port, self.reach()),
                relays=relays,
                enrolment=partial(self._enrolment, relays, nostr, watchers),
            ),
            desk=desk,
            fleet=fleet,
            surroundings=Surroundings(senses),
            terms=Terms.of(settings),
            books=books,
            bookkeeping=self.bookkeeping(wallet, books),
            cashier=cashier,
            now_ms=self.now_ms,
            watch=watchers.moment,
        )

    def _server(self, desk: Desk) -> HttpServer:
        limits = ApiLimits(
            body_bytes=self.settings.body_limit_bytes,
            key_rate_per_s=self.settings.key_rate_per_s,
            address_rate_per_s=self.settings.address_rate_per_s,
        )
        app = create_app(desk, limits, now_ms=self.now_ms)
        return HttpServer(app, host=self.settings.http_host, port=self.settings.http_port, limits=limits)

    def _enrolment(
        self,
        relays: Relays,
        nostr: NostrIdentity,
        watchers: Watchers,
        announcement: Announcement,
        on_change: Callable[[Standing], None],
    ) -> Enrolment:
        def changed(standing: Standing) -> None:
            on_change(standing)
            watchers.standing(standing)

        rhythm = Rhythm(self.settings.announcement_refresh_s, self.settings.announcement_expiry_s)
        return Enrolment(relays, nostr, announcement, now_ms=self.now_ms, rhythm=rhythm, on_change=changed)

    @property
    def _ledger_path(self) -> Path:
        return self.paths.data / "ledger.db"


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}
