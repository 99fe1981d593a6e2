"""What the publisher says of a version, and how it is known to be the publisher's.

`latest.json` is an envelope: the statement as a string, and Ed25519 signatures over exactly those bytes, with a prefix
that keeps them from meaning anything else. The same envelope travels in a Nostr event, so where it came from never
matters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from iroh import EndpointId, IrohError, Signature
from msgspec import Meta, Struct
from packaging.version import InvalidVersion, Version

from desktop.domain.errors import UpdateInvalid

MAX_BYTES: Final = 16 * 1024
PREFIX: Final = b"hearth-release/1\n"
KINDS: Final = ("deb", "rpm", "run", "windows")
_MAX_SIGNATURES: Final = 8
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}\Z"

Kind = Literal["deb", "rpm", "run", "windows"]
_Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Time = Annotated[int, Meta(ge=0, lt=2**40)]
_Url = Annotated[str, Meta(min_length=8, max_length=500, pattern=r"^https?://[\x21-\x7e]+\Z")]


class _Signature(Struct, frozen=True, forbid_unknown_fields=True):
    key: _Key
    signature: Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    statement: Annotated[str, Meta(max_length=MAX_BYTES)]
    signatures: Annotated[tuple[_Signature, ...], Meta(min_length=1, max_length=_MAX_SIGNATURES)]


class Artefact(Struct, frozen=True, kw_only=True):
    """One installer: for which `kind` of installation and machine, where it lies, and how it is known to be whole."""

    kind: Kind
    machine: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,20}\Z")]
    name: Annotated[str, Meta(pattern=_NAME)]
    bytes: Annotated[int, Meta(gt=0, le=4 << 30)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    urls: Annotated[tuple[_Url, ...], Meta(min_length=1, max_length=8)]


class Rollout(Struct, frozen=True, kw_only=True):
    """Who is served when: nobody before `start_s`, then `first_percent` of all computers, all from `complete_s` on."""

    start_s: _Time
    first_percent: Annotated[int, Meta(ge=0, le=100)]
    complete_s: _Time


class Statement(Struct, frozen=True, kw_only=True):
    """What the publisher signed. Times are UTC seconds; `issued_s` also numbers statements: a later one replaces.

    Fields this version does not know are passed over: otherwise no later version could add one without shutting
    everybody before it out of updates.
    """

    format: Literal[1]
    version: Annotated[str, Meta(max_length=40)]
    issued_s: _Time
    expires_s: _Time
    rollout: Rollout
    artefacts: Annotated[tuple[Artefact, ...], Meta(min_length=1, max_length=16)]
    notes: Annotated[str, Meta(max_length=2000)] = ""

    def artefact(self, kind: str, machine: str) -> Artefact | None:
        """The installer for that kind of installation, if there is one."""
        return next((each for each in self.artefacts if (each.kind, each.machine) == (kind, machine)), None)


_envelopes = msgspec.json.Decoder(_Envelope)
_statements = msgspec.json.Decoder(Statement)


def open_statement(raw: bytes, keys: Mapping[str, str]) -> Statement:
    """The statement in an envelope that one of `keys` (hex, by whose they are) signed. Raises UpdateInvalid.

    Nothing but the envelope's outer form is looked at before the signature holds.
    """
    if len(raw) > MAX_BYTES:
        raise UpdateInvalid("It is too large to be a statement about a version.")
    try:
        envelope = _envelopes.decode(raw)
        said = envelope.statement.encode()
    except (ValueError, RecursionError):
        raise UpdateInvalid("It is no signed statement about a version.") from None
    if not any(each.key in keys and _holds(each, said) for each in envelope.signatures):
        raise UpdateInvalid(
            "Its signature is not the publisher's.", now="Somebody put something else there: use another source."
        )
    try:
        statement = _statements.decode(said)
        version = Version(statement.version)
    except (ValueError, RecursionError, InvalidVersion):
        raise UpdateInvalid(
            "The publisher signed something this version cannot read.", now="Install the newest version by hand."
        ) from None
    rollout = statement.rollout
    canonical = str(version) == statement.version and version.local is None and not re.search(r"dev", str(version))
    if not canonical or statement.expires_s <= statement.issued_s or rollout.complete_s < rollout.start_s:
        raise UpdateInvalid("The publisher signed a statement that contradicts itself.")
    return statement


def message(statement: str) -> bytes:
    """The bytes that are signed for a statement."""
    return PREFIX + statement.encode()


def envelope_of(statement: str, signatures: Mapping[str, bytes]) -> bytes:
    """`latest.json`: a statement with signatures by public key (hex)."""
    signed = tuple(_Signature(key, signature.hex()) for key, signature in signatures.items())
    return msgspec.json.encode(_Envelope(statement, signed))


def _holds(signature: _Signature, said: bytes) -> bool:
    try:
        EndpointId.from_string(signature.key).verify(
            PREFIX + said, Signature.from_bytes(bytes.fromhex(signature.signature))
        )
    except (IrohError, ValueError):
        return False
    return True
