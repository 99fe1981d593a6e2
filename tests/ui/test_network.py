"""The Network page: whether others reach this computer, as the node itself finds out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from desktop.domain.check import Check
from desktop.domain.errors import Busy
from desktop.node.verdicts import no_reach_check, reach_check
from desktop.ui.app import Hearth
from desktop.ui.pages.network import NetworkPage
from desktop.ui.pages.reach_panel import ReachPanel
from tests.ui.theatre import Stand, find, until


def words(hearth: Hearth) -> str:
    return "\n".join(each.text() for each in find(hearth.window, ReachPanel).findChildren(QLabel))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (reach_check(400, "", "https://relay.example"), "✓ answered in 0.4 s, wire relay https://relay.example"),
        (
            reach_check(None, "Nobody answered.", None),
            "✕ our own public key does not answer: Nobody answered.\n→ Allow Hearth in the firewall",
        ),
        (no_reach_check(), "? no node runs that could be reached\n→ Start the node"),
    ],
)
def test_the_page_says_whether_others_reach_this_computer(
    hearth: Hearth, stand: Stand, found: Check, said: str
) -> None:
    stand.steward.reach_told = found
    hearth.window.go_to(NetworkPage)
    until(lambda: said in words(hearth))


def test_a_check_that_was_refused_says_why_and_can_be_asked_again(hearth: Hearth, stand: Stand) -> None:
    stand.steward.refusal = Busy("Too much is being looked at.", retry_after_s=1)
    hearth.window.go_to(NetworkPage)
    until(lambda: "Too much is being looked at." in words(hearth))

    stand.steward.refusal = None
    again = find(find(hearth.window, ReachPanel), QPushButton)
    assert again.isEnabled()
    QTest.mouseClick(again, Qt.MouseButton.LeftButton)
    until(lambda: "✓ answered in" in words(hearth))
