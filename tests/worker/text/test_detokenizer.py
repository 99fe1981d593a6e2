from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.worker.text.detokenizer import Detokenizer
from desktop.worker.text.tokenizer import Tokenizer

# This vocabulary leaves out what no text holds: some control characters and the unassigned planes 4 to 16.
KNOWN = st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs", "Cc"], include_characters="\n\r\t")


def pieces(tokens: list[int], tokenizer: Tokenizer) -> list[str]:
    detokenizer = Detokenizer(tokenizer)
    return [*map(detokenizer.push, tokens), detokenizer.flush()]


@given(text=st.text(KNOWN, max_size=40))
def test_pieces_of_a_text_join_to_it_and_no_character_is_broken(text: str, tokenizer: Tokenizer) -> None:
    text = text.replace("\ufffd", "")
    out = pieces(tokenizer.encode(text), tokenizer)
    assert "".join(out) == text
    assert "\ufffd" not in "".join(out)


@given(tokens=st.lists(st.integers(0, 49_151), max_size=40))
def test_any_tokens_join_to_their_decoding_at_once(tokens: list[int], tokenizer: Tokenizer) -> None:
    whole = b"".join(map(tokenizer.bytes_of, tokens)).decode("utf-8", "replace")
    assert "".join(pieces(tokens, tokenizer)) == whole


def test_an_emoji_of_several_tokens_comes_out_whole_with_the_last(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("🦔")
    assert len(tokens) > 1
    assert pieces(tokens, tokenizer) == [*[""] * (len(tokens) - 1), "🦔", ""]


def test_a_character_cut_off_by_the_end_is_marked(tokenizer: Tokenizer) -> None:
    assert pieces(tokenizer.encode("🦔")[:-1], tokenizer)[-1] == "\ufffd"
