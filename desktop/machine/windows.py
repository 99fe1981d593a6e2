"""What is particular to Windows. Checked by the type checker for that platform; run by the tests of the installer."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("this module is for Windows")

import ctypes
import msvcrt
import os
import winreg
from collections.abc import Mapping
from ctypes import wintypes
from pathlib import Path

_CPU_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
# Far behind the process id that the file holds: a locked byte cannot be read by others.
_LOCKED_BYTE = 1 << 20
_FAIL_AT_ONCE, _EXCLUSIVE = 1, 2
_WARNING = 0x30
_LOCKED_BY_ANOTHER, _WOULD_WAIT = 33, 997


def base_folders(environ: Mapping[str, str], user: Path) -> dict[str, Path]:
    """The parents of our folders: all below %LOCALAPPDATA%, which does not roam to other computers."""
    base = Path(environ.get("LOCALAPPDATA") or user / "AppData" / "Local") / "Hearth"
    return {
        "data": base / "data",
        "config": base / "config",
        "cache": base / "cache",
        "log": base / "logs",
        "runtime": base / "run",
    }


class _Overlapped(ctypes.Structure):
    """Where in a file: OVERLAPPED."""

    _fields_ = (
        ("internal", ctypes.c_void_p),
        ("internal_high", ctypes.c_void_p),
        ("offset", wintypes.DWORD),
        ("offset_high", wintypes.DWORD),
        ("event", wintypes.HANDLE),
    )


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file unless another process has it; it ends with the process.

    Asked of the system itself: the C library's `locking` tells under Wine not why it failed.
    """
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.LockFileEx.argtypes = (
        wintypes.HANDLE,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        ctypes.POINTER(_Overlapped),
    )
    where = _Overlapped(offset=_LOCKED_BYTE)
    handle = msvcrt.get_osfhandle(descriptor)
    if kernel.LockFileEx(handle, _FAIL_AT_ONCE | _EXCLUSIVE, 0, 1, 0, ctypes.byref(where)):
        return True
    reason = ctypes.get_last_error()
    if reason in {_LOCKED_BY_ANOTHER, _WOULD_WAIT}:
        return False
    raise ctypes.WinError(reason)


def intruders(status: os.stat_result) -> str:  # noqa: ARG001 - the signature is shared with linux.py
    """Always empty: mode bits mean nothing here.

    What keeps other users out is the access list that the profile folder hands down to everything below
    %LOCALAPPDATA%: this user, administrators and the system. An owner who moves the data folder elsewhere keeps
    whatever access list that place has; it is not examined.
    """
    return ""


def slept_ms() -> int:
    """How long this computer has slept since it started: the difference of two clocks, one of which sleeps too."""
    kernel = ctypes.windll.kernel32
    kernel.GetTickCount64.restype = ctypes.c_ulonglong
    awake = ctypes.c_ulonglong()  # in 100 ns
    if not kernel.QueryUnbiasedInterruptTime(ctypes.byref(awake)):
        return 0
    return int(kernel.GetTickCount64()) - awake.value // 10_000


def cpu_model() -> str | None:
    """The processor's name as its maker gave it, or None."""
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _CPU_KEY) as key:
            value, _ = winreg.QueryValueEx(key, "ProcessorNameString")
    except OSError:
        return None
    return str(value).strip() or None


def nvidia_cards_on_bus() -> int:
    """Always 0: not looked up on Windows, where the driver comes with the card or from Windows Update."""
    return 0


def show_message(words: str) -> None:
    """A box with words and one button, for a program that has no window yet; returns when its reader closes it."""
    ctypes.windll.user32.MessageBoxW(None, words, "Hearth", _WARNING)
