"""A model's tokenizer: text to tokens with control tokens under guard, tokens back to bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tokenizers

from desktop.domain.errors import ModelCorrupt


class Tokenizer:
    """tokenizer.json of a model folder.

    Control tokens (those the file calls special, such as a turn's end) are made from text only where the caller says
    so: what a buyer writes is text to the last character, even if it spells a control token.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "tokenizer.json"
        try:
            content = path.read_text(encoding="utf-8")
            self._tokenizer = tokenizers.Tokenizer.from_str(content)
            self._decoder: object = json.loads(content).get("decoder")
        except Exception as error:  # the library raises nothing narrower for a bad file
            raise ModelCorrupt(f"The file {path.name} is not usable.", why="It is no tokenizer.") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        added = self._tokenizer.get_added_tokens_decoder()
        self._specials = {token.content: index for index, token in added.items() if token.special}
        self._literals = {index: token.content for index, token in added.items() if not token.special}
        self._pattern = re.compile("|".join(re.escape(name) for name in sorted(self._specials, key=len, reverse=True)))

    @property
    def size(self) -> int:
        """One more than the largest token id."""
        return max(self._tokenizer.get_vocab().values()) + 1

    @property
    def specials(self) -> dict[str, int]:
        """Control tokens by their spelling."""
        return dict(self._specials)

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text, framed by the control tokens (such as a beginning mark) this model always wants."""
        return list(self._tokenizer.encode(text, add_special_tokens=True).ids)

    def encode_batch(self, texts: tuple[str, ...]) -> list[list[int]]:
        """`encode` for many texts."""
        return [list(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=True)]

    def encode_controlled(self, text: str, guard: str = "") -> list[int]:
        """Tokens of `text` in which spelled control tokens do become control tokens.

        `guard` is a string that a buyer's text was broken up with by `shield`, and that is taken out again.
        """
        tokens: list[int] = []
        end = 0
        for match in self._pattern.finditer(text) if self._specials else ():
            tokens += self._plain(text[end : match.start()], guard)
            tokens.append(self._specials[match.group()])
            end = match.end()
        return tokens + self._plain(text[end:], guard)

    def shield(self, text: str, guard: str) -> str:
        """`text` with `guard` put inside every spelled control token, so that `encode_controlled` sees none."""
        if not self._specials:
            return text
        return self._pattern.sub(lambda match: match.group()[:1] + guard + match.group()[1:], text)

    def bytes_of(self, token: int) -> bytes:
        """What a token adds to an answer: UTF-8 that may be cut anywhere; nothing for a control token.

        Byte-level vocabularies only (SmolLM2, Llama 3, Qwen); `require_bytes` says so at load.
        """
        literal = self._literals.get(token)
        if literal is not None:
            return literal.encode()
        piece = self._tokenizer.id_to_token(token)
        if piece is None or piece in self._specials:
            return b""
        return bytes(_BYTE_OF[character] for character in piece)

    def require_bytes(self) -> None:
        """ModelCorrupt unless `bytes_of` works for this vocabulary."""
        if not isinstance(self._decoder, dict) or self._decoder.get("type") != "ByteLevel":
            raise ModelCorrupt("The file tokenizer.json is not usable.", why="Its vocabulary is not byte-level.")

    def _plain(self, text: str, guard: str) -> list[int]:
        text = text.replace(guard, "") if guard else text
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids) if text else []


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's spelling of bytes: printable ones stand for themselves, the others for characters from 256 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()
