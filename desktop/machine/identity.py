"""One recovery phrase, and everything that comes out of it.

| what | how | standard |
|---|---|---|
| Nostr key: announcements, receipts | `m/44'/1237'/0'/0/0` | NIP-06 |
| iroh key: transport | first 32 bytes of HMAC-SHA512(key = BIP-39 seed, message = `hearth/iroh/1`) | ours |
| Cashu seed: deterministic secrets | the 64-byte BIP-39 seed itself, so that any Cashu wallet restores it | NUT-13 |

Not covered: a BIP-39 passphrase, and word lists other than English.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from typing import Final

from coincurve import PrivateKey
from mnemonic import Mnemonic

from desktop.domain.derivation import HARDENED, ExtendedKey
from desktop.domain.errors import SettingsError

PHRASE_WORDS: Final = 12
_ENTROPY_BITS: Final = 128
_PHRASE_LENGTHS: Final = (12, 15, 18, 21, 24)
_NOSTR_PATH: Final = (44 + HARDENED, 1237 + HARDENED, HARDENED, 0, 0)
_IROH_LABEL: Final = b"hearth/iroh/1"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The secrets of one node or one buyer. Shows none of them when printed."""

    nostr_secret: bytes
    iroh_secret: bytes
    wallet_seed: bytes

    @classmethod
    def from_phrase(cls, phrase: str) -> Identity:
        """The identity behind a recovery phrase of 12 words (15 to 24 are taken too, for phrases made elsewhere).

        Case and spacing do not matter. The same phrase gives the same identity on every computer.

        Raises:
            SettingsError: not a recovery phrase; says which words are wrong by position, and never repeats them.
        """
        words = _words(phrase)
        _require_valid(words)
        seed = Mnemonic.to_seed(" ".join(words))
        return cls(
            nostr_secret=ExtendedKey.from_seed(seed).derive(_NOSTR_PATH, _public_key).secret,
            iroh_secret=hmac.digest(seed, _IROH_LABEL, hashlib.sha512)[:32],
            wallet_seed=seed,
        )

    @property
    def public_key(self) -> str:
        """The name others know us by: the x-only Nostr public key, in hex."""
        # The x-only key is the compressed one without its first byte, which only tells the sign.
        return _public_key(self.nostr_secret)[1:].hex()

    def __repr__(self) -> str:
        return "Identity(…)"


def create_phrase() -> str:
    """A new recovery phrase: 12 English words with 128 bits of the operating system's randomness (BIP-39)."""
    return Mnemonic("english").generate(_ENTROPY_BITS)


def _public_key(secret: bytes) -> bytes:
    return bytes(PrivateKey(secret).public_key.format())


def _words(text: str) -> list[str]:
    return unicodedata.normalize("NFKD", text).lower().split()


def _require_valid(words: list[str]) -> None:
    again = "Look at the paper it was written on and type it again."
    if len(words) not in _PHRASE_LENGTHS:
        raise SettingsError(f"A recovery phrase has {PHRASE_WORDS} words; this has {len(words)}.", now=again)
    language = Mnemonic("english")
    known = frozenset(language.wordlist)
    wrong = [str(position) for position, word in enumerate(words, 1) if word not in known]
    if wrong:
        noun = "Word" if len(wrong) == 1 else "Words"
        raise SettingsError(
            f"{noun} {', '.join(wrong)} of the recovery phrase cannot be right.",
            why="Recovery phrases are made from a list of 2048 English words.",
            now=again,
        )
    if not language.check(" ".join(words)):
        raise SettingsError(
            "These words do not make a recovery phrase together.",
            why="Each is a possible word, but one is wrong or two have changed places.",
            now=again,
        )
