"""The filters, run by a small BPF machine of our own over every call, against what they are meant to answer."""

import errno
import struct
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import SandboxUnavailable
from desktop.worker.sandbox.seccomp import filter_at_exec, filter_at_work
from desktop.worker.sandbox.syscalls import LAST_KNOWN, Table

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
EPERM: Final = 0x50000 | errno.EPERM
ENOSYS: Final = 0x50000 | errno.ENOSYS
EAFNOSUPPORT: Final = 0x50000 | errno.EAFNOSUPPORT
PID: Final = 77

MACHINES: Final = ("x86_64", "aarch64")


def answer(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would make of it. Only the eight instructions the assembler uses."""
    padded = [argument & (1 << 64) - 1 for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("=iIQ6Q", number, arch, 0, *padded)
    steps = list(struct.iter_unpack("=HBBI", program))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x06:
                return int(value)
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x25:
                at += if_true if accumulator > value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x45:
                at += if_true if accumulator & value else if_false
            case _:
                raise AssertionError(code)


class Filters:
    """Both filters of one architecture; the stricter answer holds, as in the kernel."""

    def __init__(self, machine: str) -> None:
        self.table = Table(machine)
        self.first = filter_at_exec(self.table)
        self.second = filter_at_work(self.table, PID, memory_files=False)

    def at_exec(self, name: str, *arguments: int) -> int:
        return answer(self.first, self.table.audit, self.table.needed(name), *arguments)

    def at_work(self, name: str, *arguments: int) -> int:
        return answer(self.second, self.table.audit, self.table.needed(name), *arguments)


@pytest.fixture(params=MACHINES)
def filters(request: pytest.FixtureRequest) -> Filters:
    return Filters(request.param)


@pytest.mark.parametrize("machine", MACHINES)
@given(number=st.integers(0, (1 << 31) - 1), arguments=st.lists(st.integers(0, (1 << 64) - 1), max_size=6))
def test_every_call_gets_an_answer_and_the_second_filter_is_never_the_looser(
    machine: str, number: int, arguments: list[int]
) -> None:
    filters = Filters(machine)
    first = answer(filters.first, filters.table.audit, number, *arguments)
    second = answer(filters.second, filters.table.audit, number, *arguments)
    assert {first, second} <= {ALLOW, KILL, EPERM, ENOSYS, EAFNOSUPPORT}
    if first != ALLOW:
        assert second != ALLOW


def test_another_architecture_kills(filters: Filters) -> None:
    other = 0x40000003  # AUDIT_ARCH_I386
    for program in (filters.first, filters.second):
        assert answer(program, other, 1) == KILL


def test_x32_calls_kill() -> None:
    filters = Filters("x86_64")
    assert answer(filters.first, filters.table.audit, 0x40000000 | 39) == KILL


def test_what_came_later_does_not_exist(filters: Filters) -> None:
    for program in (filters.first, filters.second):
        assert answer(program, filters.table.audit, LAST_KNOWN + 1) == ENOSYS
        assert answer(program, filters.table.audit, LAST_KNOWN) == ALLOW


def test_an_unknown_machine_has_no_sandbox() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        Table("riscv64")


REFUSED_ALWAYS = (
    *("ptrace", "process_vm_readv", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "unshare"),
    *("setns", "mount", "chroot", "pivot_root", "init_module", "kexec_load", "open_by_handle_at", "fanotify_init"),
    *("vmsplice", "memfd_secret", "shmget", "msgget", "mq_open", "listen", "accept4", "setsid", "setuid"),
)


@pytest.mark.parametrize("name", REFUSED_ALWAYS)
def test_refused_from_the_first_instruction(filters: Filters, name: str) -> None:
    assert filters.at_exec(name) == EPERM
    assert filters.at_work(name) == EPERM


@pytest.mark.parametrize(
    "name", ["execve", "socketpair", "connect", "bind", "mkdirat", "renameat2", "capset", "truncate"]
)
def test_refused_at_work_only(filters: Filters, name: str) -> None:
    assert filters.at_exec(name) == ALLOW
    assert filters.at_work(name) == EPERM


def test_sockets(filters: Filters) -> None:
    assert filters.at_exec("socket", 1) == ALLOW
    for family in (2, 10, 16, 38, 40):
        assert filters.at_exec("socket", family) == EAFNOSUPPORT
    assert filters.at_work("socket", 1) == EPERM


def test_clone(filters: Filters) -> None:
    thread, fork = 0x3D0F00, 17
    assert filters.at_exec("clone3") == filters.at_work("clone3") == ENOSYS
    assert filters.at_exec("clone", fork) == filters.at_exec("clone", thread) == ALLOW
    assert filters.at_work("clone", thread) == ALLOW
    assert filters.at_work("clone", fork) == EPERM
    for new in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert filters.at_exec("clone", fork | new) == EPERM
        assert filters.at_work("clone", thread | new) == EPERM


def test_terminal_requests(filters: Filters) -> None:
    for request in (0x5412, 0x541C, 0x5423):
        for upper in (0, 1 << 32):  # the kernel looks at 32 bits
            assert filters.at_exec("ioctl", 0, request | upper) == filters.at_work("ioctl", 0, request | upper) == EPERM
    assert filters.at_work("ioctl", 0, 0x5413) == ALLOW


def test_process_options(filters: Filters) -> None:
    for option in (35, 0x59616D61, 4):
        assert filters.at_exec("prctl", option) == filters.at_work("prctl", option) == EPERM
    assert filters.at_work("prctl", 15) == ALLOW


def test_opening(filters: Filters) -> None:
    for flags in (0, 2, 0o2000000):
        assert filters.at_work("openat", 0, 0, flags) == ALLOW
    for flags in (0o100, 0o101, 0o20000000 | 0o200000, 0x410000):
        assert filters.at_work("openat", 0, 0, flags) == EPERM
        assert filters.at_exec("openat", 0, 0, flags) == ALLOW


def test_signals(filters: Filters) -> None:
    for name in ("kill", "tgkill"):
        assert filters.at_work(name, PID) == ALLOW
        for other in (1, 0, -1, -PID, PID + 1):
            assert filters.at_work(name, other) == EPERM


def test_limits(filters: Filters) -> None:
    for own in (0, PID):
        assert filters.at_work("prlimit64", own, 7, 0) == ALLOW
        for new in (1, 1 << 32, 0x7F0000000000):
            assert filters.at_work("prlimit64", own, 7, new) == EPERM
    assert filters.at_work("prlimit64", 1, 7, 0) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_memory_files_only_where_a_graphics_driver_needs_them(machine: str) -> None:
    table = Table(machine)
    number = table.needed("memfd_create")
    assert answer(filter_at_work(table, PID, memory_files=False), table.audit, number) == EPERM
    assert answer(filter_at_work(table, PID, memory_files=True), table.audit, number) == ALLOW


def test_numbers_of_both_columns_are_distinct() -> None:
    for machine in MACHINES:
        numbers = [Table(machine).needed(name) for name in REFUSED_ALWAYS]
        assert len(set(numbers)) == len(numbers)
        assert max(numbers) <= LAST_KNOWN


def test_a_program_fits_the_kernels_limit(filters: Filters) -> None:
    for program in (filters.first, filters.second):
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096
