"""The way down from root: where the node runs as root, this runs first, and what it starts is nobody.

Started as a script in a process of its own (`python -I -S descend.py ERRAND`), standard library only. It prepares as
root what an ordinary user could not, steps down for good, and becomes the program it was asked for.

ERRAND is JSON: `uid` (also the group), `mounts` (pairs: a path, and a name under /tmp where it will be found), `argv`,
`read_any` (keep the right to pass folder permissions: for use under Landlock alone, which then decides what is read).

Why mounts: bubblewrap runs as an ordinary user and can only bind what that user can reach, while the interpreter of a
node that runs as root often lies below /root, which only root may enter. Bound one by one into an empty /tmp of a mount
namespace of our own, the few paths a worker needs are reachable and their parents still are not.
"""

import ctypes
import json
import os
import struct
import sys

_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV = 0x2, 0x4
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000

_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def _mount_privately(mounts: list[tuple[str, str]]) -> None:
    _check(_libc.unshare(_CLONE_NEWNS), "a mount namespace")
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
    # Opened first: what lies below /tmp is out of sight once the new one covers it.
    opened = [(os.open(source, os.O_PATH), name) for source, name in mounts]
    options = b"mode=0755,size=1m"
    _check(_libc.mount(b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NODEV, options), "an empty /tmp")
    for handle, name in opened:
        source, target = f"/proc/self/fd/{handle}", f"/tmp/{name}"  # noqa: S108 - the one just made
        if os.path.isdir(source):  # noqa: PTH112 - pathlib is not worth its start-up time here
            os.mkdir(target)  # noqa: PTH102 - same
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _check(_libc.mount(source.encode(), target.encode(), None, _MS_BIND | _MS_REC, None), f"a mount of {name}")
        os.close(handle)


def _permitted() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - same
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapPrm"))


def _step_down(uid: int, *, read_any: bool) -> None:
    rights = 0
    if read_any:
        # The narrow right where we have it; a container often has only the wide one.
        kept = _CAP_DAC_READ_SEARCH if _permitted() >> _CAP_DAC_READ_SEARCH & 1 else _CAP_DAC_OVERRIDE
        rights = 1 << kept
        _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "keeping one right")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if rights:
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        _check(_libc.capset(header, struct.pack("=6I", rights, rights, rights, 0, 0, 0)), "keeping one right")
        _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0), "passing one right on")


def _descend(errand: dict[str, object]) -> None:
    mounts, uid, argv, read_any = errand["mounts"], errand["uid"], errand["argv"], errand["read_any"]
    assert isinstance(mounts, list)  # noqa: S101 - written by our own launcher; says so to the type checker
    assert isinstance(uid, int)  # noqa: S101 - same
    assert isinstance(argv, list)  # noqa: S101 - same
    if mounts:
        _mount_privately(mounts)
    _step_down(uid, read_any=bool(read_any))
    os.execve(argv[0], argv, os.environ)  # noqa: S606 - there is no shell, and this process becomes the program


if __name__ == "__main__":
    try:
        _descend(json.loads(sys.argv[1]))
    except OSError as error:
        sys.stderr.write(f"The worker cannot be started as an unprivileged user: {error}.\n")
        sys.exit(78)
