"""What the door needs of the node behind it. The server knows nothing else of the node."""

from __future__ import annotations

from typing import Protocol

from desktop.control.answers import (
    BreakOutAnswer,
    DoctorAnswer,
    EarningsAnswer,
    ExportAnswer,
    JobAnswer,
    JobsAnswer,
    OutlookAnswer,
    SettingsAnswer,
    TextAnswer,
    UptimeAnswer,
    WhyAnswer,
)
from desktop.control.messages import (
    Benchmark,
    Discard,
    ExportJobs,
    Fetch,
    Pause,
    ReadEarnings,
    ReadJobs,
    ReadUptime,
    Update,
    WriteSetting,
)
from desktop.control.shelf import ShelfAnswer
from desktop.control.snapshot import Snapshot


class Steward(Protocol):
    """A running node as its owner sees it. Every method raises errors of `desktop.domain.errors` and no others.

    `words` names what this node can do; the door refuses every other word. A method whose word is not named is never
    called.
    """

    @property
    def words(self) -> frozenset[str]:
        """The words that can be followed, out of those of `desktop.control.messages`."""
        ...

    async def snapshot(self) -> Snapshot:
        """The picture of this moment."""
        ...

    async def pause(self, request: Pause) -> None:
        """Stop working; returns when no new job is taken and, unless finishing, the device is being given back."""
        ...

    async def resume(self) -> None:
        """Work again."""
        ...

    async def enrol(self) -> None:
        """Announce on the relays; progress shows in the snapshot."""
        ...

    async def benchmark(self, request: Benchmark) -> None:
        """Begin or cancel a measurement; progress shows in the snapshot."""
        ...

    async def settings(self) -> SettingsAnswer:
        """All settings."""
        ...

    async def write_setting(self, request: WriteSetting) -> None:
        """Change one setting, or SettingsError."""
        ...

    async def earnings(self, request: ReadEarnings) -> EarningsAnswer:
        """Sums between edges."""
        ...

    async def uptime(self, request: ReadUptime) -> UptimeAnswer:
        """Intervals of a span."""
        ...

    async def jobs(self, request: ReadJobs) -> JobsAnswer:
        """A page of jobs."""
        ...

    async def job(self, job_id: str) -> JobAnswer:
        """One job, or RequestError."""
        ...

    async def export(self, request: ExportJobs) -> ExportAnswer:
        """Write all jobs to a new file, or StorageUnusable."""
        ...

    async def why(self) -> WhyAnswer:
        """Why it earns or does not."""
        ...

    async def outlook(self) -> OutlookAnswer:
        """What this computer could earn a day."""
        ...

    async def shelf(self) -> ShelfAnswer:
        """Models that are here, and those that may be fetched."""
        ...

    async def fetch(self, request: Fetch) -> None:
        """Begin or pause a download; progress shows in the snapshot."""
        ...

    async def discard(self, request: Discard) -> None:
        """Delete a fetched model, or SettingsError."""
        ...

    async def doctor(self) -> DoctorAnswer:
        """Check this computer."""
        ...

    async def reach(self) -> DoctorAnswer:
        """Whether others reach this node; takes seconds."""
        ...

    async def break_out(self) -> BreakOutAnswer:
        """Try to break out of the sandbox, or SandboxUnavailable."""
        ...

    async def update(self, request: Update) -> None:
        """Look for a new version, begin or pause its installation; progress shows in the snapshot."""
        ...

    async def report(self) -> TextAnswer:
        """A problem report without secrets."""
        ...

    async def phrase(self) -> TextAnswer:
        """The recovery phrase."""
        ...

    async def quit(self) -> None:
        """Begin to stop; returns at once."""
        ...
