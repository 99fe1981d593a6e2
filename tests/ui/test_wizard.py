from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from desktop.control.snapshot import Relay
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.app import Hearth
from desktop.ui.preferences import PreferencesFile
from desktop.ui.wizard.join import JoinStep
from desktop.ui.wizard.phrase import PhraseStep
from desktop.ui.wizard.wizard import Wizard
from tests.fakes.steward import PHRASE
from tests.ui.theatre import Stand, find, hearth_over, until


@pytest.fixture
def fresh(stand: Stand, app: QApplication, tmp_path: Path) -> Iterator[Hearth]:
    with hearth_over(stand, app, tmp_path, welcomed=False) as made:
        yield made


def press(wizard: Wizard, text: str) -> None:
    wanted = next(each for each in wizard.findChildren(QPushButton) if each.text() == text and each.isVisible())
    until(wanted.isEnabled)
    QTest.mouseClick(wanted, Qt.MouseButton.LeftButton)


def words_of(wizard: Wizard) -> list[str]:
    return [each.text() for each in wizard.step.findChildren(QLabel) if each.isVisible()]


def walk_to(wizard: Wizard, kind: type[object]) -> None:
    for _ in wizard.steps:
        if isinstance(wizard.step, kind):
            return
        skips = [each for each in wizard.findChildren(QPushButton) if each.text() == "Skip" and each.isVisible()]
        press(wizard, "Skip" if skips else "Let's begin")


def test_the_first_run_is_walked_through_to_the_network(fresh: Hearth, stand: Stand, tmp_path: Path) -> None:
    wizard = find(fresh.window, Wizard)
    stand.steward.picture = msgspec.structs.replace(
        stand.steward.picture, relays=(Relay(url="wss://a.example", enrolled=False),)
    )
    stand.changed()
    press(wizard, "Let's begin")
    until(lambda: any("Something is missing" in text for text in words_of(wizard)))
    press(wizard, "Next")
    press(wizard, "Next")
    until(lambda: any("accident" in text for text in words_of(wizard)))
    press(wizard, "Next")
    answer_with_right_words(wizard)
    press(wizard, "Next")
    assert isinstance(wizard.step, JoinStep)
    press(wizard, "Join")
    until(lambda: "enrol" in stand.steward.followed)
    assert not PreferencesFile(tmp_path / "window.json").values.welcomed
    stand.steward.picture = msgspec.structs.replace(
        stand.steward.picture, relays=(Relay(url="wss://a.example", enrolled=True),)
    )
    stand.changed()
    press_when_there(wizard, "Open Hearth")
    until(lambda: PreferencesFile(tmp_path / "window.json").values.welcomed)


def test_whoever_joins_is_at_the_computer_and_still_gets_on(fresh: Hearth, stand: Stand) -> None:
    wizard = find(fresh.window, Wizard)
    announced = (Relay(url="wss://a.example", enrolled=True),)
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, relays=announced)
    stand.steward.show(NodeState.PAUSED, Reason.WAITING_TO_JOIN)
    stand.changed()
    until(lambda: fresh.house.door.snapshot == stand.steward.picture)
    walk_to(wizard, JoinStep)
    press(wizard, "Join")
    until(lambda: "enrol" in stand.steward.followed)
    assert not any("Joined." in text for text in words_of(wizard))
    stand.steward.show(NodeState.PAUSED, Reason.OWNER_ACTIVE)
    stand.changed()
    until(lambda: any("Joined." in text for text in words_of(wizard)))
    press_when_there(wizard, "Open Hearth")


def press_when_there(wizard: Wizard, text: str) -> None:
    until(lambda: any(each.text() == text for each in wizard.findChildren(QPushButton) if each.isVisible()))
    press(wizard, text)


def answer_with_right_words(wizard: Wizard) -> None:
    for field in (each for each in wizard.step.findChildren(QLineEdit) if each.isVisible()):
        number = int(field.accessibleName().split()[1])
        QTest.keyClicks(field, PHRASE.split()[number - 1])


def test_wrong_words_are_not_taken_and_going_back_shows_them_again(fresh: Hearth) -> None:
    wizard = find(fresh.window, Wizard)
    walk_to(wizard, PhraseStep)
    until(lambda: any("abandon" in text for text in words_of(wizard)))
    press(wizard, "Next")
    for field in (each for each in wizard.step.findChildren(QLineEdit) if each.isVisible()):
        QTest.keyClicks(field, "wrong")
    press(wizard, "Next")
    assert isinstance(wizard.step, PhraseStep)
    assert any("These are not the words" in text for text in words_of(wizard))
    press(wizard, "Back")
    press(wizard, "Next")
    until(lambda: any("abandon" in text for text in words_of(wizard)))


def test_the_words_are_forgotten_when_the_step_is_left(fresh: Hearth) -> None:
    wizard = find(fresh.window, Wizard)
    walk_to(wizard, PhraseStep)
    until(lambda: any("abandon" in text for text in words_of(wizard)))
    press(wizard, "Skip")
    until(lambda: not any("abandon" in each.text() for each in wizard.findChildren(QLabel)))


def test_a_step_without_its_word_is_left_out(app: QApplication, tmp_path: Path) -> None:
    stand = Stand(tmp_path / "d.sock")
    stand.steward.words = stand.steward.words - {"benchmark", "phrase"}
    stand.open()
    try:
        with hearth_over(stand, app, tmp_path, welcomed=False) as hearth:
            names = [type(step).__name__ for step in find(hearth.window, Wizard).steps]
            assert names == ["WelcomeStep", "DeviceStep", "JoinStep"]
    finally:
        stand.end()
