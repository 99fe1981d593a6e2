import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from desktop.control import messages
from desktop.control.address import DoorAddress, Port, PortAddress, SocketAddress, door_in, read_port, write_port
from desktop.control.answers import Done, JobAnswer, JobsAnswer, TextAnswer
from desktop.control.client import DoorClient, Refused
from desktop.control.messages import (
    Pause,
    Quit,
    ReadJob,
    ReadJobs,
    ReadPhrase,
    ReadReport,
    Request,
    Resume,
    Watch,
    WriteSetting,
)
from desktop.control.server import MOST_CLIENTS, Door
from desktop.control.snapshot import Snapshot
from desktop.domain.errors import AlreadyRunning, StorageUnusable, Unavailable
from desktop.domain.node_state import NodeState, Reason
from tests.fakes.patience import until
from tests.fakes.steward import PHRASE, FakeSteward

WITHIN_S = 20.0  # all of it takes a moment; a computer that is busy with other things may take longer


@asynccontextmanager
async def open_door(steward: FakeSteward, address: DoorAddress) -> AsyncIterator[Door]:
    door = Door(steward, address, version="0.1.0")
    await door.open()
    try:
        yield door
    finally:
        await door.close()


@pytest.fixture(params=["socket", "port"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> DoorAddress:
    if request.param == "socket":
        return SocketAddress(tmp_path / "run" / "door.sock")
    return PortAddress(tmp_path / "run" / "door.json")


async def test_a_client_sees_a_snapshot_and_then_each_change(address: DoorAddress) -> None:
    steward = FakeSteward()
    async with open_door(steward, address), DoorClient(address) as client:
        first = await client.ask(lambda number: Watch(id=number))
        assert isinstance(first, Snapshot)
        assert first == steward.picture
        assert await client.ask(lambda number: Pause(id=number, until_ms=7)) == Done()
        paused = await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.PAUSED), WITHIN_S)
        assert paused.status.paused_until_ms == 7
        assert paused.recent == first.recent


async def test_what_the_node_announces_reaches_every_watcher(address: DoorAddress) -> None:
    steward = FakeSteward()
    async with open_door(steward, address) as door, DoorClient(address) as one, DoorClient(address) as other:
        for client in (one, other):
            await client.ask(lambda number: Watch(id=number))
        steward.show(NodeState.OFFLINE, Reason.NO_RELAY)
        door.changed()
        for client in (one, other):
            await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.OFFLINE), WITHIN_S)


async def test_what_nobody_announces_is_seen_too(address: DoorAddress) -> None:
    steward = FakeSteward()
    async with open_door(steward, address), DoorClient(address) as client:
        await client.ask(lambda number: Watch(id=number))
        await asyncio.sleep(0)
        steward.show(NodeState.OFFLINE, Reason.NO_RELAY)
        await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.OFFLINE), WITHIN_S)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda number: ReadJob(id=number, job_id="nothing"), "RequestError"),
        (lambda number: WriteSetting(id=number, name="colour", value="red"), "SettingsError"),
    ],
)
async def test_an_expected_failure_comes_back_in_words(
    address: DoorAddress, make: Callable[[int], messages.AnyRequest], kind: str
) -> None:
    async with open_door(FakeSteward(), address), DoorClient(address) as client:
        with pytest.raises(Refused) as refused:
            await client.ask(make)
        assert refused.value.kind == kind
        assert refused.value.what


async def test_a_bug_answers_one_word_and_spares_the_door(tmp_path: Path) -> None:
    steward = FakeSteward()
    async with open_door(steward, SocketAddress(tmp_path / "d")), DoorClient(SocketAddress(tmp_path / "d")) as client:
        steward.bug = True
        with pytest.raises(Refused, match="made a mistake"):
            await client.ask(lambda number: Watch(id=number))
        assert isinstance(await client.ask(lambda number: ReadReport(id=number)), TextAnswer)


async def test_every_word_has_its_answer(address: DoorAddress) -> None:
    steward = FakeSteward()
    async with open_door(steward, address), DoorClient(address) as client:
        jobs = await client.ask(lambda number: ReadJobs(id=number, limit=10))
        assert isinstance(jobs, JobsAnswer)
        assert jobs.before == 240
        job = await client.ask(lambda number: ReadJob(id=number, job_id=jobs.jobs[0].id))
        assert isinstance(job, JobAnswer)
        assert await client.ask(lambda number: ReadPhrase(id=number)) == TextAnswer(text=PHRASE)
        await client.ask(lambda number: Resume(id=number))
        await client.ask(lambda number: Quit(id=number))
    assert steward.followed == ["resume", "quit"]


async def test_a_word_the_node_cannot_follow_is_refused_and_not_offered(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(frozenset({"pause"})), address), DoorClient(address) as client:
        assert client.welcome.words == ("pause", "watch")
        with pytest.raises(Refused, match="cannot do that"):
            await client.ask(lambda number: ReadPhrase(id=number))


async def test_a_bug_at_one_look_leaves_no_watcher_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    steward, address = FakeSteward(), SocketAddress(tmp_path / "d")
    async with open_door(steward, address) as door, DoorClient(address) as client:
        await client.ask(lambda number: Watch(id=number))
        steward.bug = True
        door.changed()
        await until(lambda: "ZeroDivisionError" in caplog.text)
        steward.bug = False
        steward.show(NodeState.OFFLINE, Reason.NO_RELAY)
        door.changed()
        await asyncio.wait_for(client.wait_until(lambda now: now.status.state is NodeState.OFFLINE), WITHIN_S)


async def test_a_mistake_is_logged_with_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    steward, address = FakeSteward(), SocketAddress(tmp_path / "d")
    async with open_door(steward, address), DoorClient(address) as client:
        steward.bug = True
        with pytest.raises(Refused, match="made a mistake"):
            await client.ask(lambda number: Watch(id=number))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "the word Watch failed" in caplog.text
    assert "in snapshot" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b'{"do":"job","id":3,"job_id":"\xff"}\n',
        b'{"do":"fly","id":3}\n',
        b'{"do":"pause","id":3,"until_ms":-1}\n',
    ],
)
async def test_nonsense_is_refused_and_the_connection_lives(tmp_path: Path, line: bytes) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(), address):
        reader, writer = await asyncio.open_unix_connection(address.path)
        writer.write(messages.encode(messages.Hello(id=1, protocol=messages.PROTOCOL)))
        await reader.readline()
        writer.write(line + messages.encode(ReadReport(id=9)))
        refused = msgspec.json.decode(await reader.readline())
        assert refused["refusal"]["what"]
        assert msgspec.json.decode(await reader.readline())["id"] == 9
        writer.close()


async def test_an_endless_line_is_hung_up_on(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(), address):
        reader, writer = await asyncio.open_unix_connection(address.path)
        writer.write(messages.encode(messages.Hello(id=1, protocol=messages.PROTOCOL)))
        await reader.readline()
        writer.write(b"x" * (messages.MAX_REQUEST_BYTES * 3))
        assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
        writer.close()


async def test_another_version_is_told_in_words(address: DoorAddress) -> None:
    async with open_door(FakeSteward(), address):
        if isinstance(address, SocketAddress):
            reader, writer = await asyncio.open_unix_connection(address.path)
            token = ""
        else:
            port = read_port(address.file)
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            token = port.token
        writer.write(messages.encode(messages.Hello(id=1, protocol=messages.PROTOCOL + 1, token=token)))
        assert msgspec.json.decode(await reader.readline())["refusal"]["kind"] == "OtherVersion"
        assert await reader.readline() == b""
        writer.close()


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        messages.encode(Watch(id=1)),
        b'{"do":"hello","id":1,"protocol":1}\n',
        '{"do":"hello","id":1,"protocol":1,"token":"Schlüssel"}\n'.encode(),
        b"\xff\n",
    ],
)
async def test_a_port_says_nothing_to_whoever_has_no_token(tmp_path: Path, first: bytes) -> None:
    address = PortAddress(tmp_path / "door.json")
    async with open_door(FakeSteward(), address):
        reader, writer = await asyncio.open_connection("127.0.0.1", read_port(address.file).number)
        writer.write(first)
        assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
        writer.close()


async def test_only_the_owner_may_use_the_door(tmp_path: Path) -> None:
    socket, file = tmp_path / "run" / "d", tmp_path / "run" / "door.json"
    async with open_door(FakeSteward(), SocketAddress(socket)), open_door(FakeSteward(), PortAddress(file)):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert not socket.exists()
    assert not file.exists()


async def test_a_second_node_is_told_about_the_first(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(), address):
        with pytest.raises(AlreadyRunning):
            await Door(FakeSteward(), address, version="0.1.0").open()


async def test_the_socket_of_a_killed_node_is_replaced(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    dead = await asyncio.create_subprocess_exec(
        "python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).bind({str(address.path)!r})"
    )
    await dead.wait()
    assert address.path.exists()
    async with open_door(FakeSteward(), address), DoorClient(address) as client:
        assert client.welcome.version == "0.1.0"


async def test_a_door_that_was_replaced_leaves_the_new_one_alone(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(), address):
        address.path.rename(tmp_path / "aside")
        address.path.write_text("somebody else's")
    assert address.path.exists()


async def test_no_node_is_said_in_words(address: DoorAddress) -> None:
    with pytest.raises(Unavailable, match="not running"):
        async with DoorClient(address):
            pass


async def test_a_node_that_goes_away_ends_the_waiting(address: DoorAddress) -> None:
    async with open_door(FakeSteward(), address) as door, DoorClient(address) as client:
        await client.ask(lambda number: Watch(id=number))
        waiting = asyncio.create_task(client.wait_until(lambda _: False))
        await door.close()
        with pytest.raises(Unavailable, match="went away"):
            await asyncio.wait_for(waiting, WITHIN_S)
        with pytest.raises(Unavailable, match="went away"):
            await client.ask(lambda number: Resume(id=number))


async def test_there_is_an_end_to_how_many_may_come_in(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "d")
    async with open_door(FakeSteward(), address):
        crowd = [await asyncio.open_unix_connection(address.path) for _ in range(MOST_CLIENTS)]
        reader, writer = await asyncio.open_unix_connection(address.path)
        assert await asyncio.wait_for(reader.read(), WITHIN_S) == b""
        for _, out in [*crowd, (reader, writer)]:
            out.close()


def test_a_path_no_socket_can_have_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StorageUnusable, match="too long"):
        door_in(tmp_path / ("x" * 120))


def test_a_port_file_that_is_garbage_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "door.json"
    write_port(file, Port(1, "secret"))
    assert read_port(file).number == 1
    assert "secret" not in repr(read_port(file))
    file.write_text("{")
    with pytest.raises(Unavailable):
        read_port(file)


def test_each_word_is_told_apart_by_its_name() -> None:
    names = [str(kind.__struct_config__.tag) for kind in Request.__subclasses__()]
    assert len(set(names)) == len(names)
    assert all(name.isalpha() for name in names)


async def test_it_closes_at_whatever_instant_the_last_news_came(tmp_path: Path) -> None:
    """A stopping node tells its last state just before its door closes; the door must hear both."""
    for turns in range(12):
        async with asyncio.timeout(WITHIN_S):
            async with open_door(FakeSteward(), SocketAddress(tmp_path / "door.sock")) as door:
                await asyncio.sleep(0)
                door.changed()
                for _ in range(turns):
                    await asyncio.sleep(0)
