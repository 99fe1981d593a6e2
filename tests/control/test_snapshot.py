import msgspec
from hypothesis import given
from hypothesis import strategies as st

from desktop.control.answers import change_line, decode_line
from desktop.control.snapshot import Snapshot, Today, changed_parts, difference, merge
from desktop.domain.node_state import NodeState, Reason
from tests.fakes.steward import a_snapshot, job_line

snapshots = st.builds(
    lambda state, reason, today, jobs: msgspec.structs.replace(
        a_snapshot(state, reason), today=today, recent=tuple(job_line(place) for place in jobs)
    ),
    st.sampled_from(NodeState),
    st.sampled_from(Reason),
    st.none()
    | st.builds(
        Today,
        earned_msat=st.integers(0, 2**60),
        usual_msat=st.none(),
        completed=st.just(1),
        failed=st.just(0),
        cancelled=st.just(0),
    ),
    st.lists(st.integers(0, 9000), max_size=3),
)


@given(snapshots, snapshots)
def test_a_change_turns_the_old_picture_into_the_new_one(old: Snapshot, new: Snapshot) -> None:
    change = difference(old, new)
    if change is None:
        assert old == new
        return
    told = decode_line(change_line(change)).change
    assert told is not None
    assert merge(old, told) == new
    assert changed_parts(told) == {
        name for name in Snapshot.__struct_fields__ if getattr(old, name) != getattr(new, name)
    }
