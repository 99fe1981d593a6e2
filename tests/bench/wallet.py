"""What handling ecash costs: run as `python -m tests.bench.wallet [TURNS]`.

A buyer pays 100 sat a turn to a node, which redeems the token at the reference mint (on this computer, in a process
of its own) and gives 63 sat of change, which the buyer redeems. Own CPU is this process's, without the mint's. How
often money left without asking the mint for a swap first is counted, too.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop.network.local.mint import LocalMint, ensure_environment
from desktop.wallet.operation import OperationKind
from desktop.wallet.wallet import Wallet

ROOT = Path(__file__).parents[2]
TURNS = 100
PRICE_SAT = 100
CHANGE_SAT = 63


class Clock:
    """Collects wall and CPU time by the name of the call."""

    def __init__(self) -> None:
        self.wall_ms: dict[str, list[float]] = {}
        self.cpu_ms: dict[str, list[float]] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time one call."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall_ms.setdefault(name, []).append((time.perf_counter() - wall) * 1000)
        self.cpu_ms.setdefault(name, []).append((time.process_time() - cpu) * 1000)

    def figures(self) -> dict[str, dict[str, float]]:
        """For each name: calls, median, 95th percentile and mean own CPU, in ms."""
        return {
            name: {
                "calls": len(wall),
                "p50_ms": round(statistics.median(wall), 2),
                "p95_ms": round(sorted(wall)[int(len(wall) * 0.95)], 2),
                "own_cpu_ms": round(statistics.mean(self.cpu_ms[name]), 2),
            }
            for name, wall in self.wall_ms.items()
        }


def trade(mint: str, folder: Path, turns: int, clock: Clock) -> float:
    """The turns. Returns which share of the tokens was made from coins at hand."""
    with (
        Wallet.open(folder / "buyer", os.urandom(64), (mint,)) as buyer,
        Wallet.open(folder / "node", os.urandom(64), (mint,)) as node,
    ):
        with clock.time("invoice and coins for it"):
            buyer.mint_tokens(buyer.mint_quote(PRICE_SAT * turns, mint))
        for turn in range(turns):
            with clock.time("make a token"):
                paid = buyer.send(PRICE_SAT, mint, reference=f"pay {turn}")
            with clock.time("inspect a token"):
                node.inspect(paid.token)
            with clock.time("redeem a token (one swap)"):
                node.receive(paid.token, reference=f"pay {turn}")
            with clock.time("make a token"):
                change = node.send(CHANGE_SAT, mint, reference=f"change {turn}")
            with clock.time("redeem a token (one swap)"):
                buyer.receive(change.token, reference=f"change {turn}")
        with clock.time("check all coins with the mint"):
            agrees = all(check.agrees for check in node.check() + buyer.check())
        if not agrees:
            raise SystemExit("the mint does not confirm our coins")
        fees = [one.fee_sat for one in node.operations() + buyer.operations() if one.kind is OperationKind.SEND]
        return fees.count(0) / len(fees)


def main() -> None:
    """Trade, print for a person and, on the last line, for a program."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    environment = ROOT / ".venv-mint"
    ensure_environment(environment)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, LocalMint(environment, Path(folder) / "mint") as mint:
        at_hand = trade(mint.url, Path(folder), turns, clock)
    figures = clock.figures()
    for name, one in figures.items():
        timing = f"p50 {one['p50_ms']:7.2f} ms  p95 {one['p95_ms']:7.2f} ms  own CPU {one['own_cpu_ms']:6.2f} ms"
        print(f"{timing}  {name} ({one['calls']:.0f})")  # noqa: T201 - a bench tells
    print(f"{at_hand:.0%} of the tokens were made from coins at hand")  # noqa: T201 - a bench tells
    print(json.dumps({"calls": figures, "from_coins_at_hand": round(at_hand, 3)}))  # noqa: T201 - a bench tells


if __name__ == "__main__":
    main()
