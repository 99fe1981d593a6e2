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
    joined: bool = True


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
    worker = signals.worker
    obstacles = (
        (signals.stopping, NodeState.STOPPING, Reason.SHUTTING_DOWN),
        (worker is WorkerStatus.NO_SANDBOX, NodeState.FAULT, Reason.SANDBOX_UNAVAILABLE),
        (worker is WorkerStatus.FAILED, NodeState.FAULT, Reason.WORKER_FAILED),
        (signals.paused, NodeState.PAUSED, Reason.PAUSED_BY_OWNER),
        (not signals.joined, NodeState.PAUSED, Reason.WAITING_TO_JOIN),
        (worker is WorkerStatus.RESTARTING, NodeState.STARTING, Reason.WORKER_RESTARTING),
        (worker is not WorkerStatus.READY, NodeState.STARTING, Reason.LOADING),
        (signals.serving, NodeState.EARNING, Reason.SERVING),
        (not signals.enrolled, NodeState.OFFLINE, Reason.NO_RELAY),
    )
    for applies, state, reason in obstacles:
        if applies:
            return Decision(state, reason)
    return Decision(NodeState.READY, Reason.WAITING_FOR_REQUESTS)
