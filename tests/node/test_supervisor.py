import asyncio
from collections.abc import Callable

import pytest

from desktop.domain.errors import DeviceUnusable, ModelCorrupt, SandboxUnavailable, Unavailable
from desktop.node.policy.signals import WorkerStatus
from desktop.node.supervisor import Supervisor
from tests.fakes.patience import until
from tests.fakes.worker import FakeWorker


class Launches:
    """Launches fake workers, or raises what it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.workers: list[FakeWorker] = []

    async def __call__(self) -> FakeWorker:
        if self.failures:
            raise self.failures.pop(0)
        self.workers.append(FakeWorker())
        return self.workers[-1]


class Supervised:
    """A supervisor whose changes can be waited for."""

    def __init__(self, launches: Launches) -> None:
        self.changed = asyncio.Event()
        self.supervisor = Supervisor(launches, self.changed.set)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def until_status(self, status: WorkerStatus) -> None:
        await self.until(lambda: self.supervisor.status is status)


async def test_a_worker_is_ready_after_its_launch_and_gone_after_the_stop() -> None:
    launches = Launches()
    supervised = Supervised(launches)
    with pytest.raises(Unavailable):
        _ = supervised.supervisor.worker
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.READY)
    assert supervised.supervisor.worker is launches.workers[0]
    await supervised.supervisor.stop()
    assert launches.workers[0].stopped
    assert supervised.supervisor.ready is None


async def test_a_dead_worker_is_replaced() -> None:
    launches = Launches()
    supervised = Supervised(launches)
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.READY)
    launches.workers[0].die("killed")
    await supervised.until_status(WorkerStatus.RESTARTING)
    assert "killed" in supervised.supervisor.detail
    await supervised.until_status(WorkerStatus.READY)
    assert supervised.supervisor.worker is launches.workers[1]
    await supervised.supervisor.stop()


async def test_three_failures_in_a_row_are_a_fault_with_a_reason_that_resume_clears() -> None:
    launches = Launches(*(ModelCorrupt("model.safetensors is damaged.") for _ in range(3)))
    supervised = Supervised(launches)
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.FAILED)
    assert "model.safetensors" in supervised.supervisor.detail
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.READY)
    await supervised.supervisor.stop()


async def test_without_a_sandbox_nothing_is_retried() -> None:
    launches = Launches(SandboxUnavailable("No sandbox works here."))
    supervised = Supervised(launches)
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.NO_SANDBOX)
    assert launches.workers == []
    assert "No sandbox" in supervised.supervisor.detail
    await supervised.supervisor.stop()


async def test_released_means_no_worker_until_resumed() -> None:
    launches = Launches()
    supervised = Supervised(launches)
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.READY)
    await supervised.supervisor.release()
    await supervised.until_status(WorkerStatus.RELEASED)
    assert launches.workers[0].stopped
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.READY)
    assert len(launches.workers) == 2
    await supervised.supervisor.stop()


async def test_a_device_no_worker_can_use_is_told_once_and_not_tried_again() -> None:
    launches = Launches(DeviceUnusable("The card cannot be used."))
    supervised = Supervised(launches)
    supervised.supervisor.resume()
    await supervised.until_status(WorkerStatus.FAILED)
    assert launches.workers == []
    assert supervised.supervisor.detail == "The card cannot be used."
    await supervised.supervisor.stop()


async def test_a_worker_that_is_still_starting_is_let_go_at_once() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def launch() -> FakeWorker:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return FakeWorker()

    supervisor = Supervisor(launch, lambda: None)
    supervisor.resume()
    await begun.wait()
    await supervisor.release()
    assert cancelled.is_set()
    await until(lambda: supervisor.status is WorkerStatus.RELEASED)
    await supervisor.stop()


async def test_wanted_again_before_it_is_gone_is_no_failure() -> None:
    launches = Launches()
    supervised = Supervised(launches)
    for number in range(1, 6):
        supervised.supervisor.resume()
        await until(lambda wanted=number: len(launches.workers) == wanted)  # type: ignore[misc]  # bound now
        await supervised.until_status(WorkerStatus.READY)
        await supervised.supervisor.release()
    assert supervised.supervisor.status is not WorkerStatus.FAILED
    await supervised.supervisor.stop()
