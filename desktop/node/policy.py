"""May we work now, and how do we say so? A pure function over what is known at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from desktop.domain.node_state import NodeState, Reason


class WorkerStatus(Enum):
    """Where the worker process stands."""

    LOADING = auto()
    READY = auto()
    RESTARTING = auto()
    FAILED = auto()
    NO_SANDBOX = auto()
    RELEASED = auto()


@dataclass(frozen=True, slots=True)
class Signals:
    """Everything the decision rests on."""

    stopping: bool
    paused: bool
    worker: WorkerStatus
    serving: bool
    enrolled: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """A state with its reason; `takes_jobs` says whether a new request may be accepted."""

    state: NodeState
    reason: Reason

    @property
    def takes_jobs(self) -> bool:
        """Offline still takes jobs: whoever already knows our address may be served."""
        return self.state in {NodeState.READY, NodeState.EARNING, NodeState.OFFLINE}


def decide(signals: Signals) -> Decision:
    """The state the node is in: the strongest obstacle first, work in hand before its absence."""
    if signals.stopping:
        return Decision(NodeState.STOPPING, Reason.SHUTTING_DOWN)
    if signals.worker is WorkerStatus.NO_SANDBOX:
        return Decision(NodeState.FAULT, Reason.SANDBOX_UNAVAILABLE)
    if signals.worker is WorkerStatus.FAILED:
        return Decision(NodeState.FAULT, Reason.WORKER_FAILED)
    if signals.paused:
        return Decision(NodeState.PAUSED, Reason.PAUSED_BY_OWNER)
    if signals.worker is WorkerStatus.RESTARTING:
        return Decision(NodeState.STARTING, Reason.WORKER_RESTARTING)
    if signals.worker is not WorkerStatus.READY:
        return Decision(NodeState.STARTING, Reason.LOADING)
    if signals.serving:
        return Decision(NodeState.EARNING, Reason.SERVING)
    if not signals.enrolled:
        return Decision(NodeState.OFFLINE, Reason.NO_RELAY)
    return Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
