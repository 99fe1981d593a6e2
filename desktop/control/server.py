"""The door itself: one server per running node, any number of equal clients."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import sys
from contextlib import suppress
from typing import Final

import msgspec

from desktop.control import answers, messages
from desktop.control.address import (
    DoorAddress,
    Port,
    PortAddress,
    SocketAddress,
    new_token,
    require_own,
    write_port,
)
from desktop.control.answers import Done, Refusal, Result, Welcome
from desktop.control.snapshot import Snapshot, difference
from desktop.control.steward import Steward
from desktop.domain.errors import AlreadyRunning, HearthError, StorageUnusable, Unavailable

log = logging.getLogger(__name__)

GATHER_S: Final = 0.1  # changes within this time are told together
LOOK_S: Final = 2.0  # how often what nobody announces (temperature, load) is looked at while somebody watches
MOST_UNREAD_BYTES: Final = 8 * 2**20
MOST_CLIENTS: Final = 32
PROBE_S: Final = 1.0
HELLO_S: Final = 10.0
SLOW: Final = (messages.RunDoctor, messages.CheckReach, messages.BreakOut, messages.ReadReport, messages.ReadOutlook)
MOST_SLOW: Final = 4


class Door:
    """Serves `steward` at `address`. `changed` may be called at any time from the loop, as often as one likes."""

    def __init__(self, steward: Steward, address: DoorAddress, *, version: str) -> None:
        self._steward = steward
        self._address = address
        self._version = version
        self._token = ""
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._closing = False
        self._watcher: asyncio.Task[None] | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._watching: dict[asyncio.StreamWriter, Snapshot] = {}
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Begin to listen. Raises AlreadyRunning if another node answers there, StorageUnusable if nobody can."""
        try:
            if isinstance(self._address, SocketAddress):
                await self._open_socket(self._address)
            else:
                await self._open_port(self._address)
        except OSError as error:
            raise StorageUnusable(
                "The control socket cannot be made.",
                why=error.strerror or "",
                now="Give your user write access to Hearth's runtime folder.",
            ) from None
        self._watcher = asyncio.create_task(self._tell_changes(), name="control door")

    def changed(self) -> None:
        """Something about the node is another; watchers hear of it within `GATHER_S` and the time to look."""
        self._news.set()

    async def close(self) -> None:
        """Hang up on everybody and take the address away, if it is still ours."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        tasks = [*self._clients, *([self._watcher] if self._watcher else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # An accepted connection and a closed transport both need turns of the loop to be let go.
        for _ in range(3):
            await asyncio.sleep(0)
        if isinstance(self._address, SocketAddress):
            with suppress(OSError):
                if self._inode is not None and self._address.path.stat().st_ino == self._inode:
                    self._address.path.unlink()
        else:
            self._address.file.unlink(missing_ok=True)

    async def _open_socket(self, address: SocketAddress) -> None:
        if sys.platform == "win32":
            raise StorageUnusable("This system has no Unix sockets.")
        path = address.path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            await self._clear_stale(address)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, path, limit=messages.MAX_REQUEST_BYTES)
        finally:
            os.umask(before)
        self._inode = path.stat().st_ino

    async def _clear_stale(self, address: SocketAddress) -> None:
        """Remove a socket nobody listens at: its node was killed."""
        if sys.platform == "win32":
            return
        require_own(address.path)
        try:
            _, writer = await asyncio.wait_for(asyncio.open_unix_connection(address.path), PROBE_S)
        except (ConnectionError, TimeoutError):
            address.path.unlink(missing_ok=True)
            return
        await _hang_up(writer)
        raise AlreadyRunning("Hearth is already running.", now="Open its window, or stop it first.")

    async def _open_port(self, address: PortAddress) -> None:
        address.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._token = new_token()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=messages.MAX_REQUEST_BYTES)
        number: int = self._server.sockets[0].getsockname()[1]
        write_port(address.file, Port(number, self._token))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MOST_CLIENTS or self._closing:
            writer.close()
            return
        task = asyncio.create_task(self._converse(reader, writer), name="control client")
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)
        # One that is cancelled before its first step never comes to its own hanging up.
        task.add_done_callback(lambda _: writer.close())

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        slow: set[asyncio.Task[None]] = set()
        try:
            if await self._greet(reader, writer):
                # ValueError: a line longer than the limit. Whoever sends one is no client of ours.
                while line := await reader.readline():
                    await self._hear(line, writer, slow)
        except (ConnectionError, ValueError, TimeoutError):
            pass
        finally:
            for task in slow:
                task.cancel()
            self._watching.pop(writer, None)
            await _hang_up(writer)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(HELLO_S):
            line = await reader.readline()
        try:
            hello = messages.decode(line)
        except ValueError:
            return False
        if not isinstance(hello, messages.Hello) or not hmac.compare_digest(hello.token.encode(), self._token.encode()):
            return False
        if hello.protocol != messages.PROTOCOL:
            refusal = Refusal(
                kind="OtherVersion",
                what="The running node is of another version of Hearth.",
                why=f"It is version {self._version}.",
                now="Quit Hearth and start it again.",
            )
            writer.write(answers.refusal_line(hello.id, refusal))
            await writer.drain()
            return False
        welcome = Welcome(
            protocol=messages.PROTOCOL,
            version=self._version,
            pid=os.getpid(),
            words=tuple(sorted(self._steward.words | {"watch"})),
        )
        writer.write(answers.answer_line(hello.id, welcome))
        return True

    async def _hear(self, line: bytes, writer: asyncio.StreamWriter, slow: set[asyncio.Task[None]]) -> None:
        """Answer a line; what takes seconds is answered when it is done, so that a pause need not wait for it."""
        try:
            request = messages.decode(line)
        except ValueError:
            refusal = Refusal(kind="RequestError", what="The node did not understand that.")
            writer.write(answers.refusal_line(_id_of(line), refusal))
            return
        if isinstance(request, SLOW) and len(slow) < MOST_SLOW:
            task = asyncio.create_task(self._answer_late(request, writer), name="slow word")
            slow.add(task)
            task.add_done_callback(slow.discard)
        else:
            await self._answer(request, writer)

    async def _answer_late(self, request: messages.AnyRequest, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # nobody waits for the answer any more
            await self._answer(request, writer)

    async def _answer(self, request: messages.AnyRequest, writer: asyncio.StreamWriter) -> None:
        try:
            result = await self._follow(request, writer)
            answer = answers.answer_line(request.id, result)
        except HearthError as error:
            refusal = Refusal(kind=type(error).__name__, what=error.what, why=error.why, now=error.now)
            answer = answers.refusal_line(request.id, refusal)
        except Exception:
            # A bug answers this one word with a refusal; the node must go on earning and the client must not wait.
            log.exception("the word %s failed by a bug", type(request).__name__)
            refusal = Refusal(
                kind="Bug", what="Hearth made a mistake.", now="Try again; if it happens again, report the problem."
            )
            answer = answers.refusal_line(request.id, refusal)
        writer.write(answer)
        await writer.drain()

    async def _follow(self, request: messages.AnyRequest, writer: asyncio.StreamWriter) -> Result:  # noqa: PLR0911, C901, PLR0912 - one branch per word reads better than a table
        steward = self._steward
        word = str(type(request).__struct_config__.tag)
        if word not in steward.words | {"watch"}:
            raise Unavailable("This node cannot do that.", why=f"It does not know the word {word}.")
        match request:
            case messages.Watch():
                snapshot = await steward.snapshot()
                self._watching[writer] = snapshot
                self.changed()
                return snapshot
            case messages.Pause():
                await steward.pause(request)
            case messages.Resume():
                await steward.resume()
            case messages.Enrol():
                await steward.enrol()
            case messages.Benchmark():
                await steward.benchmark(request)
            case messages.WriteSetting():
                await steward.write_setting(request)
            case messages.Quit():
                await steward.quit()
            case messages.ReadSettings():
                return await steward.settings()
            case messages.ReadEarnings():
                return await steward.earnings(request)
            case messages.ReadUptime():
                return await steward.uptime(request)
            case messages.ReadJobs():
                return await steward.jobs(request)
            case messages.ReadJob():
                return await steward.job(request.job_id)
            case messages.ExportJobs():
                return await steward.export(request)
            case messages.ReadWhy():
                return await steward.why()
            case messages.ReadOutlook():
                return await steward.outlook()
            case messages.ReadShelf():
                return await steward.shelf()
            case messages.Fetch():
                await steward.fetch(request)
            case messages.Discard():
                await steward.discard(request)
            case messages.Update():
                await steward.update(request)
            case messages.RunDoctor():
                return await steward.doctor()
            case messages.CheckReach():
                return await steward.reach()
            case messages.BreakOut():
                return await steward.break_out()
            case messages.ReadReport():
                return await steward.report()
            case messages.ReadPhrase():
                return await steward.phrase()
        self.changed()
        return Done()

    async def _tell_changes(self) -> None:
        blind = False
        while True:
            with suppress(TimeoutError):
                # Not `wait_for`: until Python 3.12 it loses a cancellation that comes together with the news.
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            await asyncio.sleep(GATHER_S)
            self._news.clear()
            if not self._watching:
                await self._news.wait()
                continue
            try:
                snapshot = await self._steward.snapshot()
            except HearthError as error:
                log.warning("the node could not be looked at: %s", error.what)
                continue
            except Exception:
                # A bug at one look must not leave every window with an old picture for ever: the next look may succeed.
                if not blind:
                    log.exception("looking at the node failed by a bug")
                blind = True
                continue
            blind = False
            for writer, known in list(self._watching.items()):
                self._tell(writer, known, snapshot)

    def _tell(self, writer: asyncio.StreamWriter, known: Snapshot, snapshot: Snapshot) -> None:
        change = difference(known, snapshot)
        if change is None:
            return
        if writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            # A client that does not read costs memory; it may come back for a new snapshot.
            del self._watching[writer]
            writer.transport.abort()
            return
        self._watching[writer] = snapshot
        writer.write(answers.change_line(change))


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def _id_of(line: bytes) -> int | None:
    """The id of a request that is wrong otherwise, so that its sender hears of it."""

    class Numbered(msgspec.Struct):
        id: messages.Id

    try:
        return msgspec.json.decode(line, type=Numbered).id
    except (ValueError, RecursionError):
        return None
