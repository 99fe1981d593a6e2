from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from desktop.domain.errors import UpdateInvalid
from desktop.updates.decision import CLOCK_SKEW_S, Verdict, believe, decide, newest, place_of, served, turn_s
from desktop.updates.memory import MOST_TRIES, Remembered
from desktop.updates.statement import Rollout, Statement
from tests.fakes.publisher import DAY_S, NOW_S, said

LOT = "01" * 16
NOBODY = Remembered(lot=LOT)

numbers = st.integers(0, 12)
suffixes = st.sampled_from(["", "a1", "b2", "rc1", ".post1"])
versions = st.builds(lambda a, b, c, end: str(Version(f"{a}.{b}.{c}{end}")), numbers, numbers, numbers, suffixes)
lots = st.binary(min_size=16, max_size=16).map(bytes.hex)
moments = st.integers(0, 2**33)


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    start_s = draw(moments)
    return Rollout(
        start_s=start_s, first_percent=draw(st.integers(0, 100)), complete_s=start_s + draw(st.integers(0, 10**7))
    )


def statement(version: str = "2.0.0", **changes: object) -> Statement:
    return msgspec.convert(said(version, **changes), Statement)


def verdict(
    told: Statement, remembered: Remembered = NOBODY, *, installed: str = "1.0.0", kind: str = "run"
) -> Verdict:
    return decide(told, installed=installed, kind=kind, machine="x86_64", remembered=remembered, now_s=NOW_S).verdict


@settings(deadline=None)
@given(version=versions, installed=versions, kind=st.sampled_from(["run", "deb"]), lot=lots, rollout=rollouts())
def test_never_a_downgrade_and_never_the_same_again(
    version: str, installed: str, kind: str, lot: str, rollout: Rollout
) -> None:
    told = msgspec.structs.replace(statement(version), rollout=rollout)
    decided = decide(
        told, installed=installed, kind=kind, machine="x86_64", remembered=Remembered(lot=lot), now_s=NOW_S
    )
    if Version(version) <= Version(installed):
        assert decided.verdict is Verdict.CURRENT
    assert (decided.artefact is not None) == (decided.verdict is Verdict.READY)


@settings(deadline=None)
@given(issued=moments, life=st.integers(1, 10**8), seen=moments, now=moments)
def test_never_stale_never_replaced_never_of_tomorrow(issued: int, life: int, seen: int, now: int) -> None:
    told = msgspec.structs.replace(statement(), issued_s=issued, expires_s=issued + life)
    try:
        believe(told, Remembered(lot=LOT, newest_issued_s=seen), now)
    except UpdateInvalid:
        return
    assert issued >= seen
    assert now < issued + life
    assert issued <= now + CLOCK_SKEW_S


@settings(deadline=None)
@given(seen=moments, now=moments, later=st.integers(0, 10**8))
def test_what_expired_stays_expired_when_the_clock_goes_back(seen: int, now: int, later: int) -> None:
    """As far as statements tell the time: that of the newest is never forgotten."""
    told = msgspec.structs.replace(statement(), issued_s=seen, expires_s=seen + 1 + later)
    remembered = Remembered(lot=LOT, newest_issued_s=seen + 1 + later)
    with pytest.raises(UpdateInvalid):
        believe(told, remembered, now)


@settings(deadline=None)
@given(rollout=rollouts(), lot=lots, version=versions, first=moments, then=st.integers(0, 10**8))
def test_once_in_always_in(rollout: Rollout, lot: str, version: str, first: int, then: int) -> None:
    place = place_of(lot, version)
    assert served(rollout, first) <= served(rollout, first + then)
    assert place < served(rollout, rollout.complete_s), "in the end everybody"
    if first < rollout.start_s:
        assert served(rollout, first) == 0


@settings(deadline=None)
@given(rollout=rollouts(), lot=lots, share=st.integers(0, 100), at=moments)
def test_a_larger_first_share_takes_nobody_out(rollout: Rollout, lot: str, share: int, at: int) -> None:
    larger = msgspec.structs.replace(rollout, first_percent=max(share, rollout.first_percent))
    assert served(rollout, at) <= served(larger, at)
    assert place_of(lot, "1") == place_of(lot, "1")


@settings(deadline=None)
@given(rollout=rollouts(), place=st.integers(0, 999_999))
def test_the_turn_that_is_told_is_the_turn(rollout: Rollout, place: int) -> None:
    at = turn_s(rollout, place)
    assert place < served(rollout, at)
    assert at == rollout.start_s or not place < served(rollout, at - 1)


def test_a_share_is_that_share_of_all_computers() -> None:
    rollout = Rollout(start_s=NOW_S, first_percent=10, complete_s=NOW_S + DAY_S)
    lots = [f"{number:032x}" for number in range(2000)]

    def share(at_s: int) -> float:
        return sum(place_of(lot, "2.0.0") < served(rollout, at_s) for lot in lots) / len(lots)

    assert share(NOW_S - 1) == 0
    assert share(NOW_S) == pytest.approx(0.10, abs=0.03)
    assert share(NOW_S + DAY_S // 2) == pytest.approx(0.55, abs=0.05)
    assert share(NOW_S + DAY_S) == 1


def test_the_queue_is_another_for_each_version() -> None:
    assert place_of(LOT, "2.0.0") != place_of(LOT, "2.0.1")


def test_each_verdict() -> None:
    waiting = {"start_s": NOW_S + 10, "first_percent": 100, "complete_s": NOW_S + 10}
    assert verdict(statement()) is Verdict.READY
    assert verdict(statement(), installed="2.0.0") is Verdict.CURRENT
    assert verdict(statement(), kind="deb") is Verdict.NO_INSTALLER
    assert verdict(statement(rollout=waiting)) is Verdict.WAITING
    assert verdict(statement(), Remembered(lot=LOT, bad={"2.0.0": "It did not answer."})) is Verdict.UNWELL
    assert verdict(statement(), Remembered(lot=LOT, tries={"2.0.0": MOST_TRIES})) is Verdict.UNWELL
    assert verdict(statement(), Remembered(lot=LOT, tries={"2.0.0": MOST_TRIES - 1})) is Verdict.READY
    assert verdict(statement("2.0.1"), Remembered(lot=LOT, bad={"2.0.0": "It did not answer."})) is Verdict.READY


def test_the_newest_statement_counts_even_if_it_withdraws_a_version() -> None:
    broken, withdrawn = statement("2.1.0"), statement("2.0.0", issued_s=NOW_S)
    assert newest([broken, withdrawn]) is withdrawn
    assert newest([]) is None
