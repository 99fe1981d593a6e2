"""Windows: the questions. Checked by the type checker for that platform; what the answers mean is tested apart."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("this module is for Windows")

import ctypes
import os
import time
import uuid
from collections.abc import Mapping
from ctypes import wintypes
from pathlib import Path
from typing import Final

from desktop.machine.presence.sensor import PresenceSensor
from desktop.machine.presence.windows_session import sensor_of

_CURRENT_SESSION: Final = -1 & 0xFFFFFFFF
_SESSION_INFO_EX: Final = 25
_EVERY_CONTEXT: Final = 0x17
_NETWORK_LIST_MANAGER: Final = uuid.UUID("dcb00c01-570f-4a9b-8d69-199fdba5723b")
_NETWORK_COST_MANAGER: Final = uuid.UUID("dcb00008-570f-4a9b-8d69-199fdba5723b")
# The places of two methods in the table of INetworkCostManager: IUnknown's three come first.
_RELEASE, _GET_COST = 2, 3
_OFFLINE, _ONLINE = 0, 1


class _LastInput(ctypes.Structure):
    _fields_ = (("size", wintypes.UINT), ("ticks_ms", wintypes.DWORD))


class _SessionInfo(ctypes.Structure):
    """The head of WTSINFOEXW with level 1; what follows is not read."""

    _fields_ = (
        ("level", wintypes.DWORD),
        ("padding", wintypes.DWORD),
        ("session_id", wintypes.ULONG),
        ("state", ctypes.c_int),
        ("flags", wintypes.LONG),
    )


class _PowerStatus(ctypes.Structure):
    _fields_ = (
        ("line", ctypes.c_ubyte),
        ("battery", ctypes.c_ubyte),
        ("percent", ctypes.c_ubyte),
        ("saver", ctypes.c_ubyte),
        ("life_s", wintypes.DWORD),
        ("full_life_s", wintypes.DWORD),
    )


class SystemFacts:
    """As `WindowsFacts`."""

    def session_id(self) -> int:
        """As `WindowsFacts.session_id`."""
        number = wintypes.DWORD()
        _check(ctypes.windll.kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(number)))
        return number.value

    def ticks_ms(self) -> int:
        """As `WindowsFacts.ticks_ms`."""
        return int(ctypes.windll.kernel32.GetTickCount()) % (1 << 32)

    def last_input_ticks_ms(self) -> int:
        """As `WindowsFacts.last_input_ticks_ms`."""
        last = _LastInput(ctypes.sizeof(_LastInput), 0)
        _check(ctypes.windll.user32.GetLastInputInfo(ctypes.byref(last)))
        return int(last.ticks_ms)

    def notification_state(self) -> int:
        """As `WindowsFacts.notification_state`."""
        state = ctypes.c_int()
        _succeed(ctypes.windll.shell32.SHQueryUserNotificationState(ctypes.byref(state)))
        return state.value

    def session_flags(self) -> int:
        """As `WindowsFacts.session_flags`."""
        terminal = ctypes.windll.wtsapi32
        data, size = ctypes.c_void_p(), wintypes.DWORD()
        _check(
            terminal.WTSQuerySessionInformationW(
                None, wintypes.DWORD(_CURRENT_SESSION), _SESSION_INFO_EX, ctypes.byref(data), ctypes.byref(size)
            )
        )
        try:
            if size.value < ctypes.sizeof(_SessionInfo) or data.value is None:
                return -1
            return int(_SessionInfo.from_address(data.value).flags)
        finally:
            terminal.WTSFreeMemory(data)

    def plugged_in(self) -> bool | None:
        """As `WindowsFacts.plugged_in`."""
        status = _PowerStatus()
        _check(ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status)))
        return {_OFFLINE: False, _ONLINE: True}.get(status.line)

    def connection_cost(self) -> int:
        """As `WindowsFacts.connection_cost`."""
        ole = ctypes.windll.ole32
        begun = ole.CoInitializeEx(None, 0) >= 0
        try:
            manager = ctypes.c_void_p()
            _succeed(
                ole.CoCreateInstance(
                    _NETWORK_LIST_MANAGER.bytes_le,
                    None,
                    _EVERY_CONTEXT,
                    _NETWORK_COST_MANAGER.bytes_le,
                    ctypes.byref(manager),
                )
            )
            table = ctypes.cast(manager, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
            get_cost = ctypes.WINFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
                table[_GET_COST] or 0
            )
            release = ctypes.WINFUNCTYPE(wintypes.ULONG, ctypes.c_void_p)(table[_RELEASE] or 0)
            try:
                cost = wintypes.DWORD()
                _succeed(get_cost(manager, ctypes.addressof(cost), None))
                return cost.value
            finally:
                release(manager)
        finally:
            if begun:
                ole.CoUninitialize()


def open_presence(environ: Mapping[str, str], home: Path) -> PresenceSensor:  # noqa: ARG001 - shared with linux.py
    """The sensor of this user's session on this computer. Nothing is asked yet."""
    return sensor_of(SystemFacts(), now_s=time.monotonic)


def _check(result: int) -> None:
    if not result:
        raise ctypes.WinError()


def _succeed(result: int) -> None:
    """A HRESULT: negative is a failure."""
    if result < 0:
        raise OSError(result, f"error {result & 0xFFFFFFFF:#010x}")
