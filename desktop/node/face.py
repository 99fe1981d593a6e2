"""How the node shows itself to others: by its key on the wire, by its announcement on the relays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from desktop.domain.errors import Unavailable
from desktop.domain.model import Offer
from desktop.network.api.desk import Desk, NodeInfo
from desktop.network.directory.announcement import Announcement, Listing
from desktop.network.directory.enrolment import Enrolment, Standing
from desktop.network.directory.relays import Relays, RelayState
from desktop.network.wire.endpoint import WireServer

WIRE_GRACE_S: Final = 0.5


class Server(Protocol):
    """The HTTP server in front of the desk."""

    async def start(self) -> int:
        """Listen; returns the port."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Let running answers end, then break them off."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """What the node says about itself."""

    name: str
    about: str
    version: str
    npub: str
    identifier: str
    mints: tuple[str, ...]
    announce_addresses: bool


@dataclass(frozen=True, slots=True)
class Outside:
    """How the parts that face outside are made, once what they need is known."""

    server: Callable[[Desk], Server]
    wire: Callable[[int], WireServer]
    relays: Relays
    enrolment: Callable[[Announcement, Callable[[Standing], None]], Enrolment]


class Face:
    """Opens the wire, announces, keeps the announcement true, signs off. `changed`: the relays list us differently.

    `offers` are those of this moment: none while nothing can be served. `benchmark` is the digest of the newest
    benchmark report, empty before the first.
    """

    def __init__(
        self, profile: Profile, outside: Outside, offers: Callable[[], Sequence[Offer]], changed: Callable[[], None]
    ) -> None:
        self._profile = profile
        self._outside = outside
        self._offers = offers
        self._changed = changed
        self._wire: WireServer | None = None
        self._enrolment: Enrolment | None = None
        self._enrolling = asyncio.Lock()
        self._silent = False
        self.standing = Standing((), 1)
        self.benchmark = ""

    @property
    def relays(self) -> tuple[RelayState, ...]:
        """How each relay stands."""
        return self._outside.relays.states()

    @property
    def info(self) -> NodeInfo:
        """What we tell about ourselves."""
        profile = self._profile
        return NodeInfo(
            name=profile.name,
            description=profile.about,
            version=profile.version,
            npub=profile.npub,
            endpoint_id=self._wire.endpoint_id if self._wire is not None else "",
            mints=profile.mints,
            endpoints=self._urls(),
        )

    async def open(self, port: int) -> None:
        """Be reachable by our key. Raises NetworkError."""
        wire = self._outside.wire(port)
        await wire.start()
        # Not before it is open: whoever asks meanwhile who we are would ask a wire that has no name yet.
        self._wire = wire

    async def enrol(self) -> None:
        """Announce and stay announced; once that is so, announce again. Nothing before the wire is open.

        Raises Unavailable after `fall_silent`.
        """
        async with self._enrolling:
            if self._silent:
                raise Unavailable("Hearth is stopping.", now="Start it again.")
            if self._wire is None:
                return
            if self._enrolment is None:
                enrolment = self._outside.enrolment(self._announcement(), self._on_standing)
                await self._outside.relays.__aenter__()
                await enrolment.__aenter__()
                self._enrolment = enrolment
            self._enrolment.announce(self._announcement())

    def announce(self) -> None:
        """Something is another: say so, if we are announced."""
        if self._enrolment is not None and not self._silent:
            self._enrolment.announce(self._announcement())

    async def sign_off(self, deadline_s: float) -> None:
        """Withdraw the announcement, and leave the relays."""
        async with self._enrolling:
            if (enrolment := self._enrolment) is not None:
                self._enrolment = None
                await enrolment.withdraw(deadline_s)
                await self._outside.relays.__aexit__(None, None, None)

    def fall_silent(self) -> None:
        """Announce nothing any more."""
        self._silent = True

    async def close(self) -> None:
        """Be no longer reachable."""
        if (wire := self._wire) is not None:
            self._wire = None
            await wire.stop(WIRE_GRACE_S)

    def _on_standing(self, standing: Standing) -> None:
        self.standing = standing
        self._changed()

    def _urls(self) -> tuple[str, ...]:
        if self._wire is None:
            return ()
        return (str(self._wire.address(with_direct_addresses=self._profile.announce_addresses)),)

    def _announcement(self) -> Announcement:
        profile = self._profile
        return Announcement(
            identifier=profile.identifier,
            urls=self._urls(),
            mints=profile.mints,
            version=profile.version,
            name=profile.name,
            about=profile.about,
            models=tuple(Listing.of(offer) for offer in self._offers()),
            benchmark=self.benchmark,
        )
