"""A wallet at the node's seam, with a mint inside that charges a fixed fee. The real one: tests/wallet and e2e."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from desktop.domain.errors import FundsShort, MintUnreachable, TokenInvalid, TokenSpent
from desktop.wallet.operation import Operation, OperationKind, OperationState
from desktop.wallet.results import Received, Sent, TokenSummary

MINT = "https://mint.example.com"
FEE_SAT = 1


class FakeWallet:
    """Tokens are `cashuB:<sat>:<serial>`. `offline` makes the mint unreachable, before or after it acted."""

    def __init__(self, now_ms: Callable[[], int] = lambda: 1) -> None:
        self._now_ms = now_ms
        self.funds: dict[str, int] = {}
        self.done: list[Operation] = []
        self.spent: set[str] = set()
        self.received: dict[str, Received] = {}
        self.sent: dict[str, Sent] = {}
        self.offline = False
        self.recoveries = 0

    def issue(self, amount_sat: int, *, mint: str = MINT) -> str:
        """A token of somebody else's."""
        return f"cashuB:{amount_sat}:{len(self.spent) + len(self.done)}-{len(self.sent)}:{mint}"

    def inspect(self, token: str) -> TokenSummary:
        parts = token.split(":", 3)
        if len(parts) != 4 or parts[0] != "cashuB":
            raise TokenInvalid("This is not a token we can read.")
        digest = hashlib.sha256(token.encode()).hexdigest()
        return TokenSummary(parts[3], "sat", int(parts[1]), 1, digest)

    def accepts(self, mint: str) -> bool:
        return mint == MINT

    def receive(self, token: str, *, reference: str) -> Received:
        if reference in self.received:
            return self.received[reference]
        self._require_mint()
        if token in self.spent:
            raise TokenSpent("spent")
        summary = self.inspect(token)
        self.spent.add(token)
        net = summary.amount_sat - FEE_SAT
        self._move(summary.mint, net)
        self.received[reference] = Received(net, FEE_SAT, summary.mint, summary.amount_sat)
        self._note(OperationKind.RECEIVE, reference, net, summary.amount_sat, FEE_SAT)
        return self.received[reference]

    def send(self, amount_sat: int, mint: str, *, reference: str) -> Sent:
        if reference in self.sent:
            return self.sent[reference]
        self._require_mint()
        if self.funds.get(mint, 0) < amount_sat:
            raise FundsShort("short")
        self._move(mint, -amount_sat)
        self.sent[reference] = Sent(f"cashuB:{amount_sat}:change-{reference}:{mint}", amount_sat, amount_sat, 0, mint)
        self._note(OperationKind.SEND, reference, amount_sat, amount_sat, 0)
        return self.sent[reference]

    def balance(self) -> Mapping[str, int]:
        return dict(self.funds)

    def recover(self) -> list[object]:
        self.recoveries += 1
        return []

    def operation(self, kind: OperationKind, reference: str) -> Operation | None:
        return next((each for each in self.done if (each.kind, each.reference) == (kind, reference)), None)

    def operations(self, *, since_ms: int) -> Iterable[Operation]:
        return [operation for operation in self.done if operation.changed_at_ms >= since_ms]

    def _require_mint(self) -> None:
        if self.offline:
            raise MintUnreachable("The mint does not answer.")

    def _move(self, mint: str, amount_sat: int) -> None:
        self.funds[mint] = self.funds.get(mint, 0) + amount_sat

    def _note(self, kind: OperationKind, reference: str, amount: int, face: int, fee: int) -> None:
        at_ms = self._now_ms()
        self.done.append(Operation(kind, reference, OperationState.DONE, MINT, amount, face, fee, "", at_ms, at_ms))
