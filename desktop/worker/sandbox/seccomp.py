"""The two system call filters, assembled by hand into classic BPF.

Filter 1 stands from the worker's first instruction; filter 2 is added by the worker itself once models are loaded
and warmed up, and holds for all of its threads. Filters only ever add up: the strictest answer wins.

What is left open on purpose, because GPU drivers need it: memfd_create, ioctl, mmap, mlock, eventfd, poll, threads.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from desktop.worker.sandbox.syscalls import LAST_KNOWN, Table

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000

_LOAD: Final = 0x20  # A = word at offset k of struct seccomp_data
_IF_EQUAL: Final = 0x15
_IF_GREATER: Final = 0x25
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_OFFSET_NUMBER: Final = 0
_OFFSET_ARCH: Final = 4
_X32_BIT: Final = 0x40000000

_CLONE_THREAD: Final = 0x00010000
_CLONE_NEW_ANY: Final = 0x7E020000  # NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_CREATING: Final = 0x40 | 0x400000  # O_CREAT, __O_TMPFILE
_AF_UNIX: Final = 1
_TERMINAL_REQUESTS: Final = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_PROCESS_OPTIONS: Final = (35, 0x59616D61, 4)  # PR_SET_MM, PR_SET_PTRACER, PR_SET_DUMPABLE


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ALWAYS_REFUSED: Final = _names("""
    ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_getfd pidfd_send_signal process_madvise
    process_mrelease bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
    add_key request_key keyctl
    unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
    init_module finit_module delete_module create_module get_kernel_syms query_module kexec_load kexec_file_load
    reboot swapon swapoff acct quotactl quotactl_fd settimeofday clock_settime adjtimex clock_adjtime
    sethostname setdomainname iopl ioperm syslog vhangup lookup_dcookie nfsservctl uselib ustat sysfs _sysctl modify_ldt
    name_to_handle_at open_by_handle_at fanotify_init fanotify_mark mknod mknodat migrate_pages move_pages vmsplice
    remap_file_pages memfd_secret
    shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    listen accept accept4 setsid setpgid
    setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid
""")

_REFUSED_AT_WORK: Final = _names("""
    socket socketpair connect bind fork vfork execve execveat openat2
    mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 symlink symlinkat link linkat creat truncate
    chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat utimensat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    setpriority ioprio_set sched_setscheduler sched_setparam sched_setattr
    rt_sigqueueinfo rt_tgsigqueueinfo tkill setrlimit personality inotify_init inotify_init1 inotify_add_watch capset
""")


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _answer(action: int) -> bytes:
    return _step(_RETURN, 0, 0, action)


def _argument(index: int, *, high: bool = False) -> bytes:
    """Load one half of an argument; both architectures are little-endian."""
    return _step(_LOAD, 0, 0, 16 + 8 * index + (4 if high else 0))


_REFUSE: Final = _answer(_ERROR | errno.EPERM)
_MISSING: Final = _answer(_ERROR | errno.ENOSYS)
_PASS: Final = _answer(_ALLOW)


class _Assembly:
    """A filter under construction. Each rule either answers or falls through to the next, with the number in A."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._steps = [
            _step(_LOAD, 0, 0, _OFFSET_ARCH),
            _step(_IF_EQUAL, 1, 0, table.audit),
            _answer(_KILL),
            _step(_LOAD, 0, 0, _OFFSET_NUMBER),
        ]
        if table.has_x32:
            self._steps += [_step(_IF_AT_LEAST, 0, 1, _X32_BIT), _answer(_KILL)]
        self._steps += [_step(_IF_GREATER, 0, 1, LAST_KNOWN), _MISSING]

    def on(self, name: str, body: Sequence[bytes]) -> None:
        """For this call run `body`, each path of which ends in an answer."""
        number = self._table.number(name)
        if number is not None:
            self._steps += [_step(_IF_EQUAL, 0, len(body), number), *body]

    def refuse(self, names: Iterable[str]) -> None:
        """Answer EPERM to all of these calls."""
        for name in names:
            self.on(name, [_REFUSE])

    def unless_equal(self, name: str, argument: int, values: Sequence[int]) -> None:
        """Refuse the call when the argument is one of these values (compared as 32 bits, as the kernel does)."""
        tests = [_step(_IF_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
        self.on(name, [_argument(argument), *tests, _PASS, _REFUSE])

    def assembled(self) -> bytes:
        """The whole program; what no rule answered is allowed."""
        return b"".join([*self._steps, _PASS])


def _common(table: Table) -> _Assembly:
    assembly = _Assembly(table)
    # The C library falls back to clone, whose flags a filter can see.
    assembly.on("clone3", [_MISSING])
    assembly.unless_equal("ioctl", 1, _TERMINAL_REQUESTS)
    assembly.unless_equal("prctl", 0, _PROCESS_OPTIONS)
    assembly.refuse(_ALWAYS_REFUSED)
    return assembly


def filter_at_exec(table: Table) -> bytes:
    """Filter 1: no new namespaces, no sockets but local ones, none of the kernel's rarely used doors."""
    assembly = _common(table)
    assembly.on("clone", [_argument(0), _step(_IF_ANY_BIT, 0, 1, _CLONE_NEW_ANY), _REFUSE, _PASS])
    no_family = _answer(_ERROR | errno.EAFNOSUPPORT)
    assembly.on("socket", [_argument(0), _step(_IF_EQUAL, 0, 1, _AF_UNIX), _PASS, no_family])
    return assembly.assembled()


def filter_at_work(table: Table, pid: int, *, memory_files: bool) -> bytes:
    """Filter 2: no sockets, no processes, no new files, no signals to anyone but process `pid` itself.

    `memory_files` leaves memfd_create open, which CUDA needs and nothing else does.
    """
    assembly = _common(table)
    assembly.on(
        "clone",
        [
            _argument(0),
            _step(_IF_ANY_BIT, 0, 2, _CLONE_THREAD),
            _step(_IF_ANY_BIT, 1, 0, _CLONE_NEW_ANY),
            _PASS,
            _REFUSE,
        ],
    )
    for name, flags in (("openat", 2), ("open", 1)):
        assembly.on(name, [_argument(flags), _step(_IF_ANY_BIT, 0, 1, _CREATING), _REFUSE, _PASS])
    for name in ("kill", "tgkill"):
        assembly.on(name, [_argument(0), _step(_IF_EQUAL, 0, 1, pid), _PASS, _REFUSE])
    # Reading one's own limits is harmless; setting them, or touching another process, is not.
    assembly.on(
        "prlimit64",
        [
            _argument(0),
            _step(_IF_EQUAL, 1, 0, 0),
            _step(_IF_EQUAL, 0, 5, pid),
            _argument(2),
            _step(_IF_EQUAL, 0, 3, 0),
            _argument(2, high=True),
            _step(_IF_EQUAL, 0, 1, 0),
            _PASS,
            _REFUSE,
        ],
    )
    assembly.refuse(_REFUSED_AT_WORK)
    if not memory_files:
        assembly.refuse(["memfd_create"])
    return assembly.assembled()


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_FLAG_TSYNC: Final = 1
_STEP_BYTES: Final = 8


def give_up_new_privileges() -> None:
    """After this no program this process starts can gain rights; the kernel wants it before either mechanism."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def install(program: bytes, table: Table) -> None:
    """Put a filter on every thread of this process, for good."""
    give_up_new_privileges()
    libc = ctypes.CDLL(None, use_errno=True)
    steps = ctypes.create_string_buffer(program, len(program))
    argument = _Program(len(program) // _STEP_BYTES, ctypes.addressof(steps))
    number = table.needed("seccomp")
    if libc.syscall(number, _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(argument)):
        # A positive result names a thread that could not be brought along; both ways nothing was installed.
        raise OSError(ctypes.get_errno() or errno.ESRCH, "seccomp")
