import pytest

from desktop.domain.errors import Busy
from desktop.node.admission import Admission


async def test_a_full_house_is_busy_and_a_closed_ticket_makes_room() -> None:
    admission = Admission(slots=lambda: 1, queue=1)
    first, _second = admission.enter(), admission.enter()
    with pytest.raises(Busy) as refused:
        admission.enter()
    assert refused.value.retry_after_s > 0
    first.close()
    first.close()
    assert admission.inside == 1
    admission.enter()


async def test_a_device_more_is_room_for_more() -> None:
    slots = [1]
    admission = Admission(slots=lambda: slots[0], queue=0)
    admission.enter()
    with pytest.raises(Busy):
        admission.enter()
    slots[0] = 2
    admission.enter()
    assert admission.inside == 2
