"""What trying to break out of a sandbox comes to, without one."""

from __future__ import annotations

from desktop.worker.sandbox.check import ReportLine, SandboxReport
from desktop.worker.sandbox.modes import SandboxMode


async def break_out() -> SandboxReport:
    """A sandbox that holds."""
    names = (
        "Connect to a program on this computer",
        "Read a file planted outside",
        "Send a signal to the node",
        "Send a signal to the parent process",
        "Open a new user namespace",
    )
    return SandboxReport(
        SandboxMode.RESTRICTED,
        (
            *(ReportLine(f"{name} (at work)", "refused", "refused: Permission denied", passed=True) for name in names),
            ReportLine("Who it runs as", "not the administrator", "user 12345", passed=True),
            ReportLine("System calls", "filtered", "mode 2", passed=True),
        ),
        {SandboxMode.NAMESPACES: "User namespaces are not allowed here."},
    )
