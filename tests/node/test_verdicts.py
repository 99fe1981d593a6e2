import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.check import Check
from desktop.domain.errors import DeviceUnusable, NetworkError
from desktop.domain.market import quartiles, rivals_of
from desktop.domain.model import ModelKind
from desktop.node.examination import Question, detached, examine_all
from desktop.node.verdicts import (
    MOST_SKEW_MS,
    clock_check,
    last_check,
    mint_check,
    price_check,
    reach_check,
    usable_check,
)
from tests.fakes.checks import CARD, NOW_MS, OFFER, asks, every_check, rivals


def test_every_check_reads_well_and_says_what_to_do(tmp_path: Path) -> None:
    checks = list(every_check(tmp_path))

    for check in checks:
        for text in (check.value, check.threshold, check.remedy):
            assert "{" not in check.said(text), text
        assert check.name
        assert check.value
        assert check.threshold
        assert check.ok or check.remedy
    assert {check.ok for check in checks} == {True, False, None}


def test_a_card_that_no_worker_can_have_is_told_with_its_own_advice() -> None:
    assert usable_check(CARD, None).ok
    check = usable_check(CARD, DeviceUnusable("No.", why="The torch is for processors.", now="Run `hearth setup`."))
    assert check.ok is False
    assert check.said(check.value) == "The torch is for processors."
    assert check.said(check.remedy) == "Run `hearth setup`."


@given(st.lists(st.one_of(st.none(), st.integers(-(10**12), 10**12)), max_size=9))
def test_the_clock_is_judged_by_the_middle_of_what_others_say(ahead: list[int | None]) -> None:
    check = clock_check(ahead)
    told = sorted(each for each in ahead if each is not None)
    if not told:
        assert check.ok is None
    elif all(abs(each) <= MOST_SKEW_MS for each in told):
        assert check.ok
    elif all(each > MOST_SKEW_MS + 1 for each in told) or all(each < -MOST_SKEW_MS - 1 for each in told):
        assert check.ok is False


def test_a_price_is_judged_by_how_many_ask_less() -> None:
    dear = price_check(OFFER, rivals(1, 2, 3, 4), NOW_MS, 1)
    fair = price_check(OFFER, rivals(1, 2, 3000, 4000), NOW_MS, 1)

    assert dear.ok is False
    assert dear.said(dear.value) == "100.0 % of 4 offers of the same model ask less (newest 0 ms old)"
    assert fair.ok
    assert price_check(OFFER, rivals(1, 2), NOW_MS, 1).ok is None


def test_rivals_are_others_with_the_same_model_first() -> None:
    mixed = [*asks(1, 2), *asks(3, model="other"), *asks(4, model="vectors", kind=ModelKind.EMBEDDING)]
    assert [ask.model_id for ask in rivals_of(mixed, "tiny", "00", ModelKind.CHAT, "us").asks] == ["tiny", "tiny"]
    found = rivals_of(mixed, "unheard-of", "00", ModelKind.CHAT, "tiny-0")
    assert ([ask.provider for ask in found.asks], found.same_model) == (["tiny-1", "other-0"], False)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=30))
def test_quartiles_lie_in_order_within_the_numbers(numbers: list[float]) -> None:
    found = quartiles(numbers)
    assert found is not None
    slack = 1e-6 * max(numbers)
    assert min(numbers) - slack <= found.low <= found.median + slack <= found.high + 2 * slack
    assert found.high <= max(numbers) + slack
    assert quartiles([]) is None


def test_slow_is_not_well() -> None:
    assert mint_check("m", 1, 2001).ok is False
    assert reach_check(5001, "", None).ok is False
    assert last_check("last request", NOW_MS - 86_400_001, NOW_MS).ok is False
    assert last_check("last request", NOW_MS + 5, NOW_MS).ok


# --- many questions ---


async def _well() -> Sequence[Check]:
    return [Check("well", ok=True, value="fine", threshold="fine")]


async def _trouble() -> Sequence[Check]:
    raise NetworkError("Nobody there.", why="The cable {broke}.")


async def _bug() -> Sequence[Check]:
    raise ZeroDivisionError


async def _never() -> Sequence[Check]:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()  # and its clean-up hangs as well
    return []


async def test_each_question_has_a_deadline_and_a_failure_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    questions = [Question(ask, ask.__name__, "an answer", "Wait.") for ask in (_well, _never, _trouble, _bug, _well)]
    started = time.monotonic()
    checks = await examine_all(questions, within_s=0.2)

    assert time.monotonic() - started < 5
    assert [check.ok for check in checks] == [True, None, None, None, True]
    assert checks[1].said(checks[1].value) == "no answer within 200 ms"
    assert checks[2].said(checks[2].value) == "Nobody there. The cable {broke}."
    assert "_bug" in caplog.text
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()  # a second time, out of the clean-up that hangs


async def test_a_call_that_hangs_for_ever_is_left_behind() -> None:
    hang = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await detached(hang.wait)
    hang.set()
    assert await detached(lambda: 7) == 7
    with pytest.raises(KeyError):
        await detached(lambda: dict[str, int]()["x"])
