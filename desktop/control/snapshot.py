"""The picture of a running node, in parts that change on their own.

A part that is None is not known, and is shown as unknown, never as zero. Money is millisats, times are UTC
milliseconds, shares lie between 0 and 1.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from desktop.domain.benchmark import Change as BenchmarkChange
from desktop.domain.benchmark import Unit
from desktop.domain.device import DeviceKind
from desktop.domain.job import JobKind, JobState
from desktop.domain.model import ModelKind
from desktop.domain.node_state import NodeState, Reason


class Status(Struct, frozen=True, kw_only=True):
    """What the node is doing and why. `finishing`: it will pause when the running jobs have ended."""

    state: NodeState
    reason: Reason
    detail: str = ""
    since_ms: int
    paused_until_ms: int | None = None
    finishing: bool = False


class Today(Struct, frozen=True, kw_only=True):
    """Since local midnight. `usual_msat`: the mean of up to seven full days before; None with less than two.

    `electricity_msat` is what today's jobs took above idle; None: not known. `unmeasured` jobs are not in it.
    """

    earned_msat: int
    usual_msat: int | None
    completed: int
    failed: int
    cancelled: int
    electricity_msat: int | None = None
    unmeasured: int = 0


class MintBalance(Struct, frozen=True, kw_only=True):
    """Ecash at one mint."""

    mint: str
    msat: int


class Balance(Struct, frozen=True, kw_only=True):
    """What the owner may spend, what the node owes to buyers, and where the coins are."""

    available_msat: int
    owed_msat: int
    mints: tuple[MintBalance, ...] = ()


class UptimeSummary(Struct, frozen=True, kw_only=True):
    """The last 30 days, or since the first start. `share` is None before the first minute."""

    share: float | None
    offline_ms: int
    since_ms: int | None


class UnmetLimit(Struct, frozen=True, kw_only=True):
    """A limit that is not in force: which, why, and the command that would put it in force, if one would."""

    what: str
    why: str
    command: str = ""


class DeviceCard(Struct, frozen=True, kw_only=True):
    """One device, its state with its reason, its latest measurements, its limits; what is not known is None.

    `last_stop_ms` is the time from the last trigger to the end of all work, `last_release_ms` from there to free
    memory. `jobs` are at work there now. `silence` is empty unless the device does not answer.
    """

    id: str
    name: str
    kind: DeviceKind
    driver: str = ""
    pcie: str = ""
    state: NodeState
    reason: Reason
    detail: str = ""
    jobs: int = 0
    load: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    fan: float | None = None
    core_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    throttled: tuple[str, ...] = ()
    silence: str = ""
    most_power_share: float | None = None
    most_temperature_c: float | None = None
    most_memory_bytes: int | None = None
    duty: float = 1.0
    unmet: tuple[UnmetLimit, ...] = ()
    worker_memory_bytes: int | None = None
    sandbox: str = ""
    spare_worker: bool = False
    last_stop_at_ms: int | None = None
    last_stop_ms: int | None = None
    last_release_ms: int | None = None


class OfferedModel(Struct, frozen=True, kw_only=True):
    """A model of the catalogue; prices are msat per million tokens; `offered` while it is for sale."""

    id: str
    name: str
    kind: ModelKind
    parameters: int
    context_tokens: int
    dtype: str
    licence: str
    digest: str
    prompt_msat_per_million: int
    completion_msat_per_million: int
    request_msat: int
    offered: bool


class Relay(Struct, frozen=True, kw_only=True):
    """A relay and whether our announcement was taken and read back there; `detail` says what is wrong."""

    url: str
    enrolled: bool
    detail: str = ""


class NodeCard(Struct, frozen=True, kw_only=True):
    """Who this node is; everything here is public but `data_folder`."""

    version: str
    npub: str
    endpoint_id: str
    api: str
    mints: tuple[str, ...]
    data_folder: str
    started_at_ms: int


class JobLine(Struct, frozen=True, kw_only=True):
    """One row of a job list."""

    id: str
    kind: JobKind
    model_id: str
    state: JobState
    accepted_at_ms: int
    started_at_ms: int | None
    finished_at_ms: int | None
    prompt_tokens: int
    completion_tokens: int
    charged_msat: int
    reason: str = ""


class MeasuredPart(Struct, frozen=True, kw_only=True):
    """One measured thing with its 95 % interval, in the unit's own small steps; see `desktop.domain.benchmark.Part`.

    `median` None: not measured, and `note` says why. `change`: against the run before on this device.
    """

    name: str
    unit: Unit
    median: int | None = None
    low: int | None = None
    high: int | None = None
    blocks: int = 0
    unsteady: bool = False
    note: str = ""
    change: BenchmarkChange = BenchmarkChange.UNKNOWN


class Measurement(Struct, frozen=True, kw_only=True):
    """A benchmark, running or done.

    `tokens_per_s` is that of one answer, with its interval. `phase` says in words what is done now, `detail` why a run
    failed, `notes` what was odd about the device before it. `settled`: whether the device became steady before it was
    measured. `digest` is that of the signed report.
    """

    running: bool
    share_done: float
    tokens_per_s: float | None = None
    low: float | None = None
    high: float | None = None
    at_ms: int | None = None
    detail: str = ""
    device_id: str = ""
    phase: str = ""
    parts: tuple[MeasuredPart, ...] = ()
    notes: tuple[str, ...] = ()
    settled: bool | None = None
    digest: str = ""


class Fetching(Struct, frozen=True, kw_only=True):
    """A download, running, paused, failed or done. `model_id` empty: the build of torch. `phase` names its step.

    `detail` says in words what went wrong or was decided; `total_bytes` None: not known yet.
    """

    model_id: str
    name: str
    running: bool
    phase: str
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    left_s: float | None = None
    detail: str = ""


class VersionChange(Struct, frozen=True, kw_only=True):
    """How the last change of version went: to `version`, or back to `before`, and then why."""

    version: str
    before: str
    healthy: bool
    at_ms: int
    words: str = ""


class Renewal(Struct, frozen=True, kw_only=True):
    """A newer version of Hearth: what was found, and how far its installation is.

    `phase` is one of: unknown, looking, current, ready, waiting (until `turn_ms`), unwell, no installer, downloading,
    unpacking, preparing, rehearsing, changing, downloaded (install it with `command`), paused, failed. `detail` says in
    words why; `troubles` are sources that did not help.
    """

    phase: str = "unknown"
    running: bool = False
    version: str = ""
    notes: str = ""
    size_bytes: int | None = None
    done_bytes: int = 0
    left_s: float | None = None
    turn_ms: int | None = None
    checked_at_ms: int | None = None
    detail: str = ""
    command: str = ""
    troubles: tuple[str, ...] = ()
    last_change: VersionChange | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything the first screen shows."""

    status: Status
    node: NodeCard
    today: Today | None = None
    balance: Balance | None = None
    uptime: UptimeSummary | None = None
    devices: tuple[DeviceCard, ...] = ()
    models: tuple[OfferedModel, ...] = ()
    relays: tuple[Relay, ...] = ()
    recent: tuple[JobLine, ...] = ()
    benchmark: Measurement | None = None
    fetching: Fetching | None = None
    renewal: Renewal | None = None


def main_device(snapshot: Snapshot) -> DeviceCard | None:
    """The device that is asked first; None before any was seen."""
    return snapshot.devices[0] if snapshot.devices else None


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parts of a snapshot that are another; a part that is left out is unchanged."""

    status: Status | UnsetType = UNSET
    node: NodeCard | UnsetType = UNSET
    today: Today | UnsetType | None = UNSET
    balance: Balance | UnsetType | None = UNSET
    uptime: UptimeSummary | UnsetType | None = UNSET
    devices: tuple[DeviceCard, ...] | UnsetType = UNSET
    models: tuple[OfferedModel, ...] | UnsetType = UNSET
    relays: tuple[Relay, ...] | UnsetType = UNSET
    recent: tuple[JobLine, ...] | UnsetType = UNSET
    benchmark: Measurement | UnsetType | None = UNSET
    fetching: Fetching | UnsetType | None = UNSET
    renewal: Renewal | UnsetType | None = UNSET


def difference(old: Snapshot, new: Snapshot) -> Change | None:
    """What has to be told to somebody who knows `old`; None if nothing."""
    parts = {name: value for name in Snapshot.__struct_fields__ if (value := getattr(new, name)) != getattr(old, name)}
    return Change(**parts) if parts else None


def merge(snapshot: Snapshot, change: Change) -> Snapshot:
    """The snapshot after the change."""
    parts = {name: value for name in Change.__struct_fields__ if (value := getattr(change, name)) is not UNSET}
    return msgspec.structs.replace(snapshot, **parts)


def changed_parts(change: Change) -> frozenset[str]:
    """The names of the parts a change carries."""
    return frozenset(name for name in Change.__struct_fields__ if getattr(change, name) is not UNSET)
