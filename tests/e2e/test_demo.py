"""`hearth demo`, as a person starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.commands.demo import FUNDED_SAT
from tests.e2e.stand import ROOT, lend_models

WITHIN_S = 170

pytestmark = pytest.mark.slow


def test_the_demo_succeeds_and_its_money_adds_up(tmp_path: Path) -> None:
    lend_models(tmp_path / "node")
    done = subprocess.run(
        [sys.executable, "-m", "desktop", "demo", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert set(last) == {
        *("jobs", "paid_sat", "refunded_sat", "node_balance_sat", "buyer_balance_sat", "mint_fees_sat"),
        *("tokens", "sandbox_mode", "relays", "ledger_ok"),
    }
    assert last["node_balance_sat"] + last["buyer_balance_sat"] + last["mint_fees_sat"] == FUNDED_SAT
    assert last["paid_sat"] > last["refunded_sat"] > 0
    assert last["jobs"] >= 10
    assert last["tokens"] >= 8
    assert last["ledger_ok"] is True
    assert last["relays"] == 2
    assert last["sandbox_mode"] in {"namespaces", "restricted", "none"}
    assert "WRONG" not in done.stdout
    assert "Traceback" not in done.stderr
