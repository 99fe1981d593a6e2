"""The key that signs what we say on relays."""

from __future__ import annotations

from collections.abc import Sequence

from nostr_sdk import Event, EventBuilder, Keys, Kind, NostrSdkError, SecretKey, Tag, Timestamp


class NostrIdentity:
    """Signs Nostr events (NIP-01) with a key of 32 secret bytes. Raises ValueError if they are no key.

    `public_key` is 64 hex digits, as in events; `npub` is the same key as people write it (NIP-19).
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # Plain strings: the library's objects complain when they outlive the interpreter's end.
        public_key = self._keys().public_key()
        self.public_key = public_key.to_hex()
        self.npub = public_key.to_bech32()

    def sign(self, kind: int, content: str, tags: Sequence[Sequence[str]], created_at_s: int) -> Event:
        """A signed event, dated in whole seconds UTC."""
        builder = EventBuilder(Kind(kind), content)
        builder = builder.tags([Tag.parse(list(tag)) for tag in tags])
        return builder.custom_created_at(Timestamp.from_secs(created_at_s)).finalize(self._keys())

    def _keys(self) -> Keys:
        try:
            return Keys(SecretKey.from_bytes(self._secret))
        except NostrSdkError:
            raise ValueError("these bytes are no key") from None
