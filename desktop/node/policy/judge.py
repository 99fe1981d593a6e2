"""The policy itself: one look after the other, each a pure step from what is remembered to what is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from desktop.domain.node_state import NodeState, Reason
from desktop.node.policy import device, owner
from desktop.node.policy.decision import Decision, Judgement, Judgements
from desktop.node.policy.obstacle import CLEAN, Obstacle, Trace, weigh
from desktop.node.policy.signals import DeviceSignals, Signals, WorkerStatus
from desktop.node.policy.terms import Terms

# Nothing is known of the time between two looks. Counting no more of it than this, neither a computer that slept, a
# clock that was set, nor a node that was held up can make a spike look lasting or a short rest look calm.
MOST_CREDIT_MS: Final = 1500

_LIVELIEST: Final = (NodeState.STARTING, NodeState.PAUSED, NodeState.FAULT)

Traces = Mapping[tuple[str, Reason], Trace]


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered from look to look: when the last was, and every obstacle by its place and reason.

    A place is a device's id, or empty for all of the computer.
    """

    seen_ms: int | None = None
    traces: Traces = field(default_factory=dict)


def step(memory: Memory, signals: Signals, terms: Terms, at_ms: int) -> tuple[Memory, Judgements]:
    """Decide. `at_ms` may be any clock's; one that jumps costs time to be sure, and nothing else."""
    elapsed_ms = 0 if memory.seen_ms is None else min(max(at_ms - memory.seen_ms, 0), MOST_CREDIT_MS)
    traces: dict[tuple[str, Reason], Trace] = {}

    def strongest(place: str, seen: Iterable[Obstacle]) -> Decision | None:
        found = None
        for each in seen:
            key = (place, each.reason)
            trace = traces[key] = weigh(memory.traces.get(key, CLEAN), each, elapsed_ms)
            if trace.in_force and found is None:
                found = Decision(NodeState.PAUSED, each.reason, trace.detail)
        return found

    presence = signals.presence
    everywhere = strongest("", owner.obstacles(presence, signals.permission, terms)) if presence is not None else None
    forbidden = _by_hand(signals) or (None if not signals.joined else everywhere)
    if forbidden is None and presence is None:
        forbidden = Decision(NodeState.STARTING, Reason.LOADING, "Looking whether you are at the computer.")
    judged = {
        each.device.id: _judge(each, forbidden, strongest(each.device.id, device.obstacles(each, terms)), signals)
        for each in signals.devices
    }
    return Memory(at_ms, traces), Judgements(_whole(signals, forbidden, judged), judged)


def _by_hand(signals: Signals) -> Decision | None:
    if signals.stopping:
        return Decision(NodeState.STOPPING, Reason.SHUTTING_DOWN)
    return Decision(NodeState.PAUSED, Reason.PAUSED_BY_OWNER) if signals.paused else None


def _judge(signals: DeviceSignals, forbidden: Decision | None, hindered: Decision | None, whole: Signals) -> Judgement:
    """One device: the node's own obstacle before the device's; switched off or at fault it is in any case."""
    stop = forbidden or hindered
    ending = forbidden if whole.stopping else None
    off = hindered if hindered is not None and hindered.reason is Reason.DEVICE_DISABLED else None
    # The model is loaded and may be measured before the owner joins; what waits are the requests.
    waiting = None if whole.joined else Decision(NodeState.PAUSED, Reason.WAITING_TO_JOIN)
    decision = ending or off or _fault(signals) or stop or waiting or _at_work(signals)
    return Judgement(decision, may_work=stop is None and signals.telemetry is not None)


def _fault(signals: DeviceSignals) -> Decision | None:
    if signals.worker is WorkerStatus.NO_SANDBOX:
        return Decision(NodeState.FAULT, Reason.SANDBOX_UNAVAILABLE, signals.fault)
    if signals.worker is WorkerStatus.FAILED:
        return Decision(NodeState.FAULT, Reason.WORKER_FAILED, signals.fault)
    return None


def _at_work(signals: DeviceSignals) -> Decision:
    if signals.worker is WorkerStatus.RESTARTING:
        return Decision(NodeState.STARTING, Reason.WORKER_RESTARTING, signals.fault)
    if signals.worker is not WorkerStatus.READY:
        return Decision(NodeState.STARTING, Reason.LOADING)
    if signals.serving:
        return Decision(NodeState.EARNING, Reason.SERVING)
    return Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)


def _whole(signals: Signals, forbidden: Decision | None, judged: Mapping[str, Judgement]) -> Decision:
    """The node: what its best device does; a device that the owner switched off counts only if all are."""
    decisions = [each.decision for each in judged.values()]
    in_use = [each for each in decisions if each.reason is not Reason.DEVICE_DISABLED] or decisions
    broken = None
    if all(each.state is NodeState.FAULT for each in in_use):
        broken = in_use[0] if in_use else Decision(NodeState.FAULT, Reason.DEVICE_SILENT, "There is no device to use.")
    # Before the first look there is no device yet; that is no fault.
    told = forbidden if signals.stopping or not in_use else None
    found = told or broken or forbidden
    if found is not None:
        return found
    if not any(each.takes_jobs for each in in_use):
        return min(in_use, key=lambda each: _LIVELIEST.index(each.state))
    if signals.serving:
        return Decision(NodeState.EARNING, Reason.SERVING)
    if not signals.enrolled:
        return Decision(NodeState.OFFLINE, Reason.NO_RELAY)
    return Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
