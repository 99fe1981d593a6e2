"""A desktop session of our own, for tests of the real tray: a screen nobody sees and a bus nobody else is on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

WITHIN_S = 90.0


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block."""
    path = shutil.which(command[0])
    assert path is not None, f"{command[0]} is missing; `make setup` brings it"
    process = subprocess.Popen(
        [path, *command[1:]],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def base_environment(home: Path) -> dict[str, str]:
    """Nothing of the session that runs the tests but where programs are."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "xcb", "QT_LOGGING_RULES": "qt.*=false"}


@contextmanager
def screen(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a screen of its own."""
    reading, writing = os.pipe()
    path = shutil.which("Xvfb")
    assert path is not None, "Xvfb is missing; `make setup` brings it"
    # Without -noreset it starts anew whenever its last client leaves, and throws out whoever is just coming.
    process = subprocess.Popen(
        [path, "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=(writing,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        assert number, "Xvfb did not start"
        yield {**environment, "DISPLAY": f":{number}"}
    finally:
        process.terminate()
        process.wait(WITHIN_S)


@contextmanager
def session_bus(environment: dict[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """The environment with a message bus of its own."""
    address = f"unix:path={folder / 'bus'}"
    with running(["dbus-daemon", "--session", "--nofork", f"--address={address}"], environment):
        wait_until((folder / "bus").exists)
        yield {**environment, "DBUS_SESSION_BUS_ADDRESS": address}


def wait_until(condition: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """Wait for a condition of the world outside; fail at the deadline."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.05)


def hand(environment: dict[str, str], *words: str) -> str:
    """What xdotool answers; the hand on mouse and keys."""
    done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, check=False)  # noqa: S607 - whichever is here
    return done.stdout.strip()
