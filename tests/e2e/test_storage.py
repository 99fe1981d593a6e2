"""What a disk can do to a node: altered models, foreign and newer files, no room left. Each is told in words."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from desktop.commands.demo.outcome import take_stock
from desktop.commands.demo.stage import PRICE
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import PaymentRequired
from desktop.machine.paths import Paths
from desktop.machine.settings_file import save_settings
from desktop.network.local.mint import LocalMint, ensure_environment
from desktop.network.local.relay import LocalRelay
from desktop.node import references
from desktop.wallet.wallet import Wallet
from tests.e2e.stand import ROOT, eventually, lend_models
from tests.fakes.bundled_models import EMBEDDING, bundled_store

MINTED_SAT = 200
PATIENCE_S = 180.0
# A full disk that nobody else's files are on: a small one in memory, seen by this node alone and gone with it.
SMALL_DISK = """
mount -t tmpfs -o size=6m,mode=700 hearth "$1" || exit 90
data="$1" kept="$2"; shift 2
"$@"; ended=$?
cp -a "$data/." "$kept"
exit $ended
"""

pytestmark = pytest.mark.slow


def home_in(folder: Path, *, relays: tuple[str, ...] = (), mints: tuple[str, ...] = ()) -> Composition:
    """A Hearth that offers the small model at a price that moves whole sats."""
    paths = Paths.below(folder)
    paths.create()
    settings = Settings(
        relays=relays,
        mints=mints,
        wire="disabled",
        models=(EMBEDDING,),
        default_price=PRICE,
        schedule="always",  # whether or not somebody is at this computer
        give_way=False,  # behind a busy machine's other programs a worker gets nothing
    )
    save_settings(paths.config, settings)
    return Composition(paths, settings)


def node_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "desktop", "node", "--json", "--unsandboxed-on-loopback", "--home", str(folder)]


class RunningNode:
    """One `hearth node` and the events it told."""

    def __init__(self, process: asyncio.subprocess.Process, errors: Path) -> None:
        self.process = process
        self.errors = errors
        self.events: list[dict[str, Any]] = []
        self.listener = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    def last(self, kind: str) -> dict[str, Any]:
        return next((event for event in reversed(self.events) if event["event"] == kind), {})

    @property
    def state(self) -> str:
        return str(self.last("state").get("state"))

    @property
    def itself(self) -> psutil.Process:
        """The node's own process, which may have been started by a shell."""
        process = psutil.Process(self.process.pid)
        while process.cmdline()[1:3] != ["-m", "desktop"]:
            (process,) = process.children()
        return process


@asynccontextmanager
async def running(command: list[str], errors: Path) -> AsyncIterator[RunningNode]:
    """A node for as long as the block lasts, which must leave it ended in order."""
    with errors.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    node = RunningNode(process, errors)
    try:
        yield node
        node.itself.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            node.itself.kill()
            await process.wait()
        await node.listener


async def test_an_altered_model_is_refused_by_name(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    good = bundled_store().folder_of(EMBEDDING)
    bad = home.paths.cache / "models" / good.name
    shutil.copytree(good, bad)
    weights = bad / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    async with running(node_command(tmp_path), tmp_path / "errors.log") as node:
        await eventually(lambda: node.state == "fault")
        detail = node.last("state")["detail"]
        assert "model.safetensors" in detail
        assert EMBEDDING in detail
        assert "Delete the model's folder" in detail
        assert not node.last("worker"), "a worker was started with an altered model"
        url = node.last("listening")["url"]
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/models")).json()["data"] == []
            asked = await client.post("/embeddings", json={"model": EMBEDDING, "input": "x"}, headers={"X-Cashu": "x"})
            assert 400 <= asked.status_code < 600
            assert "Traceback" not in asked.text
    assert "Traceback" not in (tmp_path / "errors.log").read_text()


def refuse(folder: Path) -> str:
    """What `hearth node` says of a folder it must not start in."""
    done = subprocess.run(
        node_command(folder),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads(done.stderr.splitlines()[-1])["error"]
    assert told["what"]
    assert told["why"] or told["now"]
    return f"{told['what']} {told['why']} {told['now']}"


def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    home.paths.data.rmdir()
    home.paths.data.write_text("not a folder")
    told = refuse(tmp_path)
    assert str(home.paths.data) in told
    assert home.paths.data.read_text() == "not a folder"


@pytest.mark.parametrize("name", ["ledger.db", "wallet/wallet.db"])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, name: str) -> None:
    file = home_in(tmp_path).paths.data / name
    file.parent.mkdir(mode=0o700, exist_ok=True)
    file.write_bytes(b"Dear diary, " * 1000)
    assert "database" in refuse(tmp_path)
    assert file.read_bytes() == b"Dear diary, " * 1000


@pytest.mark.parametrize("name", ["ledger.db", "wallet/wallet.db"])
def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path, name: str) -> None:
    home = home_in(tmp_path)
    with home.wallet(home.identity()[0]), home.report():
        pass
    file = home.paths.data / name
    connection = sqlite3.connect(file)
    with connection:
        (migration,) = connection.execute("SELECT * FROM _sqlite_migrations LIMIT 1").fetchall()
        columns = [column[1] for column in connection.execute("PRAGMA table_info(_sqlite_migrations)")]
        later = dict(zip(columns, migration, strict=True)) | {"name": "9999_from_the_future"}
        later.pop("id", None)
        names, marks = ", ".join(later), ", ".join("?" * len(later))
        connection.execute(f"INSERT INTO _sqlite_migrations ({names}) VALUES ({marks})", list(later.values()))  # noqa: S608 - its own column names
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = file.read_bytes()
    told = refuse(tmp_path)
    assert "later version" in told
    assert "newer version" in told
    assert file.read_bytes() == before


async def test_a_full_disk_costs_nobody_anything(tmp_path: Path) -> None:
    """While nothing can be written nothing is sold; with room again the node sells on, and every sat is there."""
    environment = ROOT / ".venv-mint"
    await asyncio.to_thread(ensure_environment, environment)
    node_folder, kept = tmp_path / "node", tmp_path / "kept" / "data"
    lend_models(node_folder)
    kept.mkdir(mode=0o700, parents=True)
    async with LocalRelay() as relay, LocalMint(environment, tmp_path / "mint") as mint:
        home = home_in(node_folder, relays=(relay.url,), mints=(mint.url,))
        buyer_home = home_in(tmp_path / "buyer", mints=(mint.url,))
        alone, ourselves = ["unshare", "--mount"], list[str]()
        if os.geteuid():
            # Who mounts must look like root; a node that looks like root and has no other id has no sandbox.
            alone.append("--map-root-user")
            ourselves = ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"]
        disk = [*alone, "sh", "-c", SMALL_DISK, "sh", str(home.paths.data), str(kept), *ourselves]
        identity, _ = buyer_home.identity()
        with buyer_home.wallet(identity) as wallet:
            await asyncio.to_thread(fund, wallet, mint.url)
            async with running([*disk, *node_command(node_folder)], tmp_path / "errors.log") as node:
                await eventually(lambda: node.state in {"ready", "earning"})
                await buy_on_a_full_disk(node, home, wallet, mint.url)
            kept_home = Composition(replace(Paths.below(tmp_path / "kept"), data=kept), home.settings)
            with kept_home.wallet(kept_home.identity()[0]) as node_wallet:
                sides = [await take_stock(kept_home, node_wallet), await take_stock(buyer_home, wallet)]
            with kept_home.report() as report:
                assert report.verify() == []
            assert all(side.agrees for side in sides)
            assert sum(side.balance + side.fees for side in sides) == MINTED_SAT
    assert "Traceback" not in (tmp_path / "errors.log").read_text()


async def buy_on_a_full_disk(node: RunningNode, home: Composition, wallet: Wallet, mint: str) -> None:
    # The node's own view of its folder, which is not ours.
    data = Path(f"/proc/{node.itself.pid}/root") / home.paths.data.relative_to("/")
    ballast = data / "ballast"
    async with httpx.AsyncClient(base_url=node.last("listening")["url"], timeout=PATIENCE_S) as client:

        async def buy(number: int) -> tuple[httpx.Response, str]:
            sent = await asyncio.to_thread(wallet.send, 10, mint, reference=references.owner(f"test/{number}"))
            body = {"model": EMBEDDING, "input": "a cat"}
            return await client.post("/embeddings", json=body, headers={"X-Cashu": sent.token}), sent.token

        async def take(token: str) -> None:
            reference = references.owner(f"test/back/{wallet.inspect(token).digest}")
            await asyncio.to_thread(wallet.receive, token, reference=reference)

        good, _ = await buy(0)
        assert good.status_code == 200, good.text
        await take(good.headers["X-Cashu"])
        fill(ballast)
        refused, paid = await buy(1)
        assert refused.status_code == 503, refused.text
        assert "records" in refused.json()["error"]["message"]
        assert (await client.get("/models")).status_code == 200
        ballast.unlink()
        # The token was not touched, or what it brought is owed.
        if await asyncio.to_thread(wallet.reclaim, references.owner("test/1")) is None:
            owed = await client.post("/balance/refund", headers={"X-Cashu": paid})
            assert owed.status_code == 200, owed.text
            await take(owed.json()["token"])
        again, _ = await buy(2)
        assert again.status_code == 200, again.text
        await take(again.headers["X-Cashu"])


def fill(ballast: Path) -> None:
    """Write until the disk takes no more."""
    try:
        with ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
    except OSError as error:
        assert error.strerror == "No space left on device"  # noqa: PT017 - the loop ends in no other way


def fund(wallet: Wallet, mint: str) -> None:
    quote = wallet.mint_quote(MINTED_SAT, mint)
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            wallet.mint_tokens(quote)
        except PaymentRequired:  # the mint's pretended Lightning pays by itself, in its own time
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
