"""The page Diagnostics: the sandbox tried by one click, the doctor, the problem report."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QProgressBar, QPushButton

from desktop.control.answers import BreakOutAnswer
from desktop.control.breaking_out import break_out_answer
from desktop.domain.errors import SandboxUnavailable
from desktop.ui.app import Hearth
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.page import Page
from desktop.ui.pages.sandbox_panel import SandboxPanel, attempt_row, limit_lines, outcome_words, verdict_words
from desktop.ui.parts.table import Table
from desktop.worker.sandbox.modes import SandboxMode
from tests.fakes.breakout import break_out
from tests.ui.theatre import Stand, find, until
from tests.worker.scripted_launch import scripted_launcher

ROOT = Path(__file__).parents[2]
GERMAN = json.loads((ROOT / "resources" / "translations" / "de.json").read_text(encoding="utf-8"))


def opened(hearth: Hearth) -> Page:
    hearth.window.go_to(DiagnosticsPage)
    page = hearth.window.page
    assert page is not None
    return page


def texts(page: Page) -> str:
    return "\n".join(each.text() for each in page.findChildren(QLabel) if each.isVisible())


def press(page: Page, text: str) -> None:
    button = next(each for each in page.findChildren(QPushButton) if each.text() == text and each.isVisible())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_one_button_tries_to_break_out_and_shows_every_refusal(hearth: Hearth) -> None:
    page = opened(hearth)
    panel = find(page, SandboxPanel)
    table, progress = find(panel, Table), find(panel, QProgressBar)
    assert not table.isVisible()
    press(page, "Try to break out")
    assert progress.isVisible()
    assert "Trying to break out" in texts(page)
    until(table.isVisible)
    assert not progress.isVisible()
    assert table.rows.row(0).cells == (
        "Connect to a program on this computer (at work)",
        "refused",
        "refused: Permission denied",
        "✓ held",
    )
    said = texts(page)
    assert "✓ It holds: all 7 attempts" in said
    assert SandboxMode.RESTRICTED.in_words in said
    assert "Not covered: flaws in the kernel" in said
    assert "Not available here: namespaces: User namespaces are not allowed here." in said


def test_where_there_is_no_sandbox_the_reason_is_said_and_nothing_earlier_stays(hearth: Hearth, stand: Stand) -> None:
    page = opened(hearth)
    table = find(find(page, SandboxPanel), Table)
    press(page, "Try to break out")
    until(table.isVisible)
    stand.steward.no_sandbox = SandboxUnavailable("No sandbox works here.", why="No bubblewrap.", now="Install it.")
    press(page, "Try again")
    until(lambda: "No sandbox works here. No bubblewrap. Install it." in texts(page))
    assert not table.isVisible()
    assert "It holds" not in texts(page)


async def test_what_got_out_is_said_with_what_to_do() -> None:
    answer = break_out_answer(await break_out())
    first = msgspec.structs.replace(answer.attempts[0], outcome="it worked", held=False)
    broken = msgspec.structs.replace(answer, held=False, attempts=(first, *answer.attempts[1:]))
    assert verdict_words(broken).startswith("✕ It does not hold: 1 of 7 came out otherwise.")
    assert attempt_row(0, first).cells[-1] == "✕ does not hold"
    assert attempt_row(0, first).colour == "bad"


async def test_the_real_sandbox_is_told_in_sentences_that_are_translated(tmp_path: Path) -> None:
    answer = break_out_answer(await scripted_launcher(tmp_path).inspect(compute=False))
    assert answer.held
    assert len(answer.attempts) >= 9
    assert "✓" in verdict_words(answer)
    told = [text for each in answer.attempts for text in (each.name, each.expected)]
    told += [each.outcome.partition(": ")[0] for each in answer.attempts if each.expected == "refused"]
    assert sorted({*told, answer.mode, *answer.not_covered} - GERMAN.keys()) == []


@pytest.mark.parametrize("mode", SandboxMode)
def test_what_a_mode_does_not_cover_is_translated(mode: SandboxMode) -> None:
    assert sorted({mode.in_words, *mode.not_covered} - GERMAN.keys()) == []


def test_an_outcome_keeps_what_the_system_said() -> None:
    assert outcome_words("refused: Permission denied") == "refused: Permission denied"
    assert outcome_words("it worked") == "it worked"


def test_where_everything_is_covered_nothing_is_said_of_it() -> None:
    assert limit_lines(BreakOutAnswer(mode="", held=True, attempts=(), not_covered=())) == []


def test_the_problem_report_is_shown_before_it_is_copied(hearth: Hearth) -> None:
    page = opened(hearth)
    report = find(page, QPlainTextEdit)
    assert not report.isVisible()
    press(page, "Show report")
    until(report.isVisible)
    assert report.toPlainText().startswith("Hearth 0.1.0")
