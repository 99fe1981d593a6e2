from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QRadioButton

from desktop.control.snapshot import Relay
from desktop.domain.node_state import NodeState, Reason
from desktop.ui.app import Hearth
from desktop.ui.parts.week import WeekGrid
from desktop.ui.preferences import PreferencesFile
from desktop.ui.wizard.device import DeviceStep, device_verdict
from desktop.ui.wizard.join import JoinStep
from desktop.ui.wizard.phrase import PhraseStep
from desktop.ui.wizard.when import WhenStep
from desktop.ui.wizard.wizard import Wizard
from tests.fakes.steward import PHRASE, a_snapshot
from tests.ui.theatre import Stand, find, hearth_over, until

ALWAYS = "Always, also while I use the computer"


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
    press(wizard, "Go on anyway")
    press(wizard, "Next")
    assert isinstance(wizard.step, WhenStep)
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
            assert names == ["WelcomeStep", "DeviceStep", "WhenStep", "JoinStep"]
    finally:
        stand.end()


def test_there_are_six_steps(fresh: Hearth) -> None:
    names = [type(step).__name__ for step in find(fresh.window, Wizard).steps]
    assert names == ["WelcomeStep", "DeviceStep", "BenchmarkStep", "WhenStep", "PhraseStep", "JoinStep"]


def test_when_to_work_is_a_setting_at_once(fresh: Hearth, stand: Stand) -> None:
    wizard = find(fresh.window, Wizard)
    stand.steward.setting_values["schedule"] = "always"
    walk_to(wizard, WhenStep)
    until(lambda: [each.text() for each in wizard.step.findChildren(QRadioButton) if each.isChecked()] == [ALWAYS])
    away = next(each for each in wizard.step.findChildren(QRadioButton) if each.text() == "When I am away")
    QTest.mouseClick(away, Qt.MouseButton.LeftButton, pos=QPoint(8, away.height() // 2))
    until(lambda: stand.steward.setting_values["schedule"] == "away")
    by_week = next(each for each in wizard.step.findChildren(QRadioButton) if each.text() == "By a schedule")
    by_week.setFocus()
    QTest.keyClick(by_week, Qt.Key.Key_Space)
    grid = find(wizard.step, WeekGrid)
    until(grid.hasFocus)
    QTest.keyClick(grid, Qt.Key.Key_Space)
    until(lambda: stand.steward.setting_values["schedule"].startswith("naaa"))


def test_what_it_could_bring_is_told_before_joining_with_its_sources(fresh: Hearth) -> None:
    wizard = find(fresh.window, Wizard)
    walk_to(wizard, JoinStep)
    until(
        lambda: any("A day could bring ≈ 12 sat to 140 sat, before electricity." in text for text in words_of(wizard))
    )
    said = "\n".join(words_of(wizard))
    assert "7 offers by 5 providers on wss://relay.example, 1 min to 1 h 0 min old" in said
    assert "Busy ≈ 2.0 to 5.0 % of the day (your own guess)." in said
    assert "→ What a kWh costs is not known" in said


def test_a_device_that_is_too_small_stops_honestly(fresh: Hearth, stand: Stand) -> None:
    wizard = find(fresh.window, Wizard)
    picture = stand.steward.picture
    small = msgspec.structs.replace(picture.devices[0], memory_total_bytes=256 << 20)
    stand.steward.picture = msgspec.structs.replace(picture, devices=(small,))
    stand.changed()
    walk_to(wizard, DeviceStep)
    until(lambda: any("No device here can do this work" in text for text in words_of(wizard)))
    assert "✕ Too small: the smallest model takes 513 MiB of memory, this has 256 MiB." in words_of(wizard)
    press(wizard, "Go on anyway")


def test_each_device_has_a_verdict_of_its_own() -> None:
    models, card = a_snapshot().models, a_snapshot().devices[0]
    assert device_verdict(card, models)[0]
    broken = msgspec.structs.replace(
        card, state=NodeState.FAULT, reason=Reason.SANDBOX_UNAVAILABLE, detail="There is none here."
    )
    for other, words in (
        (msgspec.structs.replace(card, silence="It hangs."), "It hangs."),
        (broken, ": There is none here."),
        (msgspec.structs.replace(card, state=NodeState.FAULT, reason=Reason.WORKER_FAILED), "failed three times"),
    ):
        good, said = device_verdict(other, models)
        assert not good
        assert words in said
    assert device_verdict(card, ())[1] == "✕ No model is installed that it could run."
