"""A publisher with a key of its own, who signs whatever a test wants."""

from __future__ import annotations

import json

from iroh import SecretKey

from desktop.updates.publishers import Publisher, Publishers
from desktop.updates.statement import envelope_of, message

NOW_S = 1_790_000_000
DAY_S = 24 * 3600


class FakePublisher:
    """Signs with a key of its own; its events on relays are by the author `nostr`."""

    def __init__(self, nostr: str = "ab" * 32) -> None:
        # Plain bytes: the library's objects complain when they outlive the interpreter's end.
        secret = SecretKey.generate()
        self._secret = secret.to_bytes()
        self.key = secret.public().to_bytes().hex()
        self.publishers = Publishers((Publisher("a test", self.key, nostr),))

    def sign(self, said: str) -> bytes:
        """An envelope over any text."""
        return envelope_of(said, {self.key: SecretKey.from_bytes(self._secret).sign(message(said)).to_bytes()})

    def latest(self, version: object = "2.0.0", **changes: object) -> bytes:
        """`latest.json` for that version."""
        return self.sign(json.dumps(said(version, **changes)))


def said(version: object = "2.0.0", **changes: object) -> dict[str, object]:
    """A statement in the form it is signed, with some fields changed; None leaves a field out."""
    whole: dict[str, object] = {
        "format": 1,
        "version": version,
        "issued_s": NOW_S - DAY_S,
        "expires_s": NOW_S + 30 * DAY_S,
        "rollout": {"start_s": 0, "first_percent": 100, "complete_s": 0},
        "artefacts": [artefact(version)],
        "notes": "Faster.",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def artefact(version: object = "2.0.0", **changes: object) -> dict[str, object]:
    """The .run of a version."""
    whole: dict[str, object] = {
        "kind": "run",
        "machine": "x86_64",
        "name": f"hearth-{version}-x86_64.run",
        "bytes": 1000,
        "sha256": "ab" * 32,
        "urls": ["https://example.org/hearth.run"],
    }
    return whole | changes
