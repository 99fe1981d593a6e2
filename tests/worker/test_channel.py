import asyncio
import socket
from collections.abc import Iterator

import pytest

from desktop.domain.errors import FrameError
from desktop.worker.channel import Channel
from desktop.worker.frames import Frame, FrameKind, encode_frame


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(0)
        yield ours, theirs


async def test_frames_pass_in_both_directions_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    left, right = map(Channel, pair)
    writer = asyncio.create_task(left.write_all())
    sent = [Frame(FrameKind.RAW, bytes([n]) * 50_000 * n) for n in range(1, 20)]
    for frame in sent:
        left.post(encode_frame(frame.kind, frame.payload))
    assert [await right.receive() for _ in sent] == sent
    writer.cancel()


async def test_a_frame_that_is_not_finished_in_time_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    channel = Channel(ours, frame_deadline_s=0.1)
    whole = encode_frame(FrameKind.RAW, b"x" * 100)
    theirs.send(whole + whole[:50])
    assert await channel.receive() == Frame(FrameKind.RAW, b"x" * 100)
    with pytest.raises(FrameError, match="in time"):
        await channel.receive()


async def test_bytes_that_trickle_do_not_put_off_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair

    async def trickle() -> None:
        for byte in encode_frame(FrameKind.RAW, b"x" * 100):
            theirs.send(bytes([byte]))
            await asyncio.sleep(0.01)

    task = asyncio.create_task(trickle())
    with pytest.raises(FrameError, match="in time"):
        await Channel(ours, frame_deadline_s=0.2).receive()
    task.cancel()


async def test_silence_between_frames_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    channel = Channel(ours, frame_deadline_s=0.05)
    receiving = asyncio.create_task(channel.receive())
    await asyncio.sleep(0.2)
    theirs.send(encode_frame(FrameKind.RAW, b"late"))
    assert await receiving == Frame(FrameKind.RAW, b"late")


@pytest.mark.parametrize("last", [b"", b"\x00\x00\x00\x09\x01half"])
async def test_the_other_side_going_away_is_the_end(pair: tuple[socket.socket, socket.socket], last: bytes) -> None:
    ours, theirs = pair
    theirs.send(last)
    theirs.close()
    assert await Channel(ours).receive() is None


async def test_writing_to_nobody_ends_quietly(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    channel = Channel(ours)
    channel.post(b"x" * 10)
    async with asyncio.timeout(30):
        await channel.write_all()
