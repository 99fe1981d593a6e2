import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import FrameError, WorkerDied, WorkerError
from desktop.domain.inference import Delta, EmbeddingBatch, Finish, FinishReason, Generation, Sampling
from desktop.domain.pricing import Usage
from desktop.worker.inbox import AnswerInbox, VectorInbox
from desktop.worker.messages import Done, Piece, Vectors


def inbox(max_tokens: int | None = 10) -> AnswerInbox:
    return AnswerInbox(Generation("j", "m", Sampling(max_tokens=max_tokens), text="x"))


def done(tokens: int) -> Done:
    return Done("j", FinishReason.STOP, 3, tokens)


@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 3)), max_size=30), st.integers(0, 2**30))
def test_whatever_the_pace_nothing_is_lost_doubled_or_reordered(pieces: list[tuple[str, int]], pauses: int) -> None:
    async def scenario() -> None:
        answers = inbox(None)
        received: list[Delta | Finish] = []

        async def read() -> None:
            async for event in answers.events():
                received.append(event)
                await asyncio.sleep(0)

        reading = asyncio.create_task(read())
        for number, (text, tokens) in enumerate(pieces):
            answers.put(Piece("j", text, tokens))
            if pauses >> number & 1:
                await asyncio.sleep(0)
        total = sum(tokens for _, tokens in pieces)
        answers.finish(done(total))
        await reading
        *deltas, end = received
        assert end == Finish(FinishReason.STOP, Usage(3, total))
        texts, counts = zip(*((d.text, d.tokens) for d in deltas if isinstance(d, Delta)), strict=True) or ((), ())
        assert "".join(texts) == "".join(text for text, _ in pieces)
        assert sum(counts) == total

    if pieces:
        asyncio.run(scenario())


def test_more_tokens_or_more_text_than_asked_for_is_refused() -> None:
    with pytest.raises(FrameError, match="more tokens"):
        inbox(2).put(Piece("j", "x", 3))
    with pytest.raises(FrameError, match="more text"):
        inbox(2).put(Piece("j", "x" * 3000, 1))


@pytest.mark.parametrize("claimed", [1, 11])
def test_a_count_that_cannot_be_true_is_refused(claimed: int) -> None:
    answers = inbox(10)
    answers.put(Piece("j", "ab", 2))
    with pytest.raises(FrameError, match="count of tokens"):
        answers.finish(done(claimed))


async def test_text_that_came_before_an_error_is_read_before_it() -> None:
    answers = inbox()
    answers.put(Piece("j", "ab", 1))
    answers.fail(WorkerDied("gone"))
    events = answers.events()
    assert await anext(events) == Delta("ab", 1)
    with pytest.raises(WorkerDied):
        await anext(events)


def test_after_abandoning_nothing_is_kept_but_the_counts() -> None:
    answers = inbox(10)
    answers.put(Piece("j", "ab", 1))
    answers.abandon()
    answers.put(Piece("j", "cd", 1))
    assert answers._text == []
    with pytest.raises(FrameError):
        answers.put(Piece("j", "x", 9))


async def test_vectors_are_checked_as_they_were_announced() -> None:
    vectors = VectorInbox(EmbeddingBatch("j", "m", ("a", "b")))
    with pytest.raises(FrameError, match="another number"):
        vectors.announce(Vectors("j", 3, 2, 1))
    vectors.announce(Vectors("j", 2, 1, 1))
    one = b"\x00\x00\x80\x3f"
    assert not vectors.put(one)
    with pytest.raises(FrameError, match="other vectors"):
        vectors.put(b"")
    with pytest.raises(FrameError, match="other vectors"):
        vectors.put(one * 2)


async def test_a_batch_that_is_cancelled_ends_in_words() -> None:
    vectors = VectorInbox(EmbeddingBatch("j", "m", ("a",)))
    with pytest.raises(FrameError, match="without vectors"):
        vectors.finish(done(0))
    vectors.finish(Done("j", FinishReason.CANCELLED, 1, 0))
    with pytest.raises(WorkerError, match="cancelled"):
        await vectors.result
