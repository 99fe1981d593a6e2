"""Attempts to get out of the sandbox, or to harm the computer from inside it. Each returns when it has won.

Run inside a worker's process by `run_attacks`, with nothing but the standard library. The same functions run without
a sandbox, and must win there: an attack that cannot win proves nothing.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.worker.frames import FrameKind, encode_frame
from desktop.worker.sandbox.threshold import Threshold

_MIB = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)
_X86 = platform.machine() == "x86_64"


@dataclass(frozen=True)
class Bait:
    """What stands ready outside: files, ports, sockets, processes."""

    home: str
    private_file: str
    public_file: str
    model_file: str
    tcp_port: int
    udp_port: int
    unix_socket: str
    abstract_socket: str
    node_pid: int
    bystander_pid: int


class Refused(Exception):
    """The attempt came to nothing, though no call failed."""


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _syscall(x86: int, arm: int, *arguments: object) -> int:
    # The seventh goes over the stack, where a plain number fills half of its place and leaves the rest as it was.
    whole = (ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)
    return _check(int(_libc.syscall(x86 if _X86 else arm, *whole)))


# --- reading -------------------------------------------------------------------------------------------------------


def read_private_file(bait: Bait) -> None:
    Path(bait.private_file).read_bytes()


def read_public_file(bait: Bait) -> None:
    Path(bait.public_file).read_bytes()


def list_home(bait: Bait) -> None:
    os.listdir(bait.home)  # noqa: PTH208 - the call itself is the attack


def read_users(bait: Bait) -> None:
    del bait
    Path("/etc/passwd").read_bytes()


def read_node_environment(bait: Bait) -> None:
    Path(f"/proc/{bait.bystander_pid}/environ").read_bytes()


def read_any_environment(bait: Bait) -> None:
    """Any process that is not this one: its environment, command line or memory map."""
    del bait
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            for name in ("environ", "cmdline", "maps"):
                with contextlib.suppress(OSError):
                    if (entry / name).read_bytes():
                        return
    raise Refused("nothing to be read")


def read_mounts(bait: Bait) -> None:
    del bait
    Path("/proc/self/mountinfo").read_bytes()


def read_own_environment_of_node(bait: Bait) -> None:
    """What the node was started with must not have come along."""
    del bait
    if "HEARTH_TEST_SECRET" not in os.environ:
        raise Refused("it is not there")


def read_kernel_addresses(bait: Bait) -> None:
    del bait
    Path("/proc/kallsyms").read_bytes()


# --- writing -------------------------------------------------------------------------------------------------------


def write_model(bait: Bait) -> None:
    with open(bait.model_file, "ab"):  # noqa: PTH123 - the call itself is the attack
        return


def make_file_in_home(bait: Bait) -> None:
    Path(bait.home, "made").touch()


def make_file_in_tmp(bait: Bait) -> None:
    del bait
    path = Path(f"/dev/shm/made-{os.getpid()}")  # noqa: S108 - what would work anywhere else
    path.touch()
    path.unlink()


def change_mode(bait: Bait) -> None:
    os.chmod(bait.public_file, 0o600)  # noqa: PTH101 - same


def make_symlink(bait: Bait) -> None:
    link = Path(f"/dev/shm/link-{os.getpid()}")  # noqa: S108 - same
    link.symlink_to(bait.private_file)
    link.unlink()


def make_hard_link(bait: Bait) -> None:
    link = Path(bait.home, f"hard-{os.getpid()}")
    link.hardlink_to(bait.public_file)
    link.unlink()


def make_folder(bait: Bait) -> None:
    del bait
    folder = Path(f"/dev/shm/folder-{os.getpid()}")  # noqa: S108 - same
    folder.mkdir()
    folder.rmdir()


def rename_model(bait: Bait) -> None:
    Path(bait.model_file).rename(bait.model_file + ".x")
    Path(bait.model_file + ".x").rename(bait.model_file)


def watch_files(bait: Bait) -> None:
    handle = _check(_libc.inotify_init1(0))
    _check(_libc.inotify_add_watch(handle, bait.home.encode(), 2))


# --- talking -------------------------------------------------------------------------------------------------------


def connect_tcp(bait: Bait) -> None:
    socket.create_connection(("127.0.0.1", bait.tcp_port), 1).close()


def connect_tcp6(bait: Bait) -> None:
    del bait
    socket.socket(socket.AF_INET6).close()


def send_udp(bait: Bait) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"here", ("127.0.0.1", bait.udp_port))


def connect_path_socket(bait: Bait) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(bait.unix_socket)


def connect_abstract_socket(bait: Bait) -> None:
    with socket.socket(socket.AF_UNIX) as local:
        local.connect(b"\0" + bait.abstract_socket.encode())


def listen_tcp(bait: Bait) -> None:
    del bait
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()


def open_netlink(bait: Bait) -> None:
    del bait
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


def open_socket_pair(bait: Bait) -> None:
    del bait
    for end in socket.socketpair():
        end.close()


def open_vsock(bait: Bait) -> None:
    del bait
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


def open_kernel_crypto(bait: Bait) -> None:
    del bait
    socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0).close()


# --- other processes -----------------------------------------------------------------------------------------------


def signal_bystander(bait: Bait) -> None:
    os.kill(bait.bystander_pid, signal.SIGUSR1)


def signal_parent(bait: Bait) -> None:
    del bait
    os.kill(os.getppid(), 0)


def signal_everybody(bait: Bait) -> None:
    del bait
    os.kill(-1, 0)


def queue_signal(bait: Bait) -> None:
    info = struct.pack("=iii", signal.SIGUSR1, 0, -1) + bytes(116)
    _syscall(129, 138, bait.bystander_pid, signal.SIGUSR1, info)


def signal_through_handle(bait: Bait) -> None:
    handle = _syscall(434, 434, bait.bystander_pid, 0)
    _syscall(424, 424, handle, signal.SIGUSR1, None, 0)


def trace_bystander(bait: Bait) -> None:
    _syscall(101, 117, 0x4206, bait.bystander_pid, 0, 0)  # PTRACE_SEIZE


def read_memory_of_bystander(bait: Bait) -> None:
    start = next(iter(Path(f"/proc/{bait.bystander_pid}/maps").read_text().splitlines())).partition("-")[0]
    with open(f"/proc/{bait.bystander_pid}/mem", "rb") as memory:  # noqa: PTH123 - same
        memory.seek(int(start, 16))
        memory.read(16)


def read_memory_by_call(bait: Bait) -> None:
    buffer = ctypes.create_string_buffer(8)
    vector = struct.pack("=QQ", ctypes.addressof(buffer), 8)
    _syscall(310, 270, os.getppid(), vector, 1, vector, 1, 0)
    del bait


def change_priority(bait: Bait) -> None:
    os.setpriority(os.PRIO_PROCESS, bait.bystander_pid, 5)


def change_own_priority(bait: Bait) -> None:
    del bait
    os.nice(1)


def change_limits_of_bystander(bait: Bait) -> None:
    resource.prlimit(bait.bystander_pid, resource.RLIMIT_CORE, (0, 0))


def change_own_limits(bait: Bait) -> None:
    del bait
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def fork(bait: Bait) -> None:
    del bait
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def execute(bait: Bait) -> None:
    del bait
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 127:
        raise Refused("it could not be executed")


def execute_from_memory(bait: Bait) -> None:
    del bait
    handle = os.memfd_create("program")
    os.write(handle, Path("/proc/self/exe").read_bytes())
    child = os.fork()
    if child == 0:
        os.execve(handle, ["program", "-c", ""], {})  # noqa: S606 - same
    os.waitpid(child, 0)


def become_daemon(bait: Bait) -> None:
    del bait
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise Refused("no session of its own")


# --- the kernel ----------------------------------------------------------------------------------------------------


def new_user_namespace(bait: Bait) -> None:
    del bait
    if _syscall(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        os._exit(0)
    os.wait()


def unshare_user_namespace(bait: Bait) -> None:
    del bait
    _check(_libc.unshare(0x10000000))


def mount_something(bait: Bait) -> None:
    del bait
    _check(_libc.mount(b"none", b"/mnt", b"tmpfs", 0, None))
    _check(_libc.umount2(b"/mnt", 2))


def open_mount_tree(bait: Bait) -> None:
    del bait
    os.close(_syscall(428, 428, -100, b"/", 1))


def change_root(bait: Bait) -> None:
    del bait
    os.chroot("/")


def load_program_into_kernel(bait: Bait) -> None:
    del bait
    os.close(_syscall(321, 280, 0, struct.pack("=IIII", 2, 4, 4, 1) + bytes(112), 128))


def count_events(bait: Bait) -> None:
    del bait
    attributes = struct.pack("=IIQQQQQ", 1, 112, 1, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(64)
    os.close(_syscall(298, 241, attributes, 0, -1, -1, 0))


def set_up_ring(bait: Bait) -> None:
    del bait
    os.close(_syscall(425, 425, 1, bytes(120)))


def handle_page_faults(bait: Bait) -> None:
    del bait
    os.close(_syscall(323, 282, 1))


def watch_everything(bait: Bait) -> None:
    del bait
    os.close(_syscall(300, 262, 0x200, 0))


def add_key(bait: Bait) -> None:
    del bait
    _syscall(248, 217, b"user", b"hearth-test", b"x", 1, -1)


def shared_memory(bait: Bait) -> None:
    del bait
    segment = _syscall(29, 194, 0, 4096, 0o600 | 0o1000)
    _syscall(31, 195, segment, 0, None)


def message_queue(bait: Bait) -> None:
    del bait
    os.close(_syscall(240, 180, b"hearth-test", os.O_CREAT | os.O_RDWR, 0o600, None))
    _syscall(241, 181, b"hearth-test")


def secret_memory(bait: Bait) -> None:
    del bait
    os.close(_syscall(447, 447, 0))


def open_by_handle(bait: Bait) -> None:
    handle = struct.pack("=Ii", 128, 0) + bytes(128)
    _syscall(303, 264, -100, bait.public_file.encode(), handle, ctypes.byref(ctypes.c_int()), 0)


def remap_pages(bait: Bait) -> None:
    del bait
    with mmap.mmap(-1, 8192) as area:
        address = ctypes.addressof(ctypes.c_char.from_buffer(area))
        result = _libc.syscall(216 if _X86 else 234, ctypes.c_void_p(address), ctypes.c_size_t(4096), 0, 1, 0)
        number = ctypes.get_errno()
    if result < 0:
        raise OSError(number, os.strerror(number))


def newer_call(bait: Bait) -> None:
    """A call that came after the filters were written: map the statistics of a file in the page cache."""
    handle = os.open(bait.model_file, os.O_RDONLY)
    _syscall(451, 451, handle, bytes(16), bytes(40), 0)


def set_clock(bait: Bait) -> None:
    del bait
    now = time.clock_gettime_ns(time.CLOCK_REALTIME)
    _check(_libc.clock_settime(0, struct.pack("=qq", now // 10**9, now % 10**9)))


def set_host_name(bait: Bait) -> None:
    del bait
    socket.sethostname(socket.gethostname())


def become_root(bait: Bait) -> None:
    del bait
    os.setuid(0)


def make_device(bait: Bait) -> None:
    path = Path(bait.home, f"device-{os.getpid()}")
    os.mknod(path, 0o600 | 0x6000, os.makedev(7, 0))
    path.unlink()


def read_disk(bait: Bait) -> None:
    del bait
    for name in os.listdir("/sys/class/block"):  # noqa: PTH208 - same
        with contextlib.suppress(OSError), open(f"/dev/{name}", "rb") as disk:  # noqa: PTH123 - same
            disk.read(512)
            return
    raise Refused("no disk")


def push_into_terminal(bait: Bait) -> None:
    del bait
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setsid()
    master, slave = os.openpty()
    fcntl.ioctl(slave, 0x540E, 0)  # our controlling terminal, in a session of our own
    fcntl.ioctl(slave, 0x5412, b"x")
    os.close(master)


def learn_host_name(bait: Bait) -> None:
    del bait
    if socket.gethostname() == "worker":
        raise Refused("a neutral name")


def learn_owner(bait: Bait) -> None:
    """The owner's name, or a path on this computer, in anything that can be read about oneself."""
    del bait
    for name in ("self/environ", "self/mountinfo", "self/maps", "1/cmdline", "1/environ"):
        with contextlib.suppress(OSError):
            text = Path("/proc", name).read_text(errors="replace")
            if any(sign in text for sign in ("/home", "/root", "/tmp/", "/work")):  # noqa: S108 - looked for
                return
    raise Refused("nothing")


def count_processes(bait: Bait) -> None:
    del bait
    others = [entry for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - same
    if len(others) < 5:
        raise Refused("only its own")


ATTACKS: Final[dict[str, Callable[[Bait], None]]] = {
    function.__name__: function
    for function in (
        read_private_file, read_public_file, list_home, read_users, read_node_environment, read_any_environment,
        read_mounts, read_own_environment_of_node, read_kernel_addresses,
        write_model, make_file_in_home, make_file_in_tmp, change_mode, make_symlink, make_hard_link, make_folder,
        rename_model, watch_files,
        connect_tcp, connect_tcp6, send_udp, connect_path_socket, connect_abstract_socket, listen_tcp, open_netlink,
        open_socket_pair, open_vsock, open_kernel_crypto,
        signal_bystander, signal_parent, signal_everybody, queue_signal, signal_through_handle, trace_bystander,
        read_memory_of_bystander, read_memory_by_call, change_priority, change_own_priority,
        change_limits_of_bystander, change_own_limits, fork, execute, execute_from_memory, become_daemon,
        new_user_namespace, unshare_user_namespace, mount_something, open_mount_tree, change_root,
        load_program_into_kernel, count_events, set_up_ring, handle_page_faults, watch_everything, add_key,
        shared_memory, message_queue, secret_memory, open_by_handle, remap_pages, newer_call, set_clock,
        set_host_name, become_root, make_device, read_disk, push_into_terminal,
        learn_host_name, learn_owner, count_processes,
    )
}  # fmt: skip


# --- too much ------------------------------------------------------------------------------------------------------


def thread_bomb(bait: Bait) -> None:
    del bait
    over = threading.Event()
    try:
        for _ in range(600):
            threading.Thread(target=over.wait, daemon=True).start()
    except RuntimeError as error:
        raise Refused(str(error)) from error
    finally:
        over.set()


def process_bomb(bait: Bait) -> None:
    del bait
    children = []
    try:
        for _ in range(300):
            child = os.fork()
            if child == 0:
                time.sleep(30)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def memory_bomb(bait: Bait) -> None:
    del bait
    blocks = []
    for _ in range(40):
        blocks.append(bytearray(os.urandom(1)) * (10 * _MIB))
        time.sleep(0.005)


def shared_memory_bomb(bait: Bait) -> None:
    del bait
    with mmap.mmap(-1, 800 * _MIB) as area:
        for start in range(0, 800 * _MIB, 4096):
            area[start] = 1
        time.sleep(0.2)


def descriptor_bomb(bait: Bait) -> None:
    for _ in range(900):
        os.open(bait.model_file, os.O_RDONLY)


def disk_bomb(bait: Bait) -> None:
    """More small files than the scratch folder holds, after one that is larger than a file may be."""
    del bait
    folder = Path(os.environ["TMPDIR"])
    name = f"bomb-{os.getpid()}"
    try:
        for number in range(20):
            with (folder / f"{name}-{number}").open("wb") as file:
                file.write(bytes(4 * _MIB))
    finally:
        for path in folder.glob(f"{name}-*"):
            path.unlink()


def large_file(bait: Bait) -> None:
    del bait
    path = Path(os.environ["TMPDIR"], f"large-{os.getpid()}")
    try:
        with path.open("wb") as file:
            file.truncate(100 * _MIB)
    finally:
        path.unlink(missing_ok=True)


def print_flood(bait: Bait) -> None:
    del bait
    for _ in range(4000):
        os.write(1, b"x" * 1000)
    time.sleep(0.3)


def _run_machine_code(code: bytes) -> int:
    area = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    area.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    return int(ctypes.CFUNCTYPE(ctypes.c_long)(address)())


def call_as_32_bit(bait: Bait) -> None:
    """getpid by the 32-bit door, whose numbers mean other calls."""
    del bait
    if _X86 and _run_machine_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3") != os.getpid():
        raise Refused("another answer")


def call_as_x32(bait: Bait) -> None:
    del bait
    if _X86:
        result = _run_machine_code(b"\xb8\x27\x00\x00\x40\x0f\x05\xc3")
        if result != os.getpid():
            raise OSError(errno.ENOSYS, "this kernel has no x32 calls")


BOMBS: Final[dict[str, Callable[[Bait], None]]] = {
    function.__name__: function
    for function in (
        thread_bomb, process_bomb, memory_bomb, shared_memory_bomb, descriptor_bomb, disk_bomb, large_file, print_flood,
        call_as_32_bit, call_as_x32,
    )
}  # fmt: skip
"""Each of these is run in a process of its own, which it may cost."""

FOR_ROOT: Final = frozenset({
    "mount_something", "open_mount_tree", "change_root", "load_program_into_kernel", "set_clock", "set_host_name",
    "become_root", "make_device", "read_disk", "push_into_terminal",
})  # fmt: skip
"""What an ordinary user cannot do anyway; without a sandbox these win as root."""

MAY_BE_ABSENT: Final = frozenset({"open_vsock", "open_kernel_crypto", "call_as_x32"})
"""What a kernel may lack altogether, so that it cannot win on every computer."""


def run_attacks(bait: Bait, names: list[str]) -> dict[str, str]:
    """How each of them ended: "won", or what stood in its way."""
    outcomes = {}
    for name in names:
        try:
            (ATTACKS | BOMBS)[name](bait)
        except (OSError, Refused, RuntimeError, ValueError, MemoryError) as error:
            outcomes[name] = f"{type(error).__name__}: {error}"
        else:
            outcomes[name] = "won"
    return outcomes


def main(threshold: Threshold) -> int:
    """Arguments: the bait as JSON, and the attacks' names."""
    bait, *names = threshold.arguments
    outcomes = run_attacks(Bait(**json.loads(bait)), names)
    threshold.channel.sendall(encode_frame(FrameKind.MESSAGE, json.dumps(outcomes).encode()))
    return 0
