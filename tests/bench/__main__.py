"""Runs every bench beside this file, each in a process of its own, and writes what they print to RESULTS.md."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from desktop import __version__
from desktop.machine.devices.survey import Computer, local_devices, survey

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "RESULTS.md"


def benches() -> list[str]:
    """The names of all benches, in order."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def run(name: str) -> tuple[int, str, float]:
    """One bench: its exit status, what it printed (shown as it comes), and how many seconds it took."""
    started = time.monotonic()
    printed: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{name}"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            printed.append(line)
    return process.returncode, "".join(printed), time.monotonic() - started


def machine(computer: Computer) -> str:
    """What the figures were measured on, in one line."""
    cpu = computer.cpu
    cores = "unknown" if cpu.physical_cores is None else cpu.physical_cores
    parts = [
        f"{cpu.model or 'unknown processor'}, {cores} cores, {cpu.usable_cores} threads usable",
        f"{cpu.memory_total_bytes / 2**30:.0f} GiB of memory",
        *(card.name or "unnamed card" for card in computer.graphics.devices),
        f"Python {sys.version.split()[0]} on {sys.platform}",
    ]
    return "; ".join(parts)


def section(name: str, status: int, printed: str, took_s: float) -> str:
    """The part of RESULTS.md that one bench gets."""
    outcome = "" if status == 0 else f" **Failed with status {status}.**"
    return (
        f"\n## {name}\n\n`python -m tests.bench.{name}`, {took_s:.0f} s.{outcome}\n\n```text\n{printed.rstrip()}\n```\n"
    )


def main() -> int:
    """Run them all; 0 if none failed. RESULTS.md is written in any case, failures included."""
    devices = local_devices(lambda: time.time_ns() // 1_000_000)
    text = (
        "# Measurements\n\nWritten by `make bench`; everything here was measured in one run, on one machine.\n\n"
        f"- when: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"
        f"- what: Hearth {__version__}\n"
        f"- where: {machine(survey(devices))}\n"
    )
    devices.close()
    failed = False
    for name in benches():
        sys.stdout.write(f"--- {name}\n")
        status, printed, took_s = run(name)
        failed = failed or status != 0
        text += section(name, status, printed, took_s)
        RESULTS.write_text(text, encoding="utf-8")  # each time: a run that is broken off leaves what it measured
    sys.stdout.write(f"--- written to {RESULTS.relative_to(ROOT)}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
