"""One sale: the money is taken, the job runs while the buyer listens, the money is settled. Once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from starlette.types import Receive

from desktop.domain.errors import HearthError, KeyUnknown, PaymentError, PaymentRequired, TokenInvalid
from desktop.network.api.desk import Desk, OpenJob, Order, PaymentOffer, Settlement, TokenPayment
from desktop.network.api.errors import STOPPING, Problem, log_bug, problem_of
from desktop.network.api.lasting import forgive, lasting


class Reply(Protocol):
    """How one job becomes one HTTP response."""

    async def deliver(self, job: OpenJob) -> None:
        """Take the job's result to its end, sending what can be sent at once."""
        ...

    async def finish(self, settlement: Settlement | Problem) -> None:
        """Send what is left of a good answer, and how it was settled, or why that could not be told."""
        ...

    async def fail(self, problem: Problem, settlement: Settlement | None) -> None:
        """Send that the job failed, with the change."""
        ...


class NotOpened(Exception):
    """The job could not be opened. `refund` is a token for money that had been taken already."""

    def __init__(self, problem: Problem, refund: str | None) -> None:
        super().__init__(problem.code)
        self.problem = problem
        self.refund = refund


async def sell(desk: Desk, order: Order, payment: PaymentOffer, receive: Receive, reply: Reply) -> None:
    """Open the job, deliver it with that reply, settle it exactly once.

    A buyer who leaves stops the job. Cancelling the task that runs this means that the server is stopping: the job
    is stopped and settled, and the buyer is told. Raises NotOpened.
    """
    job, problem = await _open(desk, order, payment)
    present = True
    if problem is None:
        try:
            present = await _deliver(job, receive, reply)
        except asyncio.CancelledError:
            forgive()
            problem = STOPPING
        except Exception as error:  # noqa: BLE001 - the money is held: whatever went wrong, it must be settled
            problem = problem_of(error)
    if problem is not None or not present:
        await lasting(_stop(job))
    settlement, _ = await lasting(_settle(job))
    if not present:
        return
    if problem is None:
        await reply.finish(settlement)
    elif isinstance(settlement, Settlement):
        await reply.fail(problem, settlement)
    else:
        await reply.fail(_with_refund_later(problem), None)


async def _open(desk: Desk, order: Order, payment: PaymentOffer) -> tuple[OpenJob, Problem | None]:
    """The job, and STOPPING if the server began to stop meanwhile: taking money is never broken off half-way."""
    try:
        job, stopped = await lasting(desk.open(order, payment))
    except Exception as error:  # noqa: BLE001 - money may have been taken already: it must be offered back
        (problem, refund), _ = await lasting(_take_back(desk, payment, error))
        raise NotOpened(problem, refund) from None
    return job, STOPPING if stopped else None


async def _take_back(desk: Desk, payment: PaymentOffer, error: Exception) -> tuple[Problem, str | None]:
    """How the failure is told, and the buyer's token again: a new one if the old was redeemed, or the old one."""
    problem = problem_of(error)
    if not isinstance(payment, TokenPayment):
        return problem, None
    if problem.token_untouched:
        return problem, payment.token
    if isinstance(error, PaymentError) and not isinstance(error, PaymentRequired):
        return problem, None
    try:
        return problem, await desk.refund_token(payment.token)
    except (KeyUnknown, TokenInvalid):
        return problem, None
    except HearthError:
        return _with_refund_later(problem), None


async def _deliver(job: OpenJob, receive: Receive, reply: Reply) -> bool:
    """Whether the buyer stayed to the end."""
    try:
        async with _while_present(receive) as limit:
            await reply.deliver(job)
    except TimeoutError:
        if limit.expired():
            return False
        raise
    return True


@asynccontextmanager
async def _while_present(receive: Receive) -> AsyncIterator[asyncio.Timeout]:
    """Break off the block, with TimeoutError, as soon as the client is gone."""

    async def watch(limit: asyncio.Timeout) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        limit.reschedule(asyncio.get_running_loop().time())

    async with asyncio.timeout(None) as limit:
        watcher = asyncio.create_task(watch(limit))
        try:
            yield limit
        finally:
            watcher.cancel()


async def _stop(job: OpenJob) -> None:
    try:
        await job.cancel()
    except Exception as error:  # noqa: BLE001 - settling comes next, and it cancels too
        log_bug(error)


async def _settle(job: OpenJob) -> Settlement | Problem:
    try:
        return await job.settle()
    except Exception as error:  # noqa: BLE001 - an answer that was made is delivered even if its bill could not be
        return _with_refund_later(problem_of(error))


def _with_refund_later(problem: Problem) -> Problem:
    """The same problem, saying where money that is owed can be had."""
    hint = "What is owed stays yours: ask with POST /v1/balance/refund and the token or key you paid with."
    return replace(problem, details={**problem.details, "refund": hint})
