"""Every attack against every mode, as every kind of owner; and without a sandbox, where it has to win."""

import json

import pytest

from desktop.worker.sandbox.modes import SandboxMode
from tests.worker.sandbox.attacks import ATTACKS, BOMBS, FOR_ROOT, MAY_BE_ABSENT
from tests.worker.sandbox.owners import Owner, possible_owners, run_as

EVERYTHING = frozenset(ATTACKS) | frozenset(BOMBS)

# What the weaker mode says of itself in `SandboxMode.not_covered`.
DECLARED = {
    SandboxMode.NAMESPACES: frozenset[str](),
    SandboxMode.RESTRICTED: frozenset({"learn_host_name", "learn_owner"}),
}

SIEGES = [
    pytest.param(owner, mode, id=f"{owner.value}-{mode.value}")
    for owner in possible_owners()
    for mode in (SandboxMode.NAMESPACES, SandboxMode.RESTRICTED)
    if not (owner is Owner.CONTAINER and mode is SandboxMode.NAMESPACES)
]


def besiege(owner: Owner, mode: str) -> dict[str, str]:
    report = json.loads(run_as(owner, "tests.worker.sandbox.siege", mode))
    outcomes: dict[str, str] = report["outcomes"]
    assert set(outcomes) == EVERYTHING
    return outcomes


def winners(outcomes: dict[str, str]) -> set[str]:
    return {name for name, outcome in outcomes.items() if outcome == "won"}


@pytest.mark.parametrize(("owner", "mode"), SIEGES)
def test_nothing_wins_but_what_the_mode_declares(owner: Owner, mode: SandboxMode) -> None:
    assert winners(besiege(owner, mode.value)) <= DECLARED[mode]


@pytest.mark.parametrize("owner", [owner for owner in possible_owners() if owner is not Owner.CONTAINER])
def test_every_attack_wins_without_a_sandbox(owner: Owner) -> None:
    expected = EVERYTHING - MAY_BE_ABSENT
    if owner is Owner.USER:
        expected -= FOR_ROOT
    outcomes = besiege(owner, "free")
    assert {name: outcomes[name] for name in expected - winners(outcomes)} == {}
