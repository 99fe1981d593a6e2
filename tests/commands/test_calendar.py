import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from desktop.commands.calendar import day_edges, hour_edges

HOUR_MS = 3_600_000


@pytest.fixture
def berlin() -> Iterator[None]:
    """Local time as in Berlin, where clocks change."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_day_is_as_long_as_its_clocks_say() -> None:
    after_the_change = datetime(2026, 10, 26, 12, tzinfo=UTC).astimezone()
    lengths = [(end - start) // HOUR_MS for start, end in pairwise(day_edges(after_the_change, 3))]
    assert lengths == [24, 25, 24]
    in_spring = datetime(2026, 3, 29, 12, tzinfo=UTC).astimezone()
    assert [(end - start) // HOUR_MS for start, end in pairwise(day_edges(in_spring, 1))] == [23]


@pytest.mark.usefixtures("berlin")
def test_today_is_the_last_day_and_contains_now() -> None:
    now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC).astimezone()
    start, end = day_edges(now, 1)
    assert start <= now.timestamp() * 1000 < end


def test_hours_end_with_the_one_that_lasts() -> None:
    edges = hour_edges(10 * HOUR_MS + 5, 24)
    assert len(edges) == 25
    assert edges[-2] <= 10 * HOUR_MS + 5 < edges[-1]
    assert {end - start for start, end in pairwise(edges)} == {HOUR_MS}
