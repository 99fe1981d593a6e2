from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import Busy
from desktop.network.api.errors import Refused
from desktop.network.api.limits import Bucket, Limits, Pool
from desktop.network.api.visitors import Visitors
from tests.network.api.conftest import GENEROUS, Serve


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_empties_refuses_and_fills_again() -> None:
    clock = Clock()
    bucket = Bucket(rate_per_s=0.5, burst=2, now_s=clock)
    bucket.take("a")
    bucket.take("a")
    with pytest.raises(Busy) as caught:
        bucket.take("a")
    assert caught.value.retry_after_s == 2
    bucket.take("b")
    clock.now_s = 2
    bucket.take("a")
    with pytest.raises(Busy):
        bucket.take("a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    bucket = Bucket(rate_per_s=2, burst=3, now_s=clock)
    given_out = dict.fromkeys("abc", 0)
    for name, wait_s in steps:
        clock.now_s += wait_s
        with suppress(Busy):
            bucket.take(name)
            given_out[name] += 1
        assert given_out[name] <= 3 + 2 * clock.now_s + 1e-6


def test_a_bucket_remembers_so_many_names() -> None:
    bucket = Bucket(rate_per_s=1, burst=1, now_s=Clock(), capacity=10)
    for number in range(1000):
        bucket.take(str(number))
    assert len(bucket) == 10


def test_a_pool_gives_what_it_has() -> None:
    pool = Pool(3)
    with pool.held(2), pytest.raises(Refused):
        pool.take(2)
    assert pool.taken == 0


async def test_visitors_are_counted_by_address() -> None:
    visitors = Visitors(most=3, most_per_address=2)
    assert [visitors.enter(address) for address in "aaabb"] == [True, True, False, False, False]
    for address in "aaab":
        visitors.leave(address)
    assert visitors.enter("a")
    for address in "ab":
        visitors.leave(address)
    await visitors.wait_until_gone(5)


async def test_an_address_that_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    served = await serve(Limits(address_burst=3, address_rate_per_s=0.1))
    answers = [await served.http.get("/v1/models") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert answers[-1].json()["error"]["details"]["retry_after"] >= 1


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    served = await serve(Limits(key_burst=2, key_rate_per_s=0.1))
    first, second = await served.key(), await served.key()
    answers = [(await served.http.get("/v1/balance/info", headers=first)).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert (await served.http.get("/v1/balance/info", headers=second)).status_code == 200


async def test_limits_are_advertised(serve: Serve) -> None:
    served = await serve(GENEROUS)
    told = (await served.http.get("/v1/info")).json()
    assert told["limits"]["body_bytes"] == GENEROUS.body_bytes
    assert told["limits"]["stop_strings"] == 4
