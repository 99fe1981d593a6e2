"""The commands a person types, each in a process of its own, beside a node that is running."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.machine.paths import Paths
from desktop.machine.settings_file import save_settings
from desktop.network.local.relay import LocalRelay
from tests.e2e.stand import ROOT, Stand, standing
from tests.fakes.bundled_models import CHAT

FUNDED_SAT = 300
SECRETS = re.compile(r"cashu[AB][\w-]{16}|sk-[0-9a-f]{16}|nsec1")
PROMPT = "What does a pangolin dream of?"

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@dataclass(slots=True)
class Shell:
    """Runs `hearth` as another person on this network would, and remembers all it ever printed."""

    stand: Stand
    printed: list[str] = field(default_factory=list)

    async def hearth(self, home: str, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "desktop", *words, "--home", str(self.stand.folder / home)],
            cwd=ROOT,
            input=typed,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        self.printed += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr, done.stderr
        return done


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shell(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shell]:
    async with standing(tmp_path_factory.mktemp("ask")) as stand:
        shell = Shell(stand)
        asker = stand.stage.home("asker")
        funded = await shell.hearth("asker", "wallet", "fund", str(FUNDED_SAT), "--json")
        assert funded.returncode == 0, funded.stderr
        claimed = await shell.hearth("asker", "wallet", "claim", "--json")
        assert json.loads(claimed.stdout)["claimed_sat"] == FUNDED_SAT
        stand.minted_sat += FUNDED_SAT
        yield shell
        await stand.reckon(asker)


async def test_a_question_is_answered_for_an_honest_price(shell: Shell) -> None:
    done = await shell.hearth("asker", "ask", PROMPT, "--max-tokens", "20")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "The bill matches the price." in done.stderr


async def test_a_program_gets_the_answer_and_the_bill_as_json(shell: Shell) -> None:
    done = await shell.hearth("asker", "ask", "-", "--json", "--max-tokens", "20", "--seed", "3", typed=PROMPT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"].strip()
    assert told["model"] == CHAT
    assert told["honest"] is True
    assert told["completion_tokens"] <= 20
    assert told["charged_msat"] == told["expected_msat"] > 0
    assert told["paid_msat"] - told["change_msat"] >= told["charged_msat"]


async def test_an_empty_wallet_is_told_what_to_do(shell: Shell) -> None:
    shell.stand.stage.home("pauper")
    done = await shell.hearth("pauper", "ask", PROMPT)
    assert done.returncode == 1
    assert "Fund the wallet" in done.stderr


async def test_nobody_on_the_relays_is_told_in_words(shell: Shell) -> None:
    async with LocalRelay() as empty:
        at_other_relays(shell.stand.stage.home("lonely"), empty.url)
        done = await shell.hearth("lonely", "ask", PROMPT, "--json")
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"]["what"] == "Nobody offers such a model now."


async def test_one_dead_relay_of_two_changes_nothing(shell: Shell) -> None:
    asker = shell.stand.stage.home("asker")
    dead = LocalRelay()
    at_other_relays(asker, dead.url, shell.stand.stage.relays[1].url)
    done = await shell.hearth("asker", "ask", PROMPT, "--max-tokens", "5")
    assert done.returncode == 0, done.stderr
    assert "The bill matches the price." in done.stderr


def at_other_relays(home: Composition, *urls: str) -> None:
    save_settings(home.paths.config, replace(home.settings, relays=urls))


async def test_the_owner_reads_everything_while_the_node_runs(shell: Shell, tmp_path: Path) -> None:
    status = json.loads((await shell.hearth("node", "status", "--json")).stdout)
    assert status["state"] in {"ready", "earning"}
    assert status["today"]["jobs"]["completed"] >= 1
    assert status["earned_msat"] > 0
    held = json.loads((await shell.hearth("node", "wallet", "--json")).stdout)
    assert held[0]["mint"] == shell.stand.stage.mint_url
    assert held[0]["sat"] >= status["earned_msat"] // 1000
    earnings = json.loads((await shell.hearth("node", "earnings", "--json", "--by", "model")).stdout)
    assert [row["model"] for row in earnings] == [CHAT]
    jobs = json.loads((await shell.hearth("node", "jobs", "--json")).stdout)
    assert {job["state"] for job in jobs} == {"completed"}
    one = json.loads((await shell.hearth("node", "jobs", jobs[0]["id"], "--json")).stdout)
    assert one["receipt"]["charged_msat"] == one["charged_msat"] == jobs[0]["charged_msat"]
    for words in (["status"], ["wallet"], ["earnings"], ["earnings", "--by", "hour"], ["jobs"], ["jobs", one["id"]]):
        told = await shell.hearth("node", *words)
        assert told.returncode == 0, told.stderr
        assert told.stdout.strip()
    for form in ("csv", "json"):
        file = tmp_path / f"jobs.{form}"
        assert (await shell.hearth("node", "jobs", "--export", str(file))).returncode == 0
        text = file.read_text()
        rows = json.loads(text) if form == "json" else list(csv.DictReader(text.splitlines()))
        assert {row["id"] for row in rows} == {job["id"] for job in jobs}


async def test_the_doctor_finds_a_running_node_healthy(shell: Shell) -> None:
    done = await shell.hearth("node", "doctor", "--json")
    checks = {(check["name"], check["subject"]): check for check in json.loads(done.stdout)}
    for asked in (("folders", ""), ("relays", ""), ("reachability", ""), ("mint", shell.stand.stage.mint_url)):
        # Where the machine is too busy to answer in time, that is said and is no trouble.
        assert checks[asked]["ok"] is not False, checks[asked]
    assert all(check["remedy"] for check in checks.values() if not check["ok"])
    assert done.returncode == (1 if any(check["ok"] is False for check in checks.values()) else 0)


async def test_no_secret_and_no_prompt_is_told_or_kept(shell: Shell) -> None:
    stand = shell.stand
    homes = [stand.folder / name for name in ("node", "asker", "buyer")]
    said = [*shell.printed, stand.errors.read_text(), stand.stage.mint.log.read_text()]
    said += [path.read_text() for home in homes for path in files_below(home / "log")]
    phrases = [phrase_of(home) for home in homes]
    for text in said:
        assert SECRETS.search(text) is None
        assert not any(phrase in text for phrase in phrases)
    for path in files_below(homes[0] / "data"):
        assert PROMPT.encode() not in path.read_bytes(), path


async def test_nobody_else_can_read_what_is_ours(shell: Shell) -> None:
    looked_at = 0
    for name in ("node", "asker", "buyer"):
        for part in ("data", "config", "log", "run"):
            for path in (shell.stand.folder / name / part).rglob("*"):
                mode = path.lstat().st_mode
                assert not stat.S_IMODE(mode) & 0o077, f"{path}: {stat.filemode(mode)}"
                looked_at += 1
            assert stat.S_IMODE((shell.stand.folder / name / part).stat().st_mode) == 0o700
    assert looked_at > 10
    assert stat.S_IMODE((shell.stand.folder / "asker").stat().st_mode) == 0o700


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def phrase_of(folder: Path) -> str:
    stored = Composition(Paths.below(folder), Settings()).phrases().load()
    assert stored is not None
    return stored.phrase
