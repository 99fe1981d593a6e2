"""An imagined computer for pictures: a graphics card at work, a processor that rests, and how fast they were."""

from __future__ import annotations

import msgspec

from desktop.control.answers import (
    AmountRange,
    DeviceEarnings,
    EarningsAnswer,
    FigureSheet,
    OutlookAnswer,
    OutlookSheet,
    Sentence,
)
from desktop.control.snapshot import DeviceCard, Fetching, MeasuredPart, Measurement, Status, UnmetLimit
from desktop.domain.benchmark import Change, Unit
from desktop.domain.device import DeviceKind
from desktop.domain.node_state import NodeState, Reason
from desktop.worker.sandbox.modes import SandboxMode

CARD = "GPU-2f7d1c1e-9d0a-4d3c-8a39-6f0b1d6a7a10"
GIB = 1 << 30
MINUTE_MS = 60_000


def devices(status: Status, now_ms: int) -> tuple[DeviceCard, ...]:
    """A card that does what the node does, and a processor whose owner wants it for himself."""
    works = status.state is NodeState.EARNING
    card = DeviceCard(
        id=CARD,
        name="NVIDIA GeForce RTX 3060",
        kind=DeviceKind.NVIDIA,
        driver="580.95.05",
        pcie="PCIe 4.0 x16",
        state=status.state,
        reason=status.reason,
        load=0.91 if works else 0.0,
        temperature_c=68 if works else 41,
        power_w=142.0 if works else 14.0,
        power_limit_w=170.0,
        fan=0.46,
        core_clock_mhz=1777,
        memory_clock_mhz=7300,
        memory_used_bytes=5 * GIB if works else GIB // 3,
        memory_total_bytes=12 * GIB,
        most_power_share=0.8,
        most_temperature_c=80.0,
        unmet=(
            UnmetLimit(
                what="power limit",
                why="The driver lets only the administrator set it.",
                command="sudo nvidia-smi -i 0 -pl 136",
            ),
        ),
        sandbox=SandboxMode.NAMESPACES.in_words if works else "",
        last_stop_at_ms=now_ms - 95 * MINUTE_MS,
        last_stop_ms=310,
        last_release_ms=120,
    )
    processor = DeviceCard(
        id="cpu",
        name="AMD Ryzen 7 5800X",
        kind=DeviceKind.CPU,
        state=NodeState.PAUSED,
        reason=Reason.DEVICE_DISABLED,
        load=0.06,
        memory_used_bytes=9 * GIB,
        memory_total_bytes=32 * GIB,
    )
    return card, processor


def measured(now_ms: int) -> Measurement:
    """A benchmark of an hour ago."""

    def part(name: str, unit: Unit, median: int, spread: float, change: Change) -> MeasuredPart:
        low, high = round(median * (1 - spread)), round(median * (1 + spread))
        return MeasuredPart(
            name=name, unit=unit, median=median, low=low, high=high, blocks=9, unsteady=spread > 0.05, change=change
        )

    return Measurement(
        running=False,
        share_done=1.0,
        tokens_per_s=61.4,
        low=60.2,
        high=61.9,
        at_ms=now_ms - 60 * MINUTE_MS,
        device_id=CARD,
        settled=True,
        parts=(
            part("Reading 512 tokens", Unit.TOKENS, 2_310_000, 0.01, Change.WITHIN_NOISE),
            part("Writing 1 at once", Unit.TOKENS, 61_400, 0.014, Change.MORE),
            part("Writing 8 at once", Unit.TOKENS, 322_000, 0.09, Change.UNKNOWN),
            MeasuredPart(name="Energy of a token", unit=Unit.ENERGY, note="The driver counts no energy."),
        ),
    )


def earned(answer: EarningsAnswer) -> EarningsAnswer:
    """As if the card had done it all, and been measured."""
    msat, jobs = sum(part.msat for part in answer.slices), sum(part.jobs for part in answer.slices)
    if not jobs:
        return answer
    card = DeviceEarnings(
        device=CARD,
        msat=msat,
        jobs=jobs,
        electricity_msat=None,
        unmeasured=0,
        work_mj=jobs * 900_000,
        total_mj=jobs * 1_500_000,
        known_ms=MINUTE_MS,
        unknown_ms=0,
    )
    return msgspec.structs.replace(answer, devices=(card,))


def failed_download() -> Fetching:
    """A download that a full disk ended."""
    return Fetching(
        model_id="small-chat",
        name="Small Chat",
        running=False,
        phase="failed",
        done_bytes=412 << 20,
        total_bytes=GIB,
        detail="The disk is full. Free some space, then resume.",
    )


def outlook(model_id: str) -> OutlookAnswer:
    """What a day could bring."""
    sheet = OutlookSheet(
        model_id=model_id,
        offers=7,
        providers=5,
        same_model=True,
        relays=("wss://relay.example", "wss://relay.second.example"),
        newest_ms=MINUTE_MS,
        oldest_ms=60 * MINUTE_MS,
        asked_msat=(80.0, 120.0, 200.0),
        busy_share=FigureSheet(low=0.02, high=0.05, source=Sentence(text="your own guess")),
        tokens_per_s=FigureSheet(
            low=60.2, high=61.9, source=Sentence(text="your last {count} answers", values={"count": 9})
        ),
        joules_per_token=None,
        gross=AmountRange(low_msat=12_000, high_msat=140_000),
        cost=None,
        net=None,
        missing=(Sentence(text="What a kWh costs is not known: set electricity_price."),),
    )
    return OutlookAnswer(models=(sheet,), typical_prompt_tokens=500, typical_completion_tokens=300)
