from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.node_state import NODE_TRANSITIONS, NodeState, Reason
from desktop.node.policy import Decision, Signals, WorkerStatus, decide

signals = st.builds(
    Signals,
    stopping=st.booleans(),
    paused=st.booleans(),
    worker=st.sampled_from(WorkerStatus),
    serving=st.booleans(),
    enrolled=st.booleans(),
    joined=st.booleans(),
)


def every_signal() -> list[Signals]:
    return [
        Signals(stopping=a, paused=b, worker=worker, serving=c, enrolled=d)
        for a, b, worker, c, d in product((False, True), (False, True), WorkerStatus, (False, True), (False, True))
    ]


def test_a_calm_enrolled_node_waits_for_requests() -> None:
    calm = Signals(stopping=False, paused=False, worker=WorkerStatus.READY, serving=False, enrolled=True)
    assert decide(calm).state is NodeState.READY
    assert decide(calm).reason is Reason.WAITING_FOR_REQUESTS


@given(signals)
def test_jobs_are_taken_only_with_a_ready_worker_and_a_willing_owner(given_signals: Signals) -> None:
    if decide(given_signals).takes_jobs:
        assert given_signals.worker is WorkerStatus.READY
        assert given_signals.joined
        assert not given_signals.paused
        assert not given_signals.stopping


def test_a_node_that_was_never_joined_waits_for_that_and_says_so() -> None:
    waiting = Signals(
        stopping=False, paused=False, worker=WorkerStatus.READY, serving=False, enrolled=False, joined=False
    )
    assert decide(waiting) == Decision(NodeState.PAUSED, Reason.WAITING_TO_JOIN)
    assert decide(replace(waiting, paused=True)).reason is Reason.PAUSED_BY_OWNER


@given(signals)
def test_stopping_outranks_everything(given_signals: Signals) -> None:
    stops = decide(given_signals).state is NodeState.STOPPING
    assert stops == given_signals.stopping


@given(st.lists(signals, min_size=2, max_size=20))
def test_every_walk_of_decisions_stays_in_the_transition_table(walk: list[Signals]) -> None:
    state = NodeState.STARTING
    for step in walk:
        following = decide(step).state
        if state is NodeState.STOPPING:
            return
        assert following is state or following in NODE_TRANSITIONS[state], (state, following)
        state = following


def test_every_state_but_off_can_be_decided() -> None:
    assert {decide(each).state for each in every_signal()} == set(NodeState) - {NodeState.OFF}
