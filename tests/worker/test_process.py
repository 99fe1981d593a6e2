"""The worker's loop before it has begun, in a thread and without a process; after that: test_handle."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from desktop.worker.frames import FrameKind, encode_frame
from desktop.worker.messages import Cancel, encode
from desktop.worker.process import run
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import SandboxMode
from desktop.worker.sandbox.threshold import Errand, Threshold
from tests.worker.scripted import ScriptedServing

BAD_FRAME = 3


@dataclass
class Running:
    """A loop in a thread: what to say to it, and how it ended."""

    node: socket.socket
    thread: threading.Thread
    status: list[int]

    def end(self) -> int:
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.status[0]


@pytest.fixture
def running() -> Iterator[Running]:
    node, worker = socket.socketpair()
    errand = Errand("", SandboxMode.NONE, worker.detach(), (), {}, (), (), (), (), Limits(), 0, graphics=False)
    threshold, status = Threshold(errand), list[int]()

    def serve() -> None:
        status.append(run(threshold, lambda: lambda _: ScriptedServing(threshold.channel), frame_deadline_s=0.2))

    thread = threading.Thread(target=serve)
    thread.start()
    with node, threshold.channel:
        yield Running(node, thread, status)
        node.close()
        thread.join(60)


def test_it_ends_when_the_node_goes_away(running: Running) -> None:
    running.node.close()
    assert running.end() == 0


@pytest.mark.parametrize(
    "said",
    [
        encode(Cancel("job")),
        encode_frame(FrameKind.RAW, b"x"),
        encode_frame(FrameKind.MESSAGE, b"{}"),
        b"\x7f\xff\xff\xff\x01",
        b"\x00\x00\x00\x01\x09x",
    ],
    ids=["not begin", "raw", "no word", "too long", "no kind"],
)
def test_it_ends_at_the_first_frame_that_breaks_the_rules(running: Running, said: bytes) -> None:
    running.node.sendall(said)
    assert running.end() == BAD_FRAME


def test_it_ends_at_a_frame_that_is_not_finished(running: Running) -> None:
    running.node.sendall(b"\x00\x00\x00\x09\x01half")
    assert running.end() == BAD_FRAME
