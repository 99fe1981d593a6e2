"""The node's life as states with reasons: every minute of it has one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class NodeState(StrEnum):
    """What the node is doing. `OFF` is the time between two runs."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    EARNING = "earning"
    PAUSED = "paused"
    OFFLINE = "offline"
    FAULT = "fault"
    STOPPING = "stopping"


class Reason(StrEnum):
    """Why the node is in its state; worded for people in one place per surface, never here."""

    STOPPED_BY_OWNER = "stopped by owner"
    ENDED_UNEXPECTEDLY = "ended unexpectedly"
    ASLEEP = "computer asleep"
    LOADING = "loading"
    WAITING_FOR_REQUESTS = "waiting for requests"
    SERVING = "serving"
    PAUSED_BY_OWNER = "paused by owner"
    NO_RELAY = "no relay"
    WORKER_RESTARTING = "worker restarting"
    WORKER_FAILED = "worker failed"
    SANDBOX_UNAVAILABLE = "sandbox unavailable"
    SHUTTING_DOWN = "shutting down"
    WAITING_TO_JOIN = "waiting to join"
    OWNER_ACTIVE = "owner active"
    FULLSCREEN = "fullscreen program"
    PRESENCE_UNKNOWN = "presence unknown"
    OTHER_PROGRAM = "device used by another program"
    MEMORY_WANTED = "device memory wanted by another program"
    ON_BATTERY = "on battery"
    METERED = "metered network"
    SCHEDULE = "outside the schedule"
    TOO_HOT = "too hot"
    TOO_MUCH_POWER = "too much power"
    NOT_WORTH_IT = "costs more than it earns"
    DEVICE_SILENT = "device does not answer"
    MEASURING = "being measured"
    DEVICE_DISABLED = "device switched off by owner"


AWAKE: Final = frozenset(set(NodeState) - {NodeState.OFF, NodeState.STOPPING})

# While awake the state follows the signals, which may change in any way between two looks; only birth and death
# have an order.
NODE_TRANSITIONS: Final[dict[NodeState, frozenset[NodeState]]] = {
    NodeState.OFF: frozenset({NodeState.STARTING}),
    **{state: (AWAKE - {state}) | {NodeState.STOPPING} for state in AWAKE},
    NodeState.STOPPING: frozenset({NodeState.OFF}),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) in one state for one reason, in UTC milliseconds; `end_ms` is None while it lasts."""

    start_ms: int
    end_ms: int | None
    state: NodeState
    reason: Reason
    detail: str = ""
