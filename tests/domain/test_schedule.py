from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.schedule import DAYS, HOURS, WHILE_AWAY, Permission, Schedule

WEEKS = st.lists(st.sampled_from(Permission), min_size=DAYS * HOURS, max_size=DAYS * HOURS).map(
    lambda hours: Schedule(tuple(hours))
)


@given(WEEKS)
def test_what_is_written_is_read_again(week: Schedule) -> None:
    assert Schedule.parse(str(week)) == week


@given(WEEKS, st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))  # noqa: DTZ001 - local on purpose
def test_each_moment_has_the_permission_of_its_hour(week: Schedule, local: datetime) -> None:
    assert week.at(local) is week.at(local.replace(minute=0, second=0, microsecond=0))
    assert week.at(local) is week.hours[local.weekday() * 24 + local.hour]


@pytest.mark.parametrize("text", ["", "a", "x" * 168, "a" * 169, "a" * 167 + "é"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|week"):
        Schedule.parse(text)


def test_by_default_the_owner_comes_first() -> None:
    assert set(WHILE_AWAY.hours) == {Permission.AWAY}
