"""What stops work and what does not, one look after the other."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.device import ProcessUse
from desktop.domain.limits import Limits
from desktop.domain.node_state import NODE_TRANSITIONS, NodeState, Reason
from desktop.domain.presence import Presence
from desktop.domain.schedule import Permission
from desktop.node.policy.judge import Memory, step
from desktop.node.policy.signals import Signals, WorkerStatus
from desktop.node.policy.terms import Terms
from tests.fakes.computer import CARD, CPU, GIB, NOBODY, OTHER_CARD, at_rest
from tests.node.policy.looks import AWAY, CALM, HERE, Looks, on, with_devices

READY = with_devices(CALM, on())
SECOND_MS = 1000

loads = st.none() | st.floats(0, 1)
presences = st.none() | st.builds(
    Presence,
    session=st.booleans(),
    idle_s=st.none() | st.floats(0, 1000),
    locked=st.none() | st.booleans(),
    fullscreen=st.none() | st.booleans(),
    on_battery=st.none() | st.booleans(),
    metered=st.none() | st.booleans(),
)
readings = st.none() | st.builds(
    at_rest,
    load=loads,
    memory_used_bytes=st.none() | st.integers(0, 24 * GIB),
    temperature_c=st.none() | st.floats(0, 120),
    power_w=st.none() | st.floats(0, 600),
    processes=st.none() | st.lists(st.builds(ProcessUse, st.integers(1, 9), st.none(), loads), max_size=3).map(tuple),
    silence=st.sampled_from(("", "The driver hangs.")),
)
devices = st.builds(
    on,
    st.just(CARD),
    readings,
    present=st.booleans(),
    worker=st.sampled_from(WorkerStatus),
    serving=st.booleans(),
    own_pids=st.frozensets(st.integers(1, 9), max_size=2),
    worth_it=st.none() | st.booleans(),
)
signals_of_any_kind = st.builds(
    Signals,
    stopping=st.booleans(),
    paused=st.booleans(),
    joined=st.booleans(),
    serving=st.booleans(),
    enrolled=st.booleans(),
    presence=presences,
    permission=st.sampled_from(Permission),
    devices=st.tuples(devices) | st.just(()),
)
terms_of_any_kind = st.builds(
    Terms,
    idle_after_s=st.integers(0, 1000),
    calm_s=st.integers(0, 100),
    work_on_battery=st.booleans(),
    work_on_metered=st.booleans(),
    pause_for_fullscreen=st.booleans(),
    other_load=st.floats(0, 1),
    disabled=st.sampled_from((frozenset[str](), frozenset({CARD.id}))),
    most_watts=st.sampled_from((0, 1, 300)),
    usual_limits=st.builds(Limits, temperature_c=st.none() | st.floats(-10, 200)),
)


def forbidden(signals: Signals, terms: Terms) -> bool:
    """What must never be worked against, said once more in the plainest way."""
    presence = signals.presence
    if signals.stopping or signals.paused or presence is None or CARD.id in terms.disabled:
        return True
    if not signals.devices[0].present or signals.devices[0].telemetry is None:
        return True
    if not signals.joined:
        return False
    looked_away = not presence.session or presence.locked is True
    here = not looked_away and (presence.idle_s is None or presence.idle_s < terms.idle_after_s)
    return (
        signals.permission is Permission.NEVER
        or (signals.permission is Permission.AWAY and here)
        or (presence.on_battery is True and not terms.work_on_battery)
        or (presence.metered is True and not terms.work_on_metered)
        or (
            presence.fullscreen is True
            and presence.session
            and presence.locked is not True
            and terms.pause_for_fullscreen
        )
    )


@given(
    st.lists(st.tuples(signals_of_any_kind, st.integers(-10_000, 100_000)), min_size=1, max_size=12), terms_of_any_kind
)
def test_nothing_ever_works_against_a_hard_signal(walk: list[tuple[Signals, int]], terms: Terms) -> None:
    memory, at_ms = Memory(), 0
    for signals, passed_ms in walk:
        at_ms += passed_ms
        memory, judgements = step(memory, signals, terms, at_ms)
        for judgement in judgements.devices.values():
            assert not (judgement.may_work and forbidden(signals, terms))
            if judgement.decision.takes_jobs:
                assert judgement.may_work
                assert signals.devices[0].worker is WorkerStatus.READY
        if judgements.node.takes_jobs:
            assert any(each.decision.takes_jobs for each in judgements.devices.values())
            assert signals.joined


@given(st.lists(signals_of_any_kind, min_size=2, max_size=12), terms_of_any_kind)
def test_every_walk_of_decisions_stays_in_the_transition_table(walk: list[Signals], terms: Terms) -> None:
    looks, state = Looks(terms), NodeState.STARTING
    for signals in walk:
        following = looks.look(signals).node.state
        if state is NodeState.STOPPING:
            return
        assert following is state or following in NODE_TRANSITIONS[state], (state, following)
        state = following


def test_a_calm_enrolled_node_waits_for_requests() -> None:
    assert Looks().look(READY).node.reason is Reason.WAITING_FOR_REQUESTS
    assert Looks().look(replace(READY, serving=True)).node.state is NodeState.EARNING
    assert Looks().look(replace(READY, enrolled=False)).node.state is NodeState.OFFLINE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"presence": HERE}, Reason.OWNER_ACTIVE),
        ({"presence": replace(AWAY, idle_s=None)}, Reason.PRESENCE_UNKNOWN),
        ({"presence": replace(AWAY, fullscreen=True)}, Reason.FULLSCREEN),
        ({"presence": replace(AWAY, on_battery=True)}, Reason.ON_BATTERY),
        ({"presence": replace(NOBODY, on_battery=True)}, Reason.ON_BATTERY),
        ({"presence": replace(AWAY, metered=True)}, Reason.METERED),
        ({"permission": Permission.NEVER}, Reason.SCHEDULE),
        ({"paused": True}, Reason.PAUSED_BY_OWNER),
        ({"stopping": True}, Reason.SHUTTING_DOWN),
        ({"devices": (on(present=False),)}, Reason.DEVICE_SILENT),
    ],
)
def test_what_concerns_the_owner_stops_at_the_first_look(change: dict[str, object], reason: Reason) -> None:
    looks = Looks()
    assert looks.works(READY)
    looks.look(replace(READY, **change), after_ms=1)  # type: ignore[arg-type]  # mypy cannot match names
    assert looks.judgements is not None
    judgement = looks.judgements.devices[CARD.id]
    assert not judgement.may_work
    assert judgement.decision.reason is reason
    assert looks.judgements.node.reason is reason


@pytest.mark.parametrize(
    "change",
    [
        {"presence": NOBODY},
        {"presence": replace(HERE, locked=True, fullscreen=True)},
        {"presence": replace(AWAY, locked=None, fullscreen=None, on_battery=None, metered=None)},
        {"presence": HERE, "permission": Permission.ALWAYS},
        {"presence": replace(AWAY, idle_s=None), "permission": Permission.ALWAYS},
    ],
)
def test_who_is_away_or_allows_it_does_not_stop_the_work(change: dict[str, object]) -> None:
    assert Looks().works(replace(READY, **change))  # type: ignore[arg-type]  # mypy cannot match names


def test_nothing_works_before_the_first_look() -> None:
    judgements = Looks().look(replace(READY, presence=None))
    assert judgements.node.state is NodeState.STARTING
    assert not judgements.devices[CARD.id].may_work
    assert not Looks().works(with_devices(CALM, replace(on(), telemetry=None)))


BUSY = at_rest(CARD, processes=(ProcessUse(77, GIB, 0.43),))
FULL = at_rest(CARD, memory_used_bytes=24 * GIB - 1000)
HOT = at_rest(CARD, temperature_c=91.0)
HUNGRY = at_rest(CARD, power_w=420.0)
SILENT = at_rest(CARD, silence="The driver hangs.")
LASTING = {
    Reason.OTHER_PROGRAM: (BUSY, 3, "Other programs use 43 % of it; you allow 15 %."),
    Reason.MEMORY_WANTED: (FULL, 3, "0 MiB of its memory are free; 512 MiB are left to other programs."),
    Reason.TOO_HOT: (HOT, 5, "It is at 91 °C; your limit is 80 °C."),
    Reason.TOO_MUCH_POWER: (HUNGRY, 5, "It draws 420 W; your limit is 300 W."),
    Reason.DEVICE_SILENT: (SILENT, 3, "The driver hangs."),
}
spikes_with_rests = st.lists(st.tuples(st.integers(0, 1000), st.integers(1001, 5000)), min_size=1, max_size=100)
TERMS = Terms(most_watts=300, usual_limits=Limits(temperature_c=80.0))


@pytest.mark.parametrize("reason", LASTING)
def test_what_lasts_stops_within_its_patience_and_one_look_and_calm_brings_it_back(reason: Reason) -> None:
    reading, patience_s, words = LASTING[reason]
    looks = Looks(TERMS)
    assert looks.works(READY)
    took_ms = looks.until(with_devices(CALM, on(telemetry=reading)), lambda each: not each.may_work)
    assert took_ms <= (patience_s + 1) * SECOND_MS
    assert looks.judgements is not None
    decision = looks.judgements.devices[CARD.id].decision
    assert (decision.reason, decision.detail) == (reason, words)
    cooler = with_devices(CALM, on(telemetry=at_rest(CARD, temperature_c=40.0, power_w=20.0)))
    back_ms = looks.until(cooler, lambda each: each.may_work)
    assert TERMS.calm_ms <= back_ms <= 10 * TERMS.calm_ms + 2 * SECOND_MS


@pytest.mark.parametrize("reason", LASTING)
@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(1001, 5000)), min_size=1, max_size=100), st.integers(100, 1000)
)
def test_spikes_of_a_second_at_random_never_stop_the_work(
    reason: Reason, spikes: list[tuple[int, int]], every_ms: int
) -> None:
    """Ten minutes and more of spikes, each at most a second long, with more than a second of rest between."""
    disturbed, calm = (
        with_devices(CALM, on(telemetry=LASTING[reason][0])),
        with_devices(CALM, on(telemetry=at_rest(CARD, temperature_c=40.0, power_w=20.0))),
    )
    looks, edges, at_ms = Looks(TERMS), [], 0
    for length_ms, rest_ms in spikes:
        edges.append((at_ms, at_ms + length_ms))
        at_ms += length_ms + rest_ms
    for now_ms in range(0, at_ms, every_ms):
        spiked = any(start <= now_ms <= end for start, end in edges)
        assert looks.works(disturbed if spiked else calm, after_ms=every_ms if now_ms else 0)


@given(st.floats(0.106, 0.149))
def test_a_load_between_the_thresholds_changes_nothing_in_either_direction(load: float) -> None:
    between = with_devices(CALM, on(telemetry=at_rest(CARD, processes=(ProcessUse(77, None, load),))))
    looks = Looks()
    assert all(looks.works(between) for _ in range(20))
    looks.until(with_devices(CALM, on(telemetry=BUSY)), lambda each: not each.may_work)
    assert not any(looks.works(between) for _ in range(200))


@given(st.lists(st.booleans(), min_size=10, max_size=120))
def test_work_never_flaps(active: list[bool]) -> None:
    """Whatever other programs do from second to second: between a stop and the next lies at least a calm time."""
    looks, stops, working = Looks(Terms(calm_s=20)), [], True
    for busy in active * 3:
        works = looks.works(with_devices(CALM, on(telemetry=BUSY if busy else at_rest(CARD))))
        if working and not works:
            stops.append(looks.at_ms)
        working = works
    assert all(later - earlier >= 20_000 for earlier, later in pairwise(stops))


def test_a_game_on_one_card_yields_that_card_only() -> None:
    looks = Looks()
    both = with_devices(CALM, on(telemetry=BUSY), on(OTHER_CARD))
    looks.until(both, lambda each: not each.may_work)
    assert looks.judgements is not None
    assert looks.judgements.devices[OTHER_CARD.id].may_work
    assert looks.judgements.node.state is NodeState.READY


def test_our_own_work_on_a_card_is_nobody_elses() -> None:
    own = at_rest(CARD, load=0.99, processes=(ProcessUse(5, 9 * GIB, 0.99),))
    looks = Looks()
    assert all(looks.works(with_devices(CALM, on(telemetry=own, own_pids=frozenset({5})))) for _ in range(30))
    hidden = at_rest(CARD, load=0.99, processes=None)
    assert all(looks.works(with_devices(CALM, on(telemetry=hidden, serving=True))) for _ in range(30))
    assert looks.until(with_devices(CALM, on(telemetry=hidden)), lambda each: not each.may_work) <= 4 * SECOND_MS


def test_other_programs_on_the_processor_do_not_stop_it() -> None:
    crowded = at_rest(CPU, load=1.0, processes=(ProcessUse(77, None, 0.9),))
    looks = Looks()
    assert all(looks.works(with_devices(CALM, on(CPU, crowded)), CPU) for _ in range(60))


def test_memory_must_hold_what_the_work_needs_before_it_comes_back() -> None:
    looks = Looks()
    looks.until(with_devices(CALM, on(telemetry=FULL)), lambda each: not each.may_work)
    tight = on(telemetry=at_rest(CARD, memory_used_bytes=20 * GIB), needed_bytes=8 * GIB)
    assert not any(looks.works(with_devices(CALM, tight)) for _ in range(200))
    roomy = on(telemetry=at_rest(CARD, memory_used_bytes=12 * GIB), needed_bytes=8 * GIB)
    assert looks.until(with_devices(CALM, roomy), lambda each: each.may_work) <= 62 * SECOND_MS


def test_what_became_unknown_does_not_end_a_stop() -> None:
    looks = Looks(TERMS)
    looks.until(with_devices(CALM, on(telemetry=HOT)), lambda each: not each.may_work)
    assert not any(looks.works(with_devices(CALM, on())) for _ in range(200))


def test_long_idle_is_calm_enough_and_a_lock_only_its_beginning() -> None:
    looks = Looks()
    assert not looks.works(replace(READY, presence=HERE))
    assert looks.works(replace(READY, presence=replace(HERE, idle_s=301.0)))
    assert not looks.works(replace(READY, presence=HERE))
    locked = replace(READY, presence=replace(HERE, locked=True))
    assert 60 * SECOND_MS <= looks.until(locked, lambda each: each.may_work) <= 62 * SECOND_MS


def test_an_owner_who_allows_it_is_not_kept_waiting() -> None:
    looks = Looks()
    assert not looks.works(replace(READY, presence=HERE))
    assert looks.works(replace(READY, presence=HERE, permission=Permission.ALWAYS))
    assert not looks.works(replace(READY, presence=replace(AWAY, on_battery=True)))
    looks.terms = Terms(work_on_battery=True)
    assert looks.works(replace(READY, presence=replace(AWAY, on_battery=True)))


def test_before_joining_the_model_is_loaded_and_no_request_taken() -> None:
    judgements = Looks().look(replace(READY, joined=False, presence=HERE))
    assert judgements.devices[CARD.id].may_work
    assert judgements.node.reason is Reason.WAITING_TO_JOIN
    assert not judgements.node.takes_jobs


@pytest.mark.parametrize("worth_it", [True, None])
def test_work_that_does_not_pay_stops_and_one_that_is_unknown_goes_on(*, worth_it: bool | None) -> None:
    assert Looks().works(with_devices(CALM, on(worth_it=worth_it)))
    judgement = Looks().look(with_devices(CALM, on(worth_it=False))).devices[CARD.id]
    assert judgement.decision.reason is Reason.NOT_WORTH_IT


def test_a_faulty_device_is_told_and_the_other_works_on() -> None:
    broken = on(worker=WorkerStatus.FAILED, fault="It broke.")
    judgements = Looks().look(with_devices(CALM, broken, on(OTHER_CARD)))
    assert judgements.devices[CARD.id].decision.state is NodeState.FAULT
    assert judgements.node.state is NodeState.READY
    assert Looks().look(replace(with_devices(CALM, broken), paused=True)).node.detail == "It broke."


def test_a_switched_off_device_counts_only_if_all_are() -> None:
    looks = Looks(Terms(disabled=frozenset({CARD.id})))
    assert looks.look(with_devices(CALM, on(), on(OTHER_CARD))).node.state is NodeState.READY
    assert looks.look(with_devices(CALM, on())).node.reason is Reason.DEVICE_DISABLED


def test_every_state_but_off_can_be_decided() -> None:
    found = set()
    for stopping, paused, worker, serving, enrolled in product(
        (False, True), (False, True), WorkerStatus, (False, True), (False, True)
    ):
        signals = replace(READY, stopping=stopping, paused=paused, serving=serving, enrolled=enrolled)
        found.add(Looks().look(with_devices(signals, on(worker=worker))).node.state)
    assert found == set(NodeState) - {NodeState.OFF}
