"""A receipt: what was delivered for what price, in a form that can be signed and checked by anyone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """The facts of one finished job; neither prompt, answer nor buyer.

    `model_digest` is the catalogue's (hex sha256). `commitment` is the digest of the activation commitment, empty
    where the engine gave none. Times are UTC milliseconds, money is millisats.
    """

    job_id: str
    node: str
    model_id: str
    model_digest: str
    prompt_tokens: int
    completion_tokens: int
    charged_msat: int
    accepted_at_ms: int
    finished_at_ms: int
    outcome: str
    commitment: str = ""

    def canonical(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys and no spaces, UTF-8."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt with its BIP-340 signature (hex) by the node's key (`receipt.node`, hex x-only public key)."""

    receipt: Receipt
    signature: str
