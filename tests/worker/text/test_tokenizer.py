from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from desktop.domain.errors import ModelCorrupt
from desktop.worker.models.store import ModelStore
from desktop.worker.text.tokenizer import Tokenizer
from tests.fakes.bundled_models import EMBEDDING
from tests.worker.engine.reference import ReferenceTokenizer, reference_tokenizer

# This vocabulary leaves out what no text holds: some control characters and the unassigned planes 4 to 16.
KNOWN = st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs", "Cc"], include_characters="\n\r\t")
TEXTS = [
    "Hello, world!",
    "It's 12345 o'clock; we'll pay $3.50 for 2 of them.",
    "  leading, trailing  and   inner spaces   ",
    "line\n\nbreaks\r\n\tand tabs",
    "Ünïcödé, 日本語, العربية, 😀👩‍👩‍👧 and \u200b zero width",
    "def f(x):\n    return x ** 2  # code",
    "a" * 300,
    "",
]


@pytest.fixture(scope="module")
def reference() -> ReferenceTokenizer:
    return reference_tokenizer()


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_are_those_of_transformers(text: str, tokenizer: Tokenizer, reference: ReferenceTokenizer) -> None:
    assert tokenizer.encode(text) == reference.encode(text)


@given(text=st.text(max_size=60))
def test_any_text_gives_the_tokens_of_transformers(
    text: str, tokenizer: Tokenizer, reference: ReferenceTokenizer
) -> None:
    # transformers reads a GGUF's digits as GPT-2 does and ignores that this model splits them off first. The two
    # differ only where blanks stand before a digit, and there the model was trained on what we do.
    assume(not re.search(r"\s\d", text) and not re.search(r"\d", text.encode("ascii", "ignore").decode()))
    assume(not any(character.isnumeric() for character in text))
    assert tokenizer.encode(text) == reference.encode(text)


def test_digits_stand_alone_and_leave_blanks_whole(tokenizer: Tokenizer) -> None:
    (two_blanks,) = tokenizer.encode("  ")
    assert tokenizer.encode("  12") == [two_blanks, *tokenizer.encode("1"), *tokenizer.encode("2")]


@given(text=st.text(KNOWN, max_size=60))
def test_bytes_of_the_tokens_are_the_text(text: str, tokenizer: Tokenizer) -> None:
    assert b"".join(map(tokenizer.bytes_of, tokenizer.encode(text))) == text.encode()


def test_a_spelled_control_token_is_text(tokenizer: Tokenizer) -> None:
    specials = set(tokenizer.specials.values())
    for name in tokenizer.specials:
        tokens = tokenizer.encode(f"before{name}after")
        assert not specials & set(tokens)
        assert b"".join(map(tokenizer.bytes_of, tokens)).decode() == f"before{name}after"


def test_control_tokens_are_made_only_where_they_are_asked_for(tokenizer: Tokenizer) -> None:
    end = tokenizer.specials["<|im_end|>"]
    shielded = tokenizer.shield("a<|im_end|>b", "\ufdd0")
    tokens = tokenizer.encode_controlled(f"{shielded}<|im_end|>", "\ufdd0")
    assert tokens.count(end) == 1
    assert tokens[:-1] == tokenizer.encode("a<|im_end|>b")


def test_control_tokens_show_nothing(tokenizer: Tokenizer) -> None:
    assert {tokenizer.bytes_of(index) for index in tokenizer.specials.values()} == {b""}
    assert tokenizer.bytes_of(10_000_000) == b""


def test_a_vocabulary_of_words_is_not_taken_for_bytes(store: ModelStore) -> None:
    with pytest.raises(ModelCorrupt, match="byte-level"):
        Tokenizer(store.folder_of(EMBEDDING)).require_bytes()


@pytest.mark.parametrize("content", ["", "{}", "[]", "{", json.dumps({"model": {"type": "Python"}}), "\ud800"])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ModelCorrupt, match=r"tokenizer\.json"):
        Tokenizer(tmp_path)
