"""Landlock: the kernel's own list of the files this process may touch.

Applied by the process to itself, before it starts threads: until ABI 8 a ruleset binds the calling thread and its
children only. Numbers are those of <linux/landlock.h>; the three calls have the same number on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from desktop.worker.sandbox.seccomp import give_up_new_privileges

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REMOVE_DIR: Final = 1 << 4
_REMOVE_FILE: Final = 1 << 5
_MAKE_DIR: Final = 1 << 7
_MAKE_FILE: Final = 1 << 8
_TRUNCATE: Final = 1 << 14
_DEVICE_IOCTL: Final = 1 << 15

_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _TRUNCATE | _MAKE_DIR | _MAKE_FILE | _REMOVE_DIR | _REMOVE_FILE
_DEVICE: Final = _READ_FILE | _WRITE_FILE | _DEVICE_IOCTL
_RIGHTS_OF_A_FILE: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_IOCTL

# Rights to handle by ABI: 13 at first, then REFER (2), TRUNCATE (3), IOCTL_DEV (5).
_RIGHTS_KNOWN: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_ABI_NETWORK: Final = 4
_ABI_SCOPES: Final = 6
_TCP_BIND_AND_CONNECT: Final = 3
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 3


def _call(libc: ctypes.CDLL, what: str, *arguments: object) -> int:
    result = int(libc.syscall(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock {what}")
    return result


def version() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def restrict(*, readable: Iterable[Path], writable: Iterable[Path], devices: Iterable[Path]) -> int:
    """From here on this thread and its children open nothing else, ever, and execute nothing; returns the ABI.

    `writable` allows plain files and folders to be made and removed below. Paths that do not exist are passed over.
    Everything the kernel knows how to restrict is restricted, TCP and signals to others included where it can.
    Raises OSError where Landlock does not apply; the caller decides what that means, nothing is half done.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = _call(libc, "version", _CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    handled = (1 << _RIGHTS_KNOWN[min(abi, max(_RIGHTS_KNOWN))]) - 1
    attributes = struct.pack("=Q", handled)
    if abi >= _ABI_NETWORK:
        attributes += struct.pack("=Q", _TCP_BIND_AND_CONNECT)
    if abi >= _ABI_SCOPES:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _call(libc, "ruleset", _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE), (devices, _DEVICE)):
            for path in paths:
                _allow(libc, ruleset, path, rights & handled)
        give_up_new_privileges()
        _call(libc, "restriction", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not path.is_dir():
            rights &= _RIGHTS_OF_A_FILE
        rule = struct.pack("=Qi", rights, handle)
        _call(libc, "rule", _ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)
