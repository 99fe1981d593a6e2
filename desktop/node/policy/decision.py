"""What was decided: for the node as a whole, and for each of its devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.domain.node_state import NodeState, Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """A state with its reason, and the numbers behind the reason in words where there are any."""

    state: NodeState
    reason: Reason
    detail: str = ""

    @property
    def takes_jobs(self) -> bool:
        """Whether a new request may be accepted. Offline still takes jobs: who knows our address may be served."""
        return self.state in {NodeState.READY, NodeState.EARNING, NodeState.OFFLINE}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One device: how it stands, and whether a worker may be on it at all."""

    decision: Decision
    may_work: bool


@dataclass(frozen=True, slots=True)
class Judgements:
    """The node as a whole, and each device by its id."""

    node: Decision
    devices: Mapping[str, Judgement]
