"""Everything Hearth expects to go wrong, as one tree.

HearthError
├── SettingsError        a setting or argument is not usable
├── RequestError         the buyer's request is not acceptable as it stands
│   ├── ModelNotFound
│   └── ContextOverflow
├── PaymentError         money that was offered cannot be taken
│   ├── PaymentRequired      nothing, or too little, was offered
│   ├── TokenInvalid         not a token, forged, of another unit
│   ├── TokenSpent           a valid token that was already redeemed
│   ├── TokenWorthless       its value does not cover the mint's fee
│   ├── MintNotAccepted      from a mint that is not on our list; never contacted
│   ├── MintUnreachable      the mint did not answer; the token may be tried again
│   ├── MintMisbehaved       the mint's answer breaks the protocol (changed keys, bad proof)
│   ├── FundsShort           our own wallet holds too little
│   ├── PayoutFailed         a Lightning payment did not go through; nothing left the wallet
│   └── KeyUnknown           a session key nobody issued, or one already refunded
├── Busy                 over a limit; carries when to come back
├── Unavailable          not working now, with the reason
├── WorkerError          the sandboxed process
│   ├── WorkerDied
│   ├── FrameError           bytes from the other side that break the frame rules
│   ├── SandboxUnavailable   no mode of the sandbox works here
│   ├── SandboxBroken        the self-test escaped; nothing runs
│   ├── DeviceUnusable       the device cannot be given to a worker, and trying again changes nothing
│   └── ModelCorrupt         a file's digest is not the one in the catalogue
├── LedgerError          records on disk
│   ├── DatabaseNewer        written by a later version of Hearth
│   └── StorageUnusable      unreadable, unwritable or full
├── ProofError           what a node claims about its work
│   ├── ReceiptInvalid       not a receipt we can read
│   └── BenchmarkInvalid     not a benchmark report, or one that does not hold
├── NetworkError         relays, peers
│   ├── EnrolmentFailed
│   ├── AnnouncementInvalid   a relay's event breaks the rules of an announcement; dropped
│   ├── ProviderUnreachable
│   ├── DownloadFailed        a file cannot be had, or is not the one that was meant
│   └── DownloadStopped       the owner stopped it; what arrived is kept
├── UpdateError          a newer version of Hearth
│   ├── UpdateInvalid         what a source says of a version may not be believed
│   └── UpdateFailed          it could not be installed, or was taken back
└── AlreadyRunning       another instance holds this data folder

What is not in this tree is a bug and may show a stack trace to a developer, never to the outside.
"""

from __future__ import annotations


class HearthError(Exception):
    """An expected failure, told in words a person can act on.

    `what` says what happened, `why` the cause where it is known, `now` what to do about it. None of the
    three may hold a secret, a prompt or a path the reader of the message should not see.
    """

    def __init__(self, what: str, *, why: str = "", now: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.now = now

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.now) if part)


class SettingsError(HearthError):
    """A setting or a command-line argument is not usable."""


class RequestError(HearthError):
    """The buyer's request is not acceptable as it stands; `parameter` names the field, if one is to blame."""

    def __init__(self, what: str, *, parameter: str = "", why: str = "", now: str = "") -> None:
        super().__init__(what, why=why, now=now)
        self.parameter = parameter


class ModelNotFound(RequestError):
    """The named model is not offered here."""


class ContextOverflow(RequestError):
    """Prompt and answer together do not fit the model's context."""


class PaymentError(HearthError):
    """Money that was offered cannot be taken."""


class PaymentRequired(PaymentError):
    """Nothing, or too little, was offered. Amounts are millisats."""

    def __init__(self, what: str, *, required_msat: int, offered_msat: int, why: str = "", now: str = "") -> None:
        super().__init__(what, why=why, now=now)
        self.required_msat = required_msat
        self.offered_msat = offered_msat


class TokenInvalid(PaymentError):
    """Not a token we can read, forged, or of another unit."""


class TokenSpent(PaymentError):
    """The token was already redeemed."""


class TokenWorthless(PaymentError):
    """The token's value does not cover the fee its mint charges for taking it."""


class MintNotAccepted(PaymentError):
    """The token's mint is not on our list; the mint was not contacted."""


class MintUnreachable(PaymentError):
    """The mint did not answer in time; the same token may be tried again."""


class MintMisbehaved(PaymentError):
    """The mint's answer breaks the protocol: changed keys, a wrong keyset id, a bad proof of its signature."""


class FundsShort(PaymentError):
    """Our own wallet holds less than asked for, at that mint."""


class PayoutFailed(PaymentError):
    """A Lightning payment did not go through; the money is in the wallet again."""


class KeyUnknown(PaymentError):
    """A session key that was never issued here, or whose balance was refunded and the key closed."""


class Busy(HearthError):
    """Over a limit. `retry_after_s` is when it makes sense to come back, in whole seconds."""

    def __init__(self, what: str, *, retry_after_s: int, why: str = "", now: str = "") -> None:
        super().__init__(what, why=why, now=now)
        self.retry_after_s = retry_after_s


class Unavailable(HearthError):
    """Not working now: paused, starting, stopping or without a worker."""


class WorkerError(HearthError):
    """Something about the sandboxed process."""


class WorkerDied(WorkerError):
    """The worker ended, or was ended by its watchdog, before its work was done."""


class FrameError(WorkerError):
    """Bytes from the other side of the pipe that break the frame rules."""


class SandboxUnavailable(WorkerError):
    """No mode of the sandbox that is good enough works on this computer."""


class SandboxBroken(WorkerError):
    """The sandbox's self-test found a way out; nothing may run in it."""


class DeviceUnusable(WorkerError):
    """The device cannot be given to a worker, and trying again changes nothing by itself."""


class ModelCorrupt(WorkerError):
    """A model file's digest is not the one the catalogue pins."""


class LedgerError(HearthError):
    """Something about the records on disk."""


class DatabaseNewer(LedgerError):
    """The database was written by a later version of Hearth."""


class StorageUnusable(LedgerError):
    """A data folder or database that cannot be read or written, or a full disk."""


class ProofError(HearthError):
    """Something about what a node claims about its work."""


class ReceiptInvalid(ProofError):
    """Not a receipt, or one that breaks the form of receipts."""


class BenchmarkInvalid(ProofError):
    """Not a benchmark report, or one whose signature or products do not hold."""


class NetworkError(HearthError):
    """Something about relays or peers."""


class EnrolmentFailed(NetworkError):
    """Too few relays took the announcement."""


class AnnouncementInvalid(NetworkError):
    """An event from a relay breaks the rules of an announcement, and was dropped."""


class ProviderUnreachable(NetworkError):
    """A provider that was found could not be reached, or stopped answering."""


class DownloadFailed(NetworkError):
    """A file cannot be had, or is not the one that was meant."""


class DownloadStopped(NetworkError):
    """A download was stopped on purpose; what arrived is kept."""


class UpdateError(HearthError):
    """Something about a newer version of Hearth."""


class UpdateInvalid(UpdateError):
    """What a source says of a version is not signed by the publisher, out of date, or no such statement at all."""


class UpdateFailed(UpdateError):
    """A version could not be installed, or did not come up healthy; the one before is in use."""


class AlreadyRunning(HearthError):
    """Another instance of Hearth holds this data folder."""
