"""The exact line a confined process is started with, in every mode and for every kind of owner."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from desktop.domain.errors import SandboxUnavailable, WorkerError
from desktop.worker.sandbox import account, bubblewrap, layout
from desktop.worker.sandbox.layout import Layout, Place
from desktop.worker.sandbox.limits import Limits, tasks_of
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.sandbox.seccomp import filter_at_exec
from desktop.worker.sandbox.syscalls import Table
from desktop.worker.sandbox.threshold import Errand

_STAGE: Final = Path("/tmp")  # noqa: S108 - the empty one of `descend.py`
_COUNTED_PER_NAMESPACE: Final = (5, 14)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, and what of this computer it is given.

    `graphics` are the device files of one graphics card, `visible_card` is its UUID: of several cards, CUDA sees that
    one alone. `threads` bounds what numeric libraries start.
    """

    module: str
    arguments: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    limits: Limits = field(default_factory=Limits)
    threads: int | None = None
    graphics: tuple[Path, ...] = ()
    visible_card: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A process to start. `descriptors` are to be passed on and closed afterwards; `user` is who it will be.

    `layout` says where the process sees what. `reads_any` says that it keeps the right to pass folder permissions,
    under Landlock: the program lies where only root may enter, and there are no namespaces to move it.
    """

    argv: list[str]
    environment: dict[str, str]
    descriptors: tuple[int, ...]
    user: int
    layout: Layout
    reads_any: bool = False


def compose(order: Order, mode: SandboxMode, runtime: Runtime, *, channel: int) -> Line:
    """The line for an order; `channel` is the descriptor of its socket, -1 for a tool.

    Where the node runs as root, writable folders are handed over to the user the process will be. SandboxUnavailable,
    with advice, where something the mode needs is missing, WorkerError where that user could not read what it is given.
    """
    as_root = os.geteuid() == 0
    user = account.unprivileged_user() if as_root else os.geteuid()
    if as_root:
        _open_up(order, user)
    if mode is SandboxMode.NAMESPACES:
        seen = layout.moved(runtime, readable=order.readable, writable=order.writable)
    else:
        seen = layout.in_place(runtime, readable=order.readable, writable=order.writable)
    facts = layout.GRAPHICS_FACTS if order.graphics else ()
    written = (*order.graphics, layout.THREAD_NAMES) if order.graphics else ()
    errand = Errand(
        module=order.module,
        mode=mode,
        channel=channel,
        arguments=tuple(map(seen.translate, order.arguments)),
        packages={name: str(folder) for name, folder in seen.packages.items()},
        site=tuple(map(str, seen.site)),
        readable=(*map(str, seen.readable), *facts),
        writable=tuple(map(str, seen.writable)),
        devices=tuple(map(str, (*seen.devices, *written))),
        limits=order.limits,
        tasks_of_others=_tasks_of_others(mode, user),
        graphics=bool(order.graphics),
    )
    program = [
        str(seen.interpreter),
        *("-I", "-S", "-B"),
        str(seen.packages["desktop"] / "worker" / "sandbox" / "enter.py"),
        json.dumps(errand.as_json()),
    ]
    environment = _environment(seen, order)
    if mode is SandboxMode.NAMESPACES:
        return _in_namespaces(program, environment, seen, user, order, runtime, as_root=as_root)
    read_any = False
    if as_root:
        read_any = not all(account.others_may_read(place.host) for place in seen.places)
        if read_any and mode is SandboxMode.NONE:
            raise SandboxUnavailable(
                "The program lies in a folder that only the administrator may enter.",
                why="The worker runs as another user, and without a sandbox it cannot safely be let in there.",
                now="Move Hearth to a folder that every user may read, such as /opt, or run it as an ordinary user.",
            )
        program = _from_root(runtime, user, program, read_any=read_any)
    return Line(program, environment, (), user, seen, reads_any=read_any)


def _open_up(order: Order, user: int) -> None:
    """Hand over what the other user writes to, and make sure that it can read the rest."""
    for path in order.readable:
        closed = account.closed_to_others(path)
        if closed is not None:
            raise WorkerError(
                f"The worker may not read {closed}.",
                why="The node runs as root, the worker as a user that owns nothing.",
                now=f"Run `chmod -R a+rX '{path}'`, or run Hearth as an ordinary user.",
            )
    for folder in order.writable:
        os.chown(folder, user, user)


def _in_namespaces(
    program: list[str],
    environment: dict[str, str],
    seen: Layout,
    user: int,
    order: Order,
    runtime: Runtime,
    *,
    as_root: bool,
) -> Line:
    tool = bubblewrap.find_bubblewrap()
    if tool is None:
        raise SandboxUnavailable(
            "The program bubblewrap, which makes the sandbox, is not on this computer.",
            now="Install the package `bubblewrap`.",
        )
    staged = _staged(seen) if as_root else seen
    filter_fd = _memory_file(filter_at_exec(Table(platform.machine())))
    arguments = bubblewrap.arguments(
        staged,
        environment=environment,
        filter_fd=filter_fd,
        scratch_bytes=order.limits.scratch_bytes,
        devices=order.graphics,
    )
    arguments_fd = _memory_file(bubblewrap.packed(arguments))
    argv = [str(tool), "--args", str(arguments_fd), "--", *program]
    if as_root:
        mounts = [(place.host, at.host.name) for place, at in zip(seen.places, staged.places, strict=True)]
        argv[0] = str(_staged_path(tool, seen, staged))
        argv = _from_root(runtime, user, argv, mounts=mounts)
    return Line(argv, {}, (filter_fd, arguments_fd), user, seen)


def _from_root(
    runtime: Runtime,
    user: int,
    argv: list[str],
    *,
    mounts: Sequence[tuple[Path, str]] = (),
    read_any: bool = False,
) -> list[str]:
    errand = {
        "uid": user,
        "argv": argv,
        "mounts": [(str(path), name) for path, name in mounts],
        "read_any": read_any,
    }
    script = Path(__file__).with_name("descend.py")
    return [str(runtime.interpreter), "-I", "-S", "-B", str(script), json.dumps(errand)]


def _staged(seen: Layout) -> Layout:
    """The same places, found where `descend.py` mounts them."""
    places = tuple(
        Place(_STAGE / str(number), place.inside, writable=place.writable) for number, place in enumerate(seen.places)
    )
    return Layout(seen.interpreter, seen.library_folder, seen.site, seen.packages, places)


def _staged_path(path: Path, seen: Layout, staged: Layout) -> Path:
    for place, at in zip(seen.places, staged.places, strict=True):
        if path.is_relative_to(place.host):
            return at.host / path.relative_to(place.host)
    return path


def _environment(seen: Layout, order: Order) -> dict[str, str]:
    """All of it: nothing of the node's own environment goes in."""
    environment = {
        "CUDA_CACHE_PATH": "/tmp",  # noqa: S108 - its own, empty one
        "HF_HUB_OFFLINE": "1",
        "HOME": "/tmp",  # noqa: S108 - same
        "LANG": "C.UTF-8",
        # Threads that wait for each other sleep. Spinning, as is usual, they take from the owner's programs, and as
        # soon as those want the processor too, they spin for a thread that is not running: ten times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
        "PATH": "/nonexistent",
        "TMPDIR": "/tmp",  # noqa: S108 - same
        "TRANSFORMERS_OFFLINE": "1",
    }
    if seen.library_folder is not None:
        environment["LD_LIBRARY_PATH"] = str(seen.library_folder)
    if order.threads is not None:
        environment["OMP_NUM_THREADS"] = str(order.threads)
    if order.visible_card:
        environment["CUDA_VISIBLE_DEVICES"] = order.visible_card
    return environment


def _tasks_of_others(mode: SandboxMode, user: int) -> int:
    """Since Linux 5.14 a user namespace counts its user's tasks for itself; before, or without one, all count."""
    release = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    if mode is SandboxMode.NAMESPACES and release >= _COUNTED_PER_NAMESPACE:
        return 0
    return tasks_of(user)


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("hearth")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
