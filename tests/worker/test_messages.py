import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import (
    ContextOverflow,
    FrameError,
    HearthError,
    ModelCorrupt,
    ModelNotFound,
    RequestError,
    WorkerError,
)
from desktop.domain.inference import Generation, Message, Sampling
from desktop.worker.frames import HEADER_BYTES, MAX_PAYLOAD_BYTES
from desktop.worker.messages import (
    Cancel,
    Done,
    Failed,
    FromWorker,
    Generate,
    Piece,
    Refused,
    decode_from_node,
    decode_from_worker,
    encode,
)

unit = st.floats(0, 1)
samplings = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 1 << 20),
    temperature=st.floats(0, 100),
    top_p=unit,
    min_p=unit,
    top_k=st.integers(0, 1 << 20),
    seed=st.integers(0, (1 << 63) - 1),
    stop=st.lists(st.text(min_size=1, max_size=5), max_size=4).map(tuple),
)
turns = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant"]), st.text()), min_size=1, max_size=4
).map(tuple)
generations = st.builds(Generation, st.just("job-1"), st.just("m"), samplings, turns, st.none()) | st.builds(
    Generation, st.just("job-1"), st.just("m"), samplings, st.just(()), st.text()
)


@given(generations)
def test_a_request_arrives_as_it_was_sent(generation: Generation) -> None:
    word = decode_from_node(encode(Generate.of(generation))[HEADER_BYTES:])
    assert isinstance(word, Generate)
    assert word.generation() == generation


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_nonsense_is_a_frame_error_on_both_sides(payload: bytes) -> None:
    for decode in (decode_from_node, decode_from_worker):
        with pytest.raises(FrameError):
            decode(payload)


GOOD = {"word": "piece", "job_id": "job", "text": "x", "tokens": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"word": "boast"},
        {"tokens": -1},
        {"tokens": 1.5},
        {"tokens": "1"},
        {"tokens": None},
        {"tokens": 10**30},
        {"text": 1},
        {"job_id": ""},
        {"job_id": "../job"},
        {"job_id": "x" * 129},
        {"job_id": "job\n"},
        {"more": 1},
    ],
    ids=str,
)
def test_each_rule_of_a_word_holds(change: dict[str, object]) -> None:
    assert decode_from_worker(json.dumps(GOOD).encode()) == Piece("job", "x", 1)
    with pytest.raises(FrameError):
        decode_from_worker(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_are_none_have_no_form(number: bytes) -> None:
    payload = encode(Generate.of(Generation("j", "m", Sampling(temperature=0.5), text="x")))[HEADER_BYTES:]
    assert decode_from_node(payload)
    with pytest.raises(FrameError):
        decode_from_node(payload.replace(b"0.5", number))


@pytest.mark.parametrize("open_", [b"[", b'{"word":', b'{"word":"pulse","stats":'])
def test_deep_nesting_is_refused(open_: bytes) -> None:
    with pytest.raises(FrameError):
        decode_from_worker(open_ * (MAX_PAYLOAD_BYTES // len(open_)))


def test_a_request_is_a_chat_or_a_text_and_never_both() -> None:
    sampling, turn = Sampling(), (Message("user", "x"),)
    for both_or_none in (Generation("j", "m", sampling), Generation("j", "m", sampling, turn, "x")):
        with pytest.raises(ValueError, match="either"):
            Generate.of(both_or_none)


def test_words_of_one_side_mean_nothing_to_the_other() -> None:
    with pytest.raises(FrameError):
        decode_from_worker(encode(Cancel("job"))[HEADER_BYTES:])
    with pytest.raises(FrameError):
        decode_from_node(encode(Piece("job", "x", 1))[HEADER_BYTES:])


def test_what_was_in_a_bad_frame_is_not_quoted() -> None:
    with pytest.raises(FrameError) as caught:
        decode_from_worker(json.dumps(GOOD | {"secret prompt": 1}).encode())
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"


@pytest.mark.parametrize(
    "error",
    [
        ContextOverflow("w", parameter="messages", why="y", now="n"),
        ModelNotFound("w", parameter="model"),
        RequestError("w", parameter="stop"),
        WorkerError("w", why="y" * 10_000),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_comes_back_as_the_error_it_was(error: HearthError) -> None:
    word = _heard(Refused.of("job", error))
    assert isinstance(word, Refused)
    again = word.error()
    assert type(again) is type(error)
    assert (again.what, again.why, again.now) == (error.what, error.why[:2000], error.now)
    if isinstance(error, RequestError) and isinstance(again, RequestError):
        assert again.parameter == error.parameter


@pytest.mark.parametrize("error", [ModelCorrupt("w", why="y"), WorkerError("w")], ids=lambda e: type(e).__name__)
def test_a_failure_comes_back_as_the_error_it_was(error: HearthError) -> None:
    word = _heard(Failed.of(error))
    assert isinstance(word, Failed)
    assert type(word.error()) is type(error)


def test_an_end_keeps_its_reason() -> None:
    for reason in ("stop", "length", "cancelled"):
        payload = {"word": "done", "job_id": "j", "reason": reason, "prompt_tokens": 1, "completion_tokens": 2}
        word = decode_from_worker(json.dumps(payload).encode())
        assert isinstance(word, Done)
        assert word.reason.value == reason


def _heard(word: FromWorker) -> FromWorker:
    return decode_from_worker(encode(word)[HEADER_BYTES:])
