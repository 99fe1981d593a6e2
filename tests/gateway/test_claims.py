from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import psutil
import pytest

from desktop.domain.errors import StorageUnusable
from desktop.gateway.claims import Claim, ClaimKind, Claims, ClaimState


def plan(claims: Claims, reference: str, at_ms: int = 1) -> Claim:
    return claims.plan(
        reference,
        ClaimKind.REQUEST,
        provider="ab" * 32,
        urls=["iroh://x"],
        mint="https://mint.example.com",
        amount_sat=5,
        now_ms=at_ms,
    )


def test_a_claim_is_on_disk_until_it_is_closed(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    assert claims.open_claims() == []
    late, early = plan(claims, "b", 2), plan(claims, "a", 1)
    assert [c.reference for c in Claims(tmp_path / "claims").open_claims()] == ["a", "b"]
    sent = claims.sent(late)
    assert sent.state == ClaimState.SENT
    answered = claims.answered(sent, "cashuBsecret")
    assert claims.open_claims() == [early, answered]
    assert "secret" not in repr(answered)
    claims.close(answered)
    claims.close(answered)
    assert claims.open_claims() == [early]


@pytest.mark.parametrize("noise", [b"", b"{", b"\xff\xfe", b'{"reference": 7}'])
def test_a_file_that_is_no_claim_is_left_alone(tmp_path: Path, noise: bytes) -> None:
    claims = Claims(tmp_path)
    good = plan(claims, "good")
    (tmp_path / "torn.claim").write_bytes(noise)
    assert claims.open_claims() == [good]
    assert (tmp_path / "torn.claim").read_bytes() == noise


def test_a_folder_that_cannot_be_written_stops_the_payment_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageUnusable, match="not made"):
        plan(Claims(tmp_path / "file" / "claims"), "a")


def test_only_the_owner_can_read_claims(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "claims")
    plan(claims, "a")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "claims", *(tmp_path / "claims").iterdir())]
    assert modes == ([0o700, 0o600] if sys.platform != "win32" else modes)


async def test_a_claim_belongs_to_its_process_while_that_lives(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.gateway.test_claims import plan\n"
        "from desktop.gateway.claims import Claims\n"
        "plan(Claims(Path(sys.argv[1])), 'theirs'); print('ready', flush=True); sys.stdin.read()\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program, str(tmp_path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 20) == b"ready\n"
    claims = Claims(tmp_path)
    (theirs,) = claims.open_claims()
    assert not claims.idle(theirs)
    child.kill()
    await child.communicate()
    assert not psutil.pid_exists(theirs.process)
    assert claims.idle(theirs)
    assert claims.idle(plan(claims, "ours"))
