"""Tokens to text while an answer is being written."""

from __future__ import annotations

import codecs

from desktop.worker.text.tokenizer import Tokenizer


class Detokenizer:
    """Turns one answer's tokens into text as soon as whole characters are there.

    A character spread over several tokens comes out with the last of them. Joined together the pieces are exactly the
    decoding of all tokens at once; bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token: int) -> str:
        """The text that `token` completes, often a word, sometimes nothing."""
        return self._decoder.decode(self._tokenizer.bytes_of(token))

    def flush(self) -> str:
        """The answer is over: a character that was never completed becomes U+FFFD."""
        return self._decoder.decode(b"", final=True)
