"""Makes this process what root is in a plain Docker container, then runs a module of the tests in it.

Docker's default: fourteen rights out of forty-one, and a filter that refuses namespaces and mounts.
"""

import ctypes
import platform
import runpy
import struct
import sys
from pathlib import Path
from typing import Final

from desktop.worker.sandbox import seccomp
from desktop.worker.sandbox.syscalls import Table

# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
# AUDIT_WRITE and SETFCAP.
_RIGHTS: Final = sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
_PR_CAPBSET_DROP: Final = 24
_REFUSED: Final = (
    *("unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount"),
    *("fspick", "mount_setattr", "bpf", "perf_event_open", "add_key", "keyctl", "request_key", "kexec_load"),
    *("init_module", "finit_module", "delete_module"),
)


def become_container() -> None:
    """Give up what Docker takes away."""
    libc = ctypes.CDLL(None, use_errno=True)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    for number in range(last + 1):
        if not _RIGHTS >> number & 1:
            libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    words = (_RIGHTS & 0xFFFFFFFF, _RIGHTS & 0xFFFFFFFF, 0, 0, 0, 0)
    if libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *words)):
        raise OSError(ctypes.get_errno(), "capset")
    table = Table(platform.machine())
    assembly = seccomp._Assembly(table)
    assembly.on("clone3", [seccomp._MISSING])
    assembly.refuse(_REFUSED)
    new = [seccomp._argument(0), seccomp._step(seccomp._IF_ANY_BIT, 0, 1, seccomp._CLONE_NEW_ANY)]
    assembly.on("clone", [*new, seccomp._REFUSE, seccomp._PASS])
    seccomp.install(assembly.assembled(), table)


if __name__ == "__main__":
    become_container()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
