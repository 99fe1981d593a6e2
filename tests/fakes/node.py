"""A running node as its owner sees it, without anything behind it."""

from __future__ import annotations

from desktop.domain.limits import Limits
from desktop.domain.node_state import NodeState, Reason
from desktop.network.api.desk import NodeInfo
from desktop.network.directory.enrolment import Standing
from desktop.network.directory.relays import RelayState
from desktop.node.fleet import DeviceView
from desktop.node.life import Moment
from desktop.node.policy.decision import Decision
from tests.fakes.computer import CPU, at_rest


class FakeNode:
    """A `RunningNode`; `said` lists what it was told."""

    def __init__(self, relay_urls: tuple[str, ...] = ("wss://relay.example",), *, at_ms: int = 0) -> None:
        self.relay_urls = relay_urls
        self.moment = Moment(Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS), at_ms)
        self.standing = Standing(relay_urls, 1)
        self.relays = tuple(
            RelayState(url, connected=True, since_ms=at_ms, failures=0, trouble="") for url in relay_urls
        )
        self.http_port: int | None = 8420
        self.mints: tuple[str, ...] = ("https://mint.example",)
        self.open_jobs = 0
        self.said: list[str] = []

    @property
    def info(self) -> NodeInfo:
        return NodeInfo(
            name="",
            description="",
            version="0.1.0",
            npub="npub1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jqkd2wm",
            endpoint_id="5f2c" * 16,
            mints=self.mints,
            endpoints=(),
        )

    def enter(self, state: NodeState, reason: Reason, detail: str = "", *, at_ms: int = 0) -> None:
        self.moment = Moment(Decision(state, reason, detail), at_ms)

    def devices(self) -> tuple[DeviceView, ...]:
        decision = self.moment.decision
        return (DeviceView(CPU, at_rest(load=None), decision, None, None, spare=False, jobs=self.open_jobs),)

    def limits_of(self, device_id: str) -> Limits:
        del device_id
        return Limits()

    def pause(self) -> None:
        self.said.append("pause")
        self.enter(NodeState.PAUSED, Reason.PAUSED_BY_OWNER)

    async def release(self) -> None:
        self.said.append("release")

    def resume(self) -> None:
        self.said.append("resume")
        self.enter(NodeState.READY, Reason.WAITING_FOR_REQUESTS)

    async def enrol(self) -> None:
        self.said.append("enrol")
