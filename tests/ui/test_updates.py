"""New versions in Settings and as notices, over the fake node's door."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QProgressBar

from desktop.control.messages import Update
from desktop.control.snapshot import Renewal, VersionChange
from desktop.ui.app import Hearth
from desktop.ui.notifications import Notifications
from desktop.ui.pages.settings import SettingsPage
from tests.fakes.versions import found
from tests.ui.test_app import own_house
from tests.ui.test_shelf import button, click, texts
from tests.ui.theatre import Stand, until


def show(stand: Stand, renewal: Renewal) -> None:
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, renewal=renewal)
    stand.changed()


def acts(stand: Stand) -> list[str]:
    return [each.act for each in stand.steward.followed if isinstance(each, Update)]


def test_a_new_version_is_looked_for_installed_and_paused(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(SettingsPage)
    until(lambda: "This is Hearth 0.1.0." in texts(hearth))
    assert button(hearth, "Install") is None
    click(hearth, "Look for a new version")
    until(lambda: acts(stand) == ["look"])

    show(stand, found())
    until(lambda: "Hearth 1.1.0 is there; this is 0.1.0." in texts(hearth))
    assert "Faster." in texts(hearth)
    click(hearth, "Install")
    until(lambda: acts(stand) == ["look", "install"])

    show(stand, msgspec.structs.replace(found(), phase="downloading", running=True, done_bytes=9 << 20, left_s=30.0))
    until(lambda: "Downloading Hearth 1.1.0" in texts(hearth))
    bar = next(each for each in hearth.window.findChildren(QProgressBar) if each.isVisible())
    assert bar.value() == 500
    assert button(hearth, "Install") is None
    click(hearth, "Pause the update")
    until(lambda: acts(stand) == ["look", "install", "stop"])


@pytest.mark.parametrize(
    ("renewal", "words"),
    [
        (found("0.1.0", "current"), "✓ Hearth 0.1.0 is up to date."),
        (msgspec.structs.replace(found(phase="waiting"), turn_ms=1_795_000_000_000), "Its turn comes"),
        (msgspec.structs.replace(found(phase="unwell"), detail="It ended."), "It ended."),
        (Renewal(phase="failed", detail="No source helped."), "No source helped."),
        (
            msgspec.structs.replace(found(phase="downloaded"), command="sudo apt install /x.deb"),
            "sudo apt install /x.deb",
        ),
        (msgspec.structs.replace(found(), troubles=("https://a.example: It answers with 404.",)), "404"),
        (
            Renewal(
                last_change=VersionChange(version="1.1.0", before="0.1.0", healthy=False, at_ms=1, words="It ended.")
            ),
            "Hearth 1.1.0 did not come up healthy, and 0.1.0 was put back",
        ),
    ],
)
def test_every_finding_is_told(hearth: Hearth, stand: Stand, renewal: Renewal, words: str) -> None:
    hearth.window.go_to(SettingsPage)
    show(stand, renewal)
    until(lambda: words in texts(hearth))
    assert (button(hearth, "Install") is not None) == (renewal.phase == "ready")


def test_a_version_and_a_change_are_told_once_each_and_can_be_silenced(
    hearth: Hearth, stand: Stand, tmp_path: Path
) -> None:
    told: list[str] = []
    house = own_house(hearth, tmp_path)
    notices = Notifications(house, lambda _, words: told.append(words), hearth)
    until(lambda: house.door.snapshot is not None)

    show(stand, found())
    until(lambda: len(told) == 1)
    show(stand, msgspec.structs.replace(found(), checked_at_ms=1))
    change = VersionChange(version="1.1.0", before="0.1.0", healthy=True, at_ms=1)
    show(stand, Renewal(last_change=change))
    until(lambda: len(told) == 2)
    assert told == [
        "Hearth 1.1.0 is there. Install it in Settings.",
        "Hearth 1.1.0 is installed. Your identity, wallet and ledger are as they were.",
    ]

    house.preferences.values.notify_update = False
    show(stand, found("1.2.0"))
    until(lambda: house.preferences.values.told_update == "ready 1.2.0")
    assert len(told) == 2
    notices.deleteLater()
