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
from pathlib import Path

_CPU_KEY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
# Far behind the process id that the file holds: a locked byte cannot be read by others.
_LOCKED_BYTE = 1 << 20


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


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file unless another process has it; it ends with the process."""
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return True


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
