import asyncio

import pytest

from desktop.domain.errors import Busy
from desktop.node.admission import Admission


async def test_a_full_house_is_busy_and_a_closed_ticket_makes_room() -> None:
    admission = Admission(slots=1, queue=1)
    first, _second = admission.enter(), admission.enter()
    with pytest.raises(Busy) as refused:
        admission.enter()
    assert refused.value.retry_after_s > 0
    first.close()
    first.close()
    assert admission.inside == 1
    admission.enter()


async def test_turns_are_taken_in_order_and_never_by_more_than_the_slots() -> None:
    admission = Admission(slots=2, queue=10)
    order: list[int] = []
    at_work = 0
    most_at_work = 0

    async def work(number: int) -> None:
        nonlocal at_work, most_at_work
        async with admission.turn():
            order.append(number)
            at_work += 1
            most_at_work = max(most_at_work, at_work)
            await asyncio.sleep(0)
            at_work -= 1

    await asyncio.gather(*(work(number) for number in range(8)))
    assert order == list(range(8))
    assert most_at_work == 2
