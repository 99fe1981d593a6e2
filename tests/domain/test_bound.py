from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.bound import chat_bound, text_bound, texts_bound
from desktop.domain.inference import Message


@given(st.lists(st.text(max_size=50), max_size=5))
def test_the_bounds_grow_with_every_byte(texts: list[str]) -> None:
    size = sum(len(text.encode()) for text in texts)
    assert chat_bound([Message("user", text) for text in texts]) == size + 16 * len(texts) + 64
    assert text_bound("".join(texts)) == size + 64
    assert texts_bound(texts) == size + 16 * len(texts)
