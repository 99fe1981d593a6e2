"""A running node as the place where its devices are measured, and reports as the ledger keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from desktop.control.measuring import Bench
from desktop.domain.errors import BenchmarkInvalid, Unavailable
from desktop.domain.model import Model
from desktop.ledger.benchmarks import KeptBenchmark
from desktop.ledger.report import Report
from desktop.node.fleet import DeviceView
from desktop.node.life import Moment
from desktop.proof.benchmark import OpeningForm, SignedBenchmark, decode, encode


class MeasurableNode(Protocol):
    """The part of the node that a benchmark needs."""

    @property
    def moment(self) -> Moment:
        """The present state."""
        ...

    @property
    def open_jobs(self) -> int:
        """Jobs that are not settled."""
        ...

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, the one that is asked first before the others."""
        ...

    def hold(self, device_id: str) -> Callable[[], None]:
        """Take no requests until what is returned is called."""
        ...

    async def keep_benchmark(self, run: KeptBenchmark) -> None:
        """Write it down and name it in the announcement."""
        ...


class NodeWorkshop:
    """A `Workshop` of a running node. `models` are the chat models that every worker loads; the first is measured."""

    def __init__(self, node: MeasurableNode, models: Sequence[Model], report: Report) -> None:
        self._node = node
        self._models = models
        self._report = report

    def bench(self, device_id: str) -> Bench:
        """The device of that id, or the first that works; Unavailable, in words, where nothing can be measured now."""
        if not self._models:
            raise Unavailable("There is no chat model to measure.", now="Add one in the settings.")
        jobs = self._node.open_jobs
        if jobs:
            raise Unavailable(
                "A device is measured only when it has no work.",
                why=f"{jobs} request{' is' if jobs == 1 else 's are'} being answered.",
                now="Try again when the answers are done.",
            )
        for view in self._node.devices():
            worker = view.worker
            if device_id in {"", view.device.id} and worker is not None and worker.pids:
                return Bench(view.device, self._models[0], worker)
        decision = self._node.moment.decision
        raise Unavailable(
            "No model is loaded on this device." if device_id else "No model is loaded.",
            why=f"The node is {decision.state}: {decision.reason}.",
            now="Resume, or wait until the model is loaded.",
        )

    def hold(self, device_id: str) -> Callable[[], None]:
        """The node takes no jobs until what is returned is called."""
        return self._node.hold(device_id)

    async def keep(self, device_id: str, signed: SignedBenchmark) -> None:
        """Into the ledger and the announcement."""
        await self._node.keep_benchmark(kept(device_id, signed))

    async def last(self, device_id: str) -> tuple[str, SignedBenchmark] | None:
        """The newest report; of that device if one is named."""
        return await asyncio.to_thread(newest, self._report, device_id)


def newest(report: Report, device_id: str = "") -> tuple[str, SignedBenchmark] | None:
    """The newest report in the ledger with its device, without opened rows; None before the first."""
    for run in report.benchmarks(1, device_id or None):
        try:
            return run.device_id, decode(run.report.encode())
        except BenchmarkInvalid:
            return None  # by a later version of Hearth: what it says cannot be compared
    return None


def kept(device_id: str, signed: SignedBenchmark) -> KeptBenchmark:
    """A report as the ledger keeps it."""
    bare = msgspec.structs.replace(signed, openings=())
    return KeptBenchmark(
        at_ms=signed.report.at_ms,
        device_id=device_id,
        model_id=signed.report.model.id,
        digest=signed.digest,
        report=encode(bare).decode(),
        openings=msgspec.json.encode(signed.openings),
    )


def whole(run: KeptBenchmark, openings: bytes | None) -> SignedBenchmark:
    """A kept report with its opened rows. Raises BenchmarkInvalid if they are no longer kept, or cannot be read."""
    signed = decode(run.report.encode())
    if openings is None:
        raise BenchmarkInvalid(
            "The opened rows of this benchmark are no longer kept.", now="Export a newer one, or measure again."
        )
    try:
        rows = msgspec.json.decode(openings, type=tuple[OpeningForm, ...])
    except msgspec.MsgspecError as error:
        raise BenchmarkInvalid("The opened rows of this benchmark cannot be read.", why=f"{error}.") from None
    return msgspec.structs.replace(signed, openings=rows)
