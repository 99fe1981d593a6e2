"""Calls into drivers, which may block for ever, from a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from desktop.machine.devices.source import DeviceSilent

Value = TypeVar("Value")
_Order = tuple[Future[Value], Callable[[], Value]]


class DriverThread(Generic[Value]):
    """One thread for one device, started at the first call.

    A call that does not come back in time costs this thread and nothing else: as long as it hangs, every further call
    is DeviceSilent at once, and the thread is of use again when the driver lets go of it. It is a daemon, so that a
    hanging driver does not keep the process from ending either. Callers that come while a call runs share its answer.
    """

    def __init__(self, name: str, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._within_s = within_s
        self._clock = clock
        self._orders: queue.SimpleQueue[_Order[Value] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running: Future[Value] | None = None
        self._since = 0.0
        self._lock = threading.Lock()

    async def call(self, work: Callable[[], Value]) -> Value:
        """What `work` gives, or DeviceSilent when it takes too long."""
        running, left_s = self._begin(work)
        try:
            async with asyncio.timeout(left_s):
                # Shielded: others may wait for the same answer, and the thread could not be called off anyway.
                return await asyncio.shield(asyncio.wrap_future(running))
        except TimeoutError:
            raise self._silence() from None

    def call_blocking(self, work: Callable[[], Value]) -> Value:
        """The same for a caller without a loop; it waits."""
        running, left_s = self._begin(work)
        try:
            return running.result(left_s)
        except TimeoutError:
            raise self._silence() from None

    def close(self) -> None:
        """Let the thread end as soon as its driver lets it."""
        if self._thread is not None:
            self._orders.put(None)
            self._thread = None

    def _begin(self, work: Callable[[], Value]) -> tuple[Future[Value], float]:
        with self._lock:
            if self._running is None or self._running.done():
                self._running = Future()
                self._running.set_running_or_notify_cancel()
                self._since = self._clock()
                self._orders.put((self._running, work))
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=_serve, args=(self._orders,), name=f"driver {self._name}", daemon=True
                    )
                    self._thread.start()
            left_s = self._since + self._within_s - self._clock()
            if left_s <= 0:
                raise self._silence()
            return self._running, left_s

    def _silence(self) -> DeviceSilent:
        return DeviceSilent(f"Its driver has not answered for {max(1, round(self._clock() - self._since))} s.")


def _serve(orders: queue.SimpleQueue[_Order[Value] | None]) -> None:
    while (order := orders.get()) is not None:
        answer, work = order
        try:
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever called is told, whatever it is; nobody else could
            answer.set_exception(error)
