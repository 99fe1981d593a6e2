"""Attempts to get out, made from inside by our own code before any stranger's work comes in.

Each one is expected to fail. They are few and harmless; the test-suite holds the long list.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import msgspec

_CLONE_NEWUSER: Final = 0x10000000
_CONNECT_WITHIN_S: Final = 1.0


class Targets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the node has put up to be attacked: a listening loopback port, files nobody may read, itself."""

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    canaries: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=4096)], ...], msgspec.Meta(max_length=8)]
    node_pid: Annotated[int, msgspec.Meta(ge=1)]


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One attempt: what was tried, whether it got out, and how it ended, in a few words."""

    attempt: Annotated[str, msgspec.Meta(max_length=100)]
    escaped: bool
    outcome: Annotated[str, msgspec.Meta(max_length=200)]


def try_to_escape(targets: Targets, *, signals: bool) -> list[Finding]:
    """Make every attempt; what is refused is good news. Signals are held back by filter 2 alone, not before."""
    findings = [_attempt("Connect to a program on this computer", partial(_connect, targets.port))]
    findings += [_attempt("Read a file planted outside", partial(_read, path)) for path in targets.canaries]
    if signals:
        findings.append(_attempt("Send a signal to the node", partial(os.kill, targets.node_pid, 0)))
        findings.append(_attempt("Send a signal to the parent process", partial(os.kill, os.getppid(), 0)))
    findings.append(_attempt("Open a new user namespace", _new_user_namespace))
    return findings


def _attempt(name: str, act: Callable[[], None]) -> Finding:
    try:
        act()
    except OSError as error:
        return Finding(name, escaped=False, outcome=f"refused: {error.strerror or type(error).__name__}")
    return Finding(name, escaped=True, outcome="it worked")


def _connect(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(_CONNECT_WITHIN_S)
        attempt.connect(("127.0.0.1", port))


def _read(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would hide which call was refused
        file.read(1)


def _new_user_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    # In a child, because a process that succeeds would go on in a namespace of its own.
    try:
        child = os.fork()
    except PermissionError:
        child = -1
    if child == 0:
        os._exit(0 if libc.unshare(_CLONE_NEWUSER) == 0 else ctypes.get_errno())
    if child > 0:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
    else:
        code = 0 if libc.unshare(_CLONE_NEWUSER) == 0 else ctypes.get_errno()
    if code:
        raise OSError(abs(code), os.strerror(abs(code)))
