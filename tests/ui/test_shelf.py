"""Downloads on the Models page, over the fake node's door."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton

from desktop.control.messages import Discard, Fetch
from desktop.control.snapshot import Fetching
from desktop.ui.app import Hearth
from desktop.ui.pages.models import ModelsPage
from tests.fakes.store import a_shelf, shelf_model
from tests.ui.theatre import Stand, until


def button(hearth: Hearth, name: str) -> QPushButton | None:
    found = hearth.window.findChildren(QPushButton)
    return next((each for each in found if name in {each.accessibleName(), each.text()} and each.isVisible()), None)


def click(hearth: Hearth, name: str) -> None:
    until(lambda: button(hearth, name) is not None)
    pressed = button(hearth, name)
    assert pressed is not None
    QTest.mouseClick(pressed, Qt.MouseButton.LeftButton)


def texts(hearth: Hearth) -> str:
    return "\n".join(each.text() for each in hearth.window.findChildren(QLabel) if each.isVisible())


def show(stand: Stand, fetching: Fetching) -> None:
    stand.steward.picture = msgspec.structs.replace(stand.steward.picture, fetching=fetching)
    stand.changed()


def test_a_model_that_fits_is_downloaded_by_one_click(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(ModelsPage)
    until(lambda: "does not fit: ≈" in texts(hearth))
    unfit = button(hearth, "Download: Large Chat")
    assert unfit is not None
    assert not unfit.isEnabled()

    click(hearth, "Download: Small Chat")
    until(lambda: len(stand.steward.followed) == 1)
    asked = stand.steward.followed[0]
    assert isinstance(asked, Fetch)
    assert (asked.model_id, asked.stop) == ("small-chat", False)


def test_a_download_shows_how_far_it_is_and_pauses_and_goes_on(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(ModelsPage)
    going = Fetching(
        model_id="small-chat",
        name="Small Chat",
        running=True,
        phase="downloading",
        done_bytes=250 << 20,
        total_bytes=1000 << 20,
        bytes_per_s=5 << 20,
        left_s=150.0,
    )
    show(stand, going)
    until(lambda: "Small Chat · downloading" in texts(hearth))
    bar = next(each for each in hearth.window.findChildren(QProgressBar) if each.isVisible())
    assert bar.value() == 250
    assert "25" in bar.accessibleName()
    assert "per second" in texts(hearth)

    click(hearth, "Pause download")
    until(lambda: len(stand.steward.followed) == 1)
    show(stand, msgspec.structs.replace(going, running=False, phase="paused", bytes_per_s=None, left_s=None))
    click(hearth, "Resume download")
    until(lambda: len(stand.steward.followed) == 2)
    stopped, again = stand.steward.followed
    assert isinstance(stopped, Fetch)
    assert isinstance(again, Fetch)
    assert (stopped.stop, again.stop, again.model_id) == (True, False, "small-chat")


def test_what_is_here_can_be_removed_unless_it_is_on_offer(hearth: Hearth, stand: Stand) -> None:
    here, sold = shelf_model("here", 1, here=True), shelf_model("sold", 1, here=True, offered=True)
    stand.steward.shelf_told = a_shelf(here, sold)
    hearth.window.go_to(ModelsPage)
    until(lambda: button(hearth, "Remove: Sold") is not None)
    kept = button(hearth, "Remove: Sold")
    assert kept is not None
    assert not kept.isEnabled()

    click(hearth, "Remove: Here")
    until(lambda: len(stand.steward.followed) == 1)
    assert isinstance(stand.steward.followed[0], Discard)


def test_without_libraries_the_page_offers_to_set_them_up(hearth: Hearth, stand: Stand) -> None:
    stand.steward.shelf_told = a_shelf(torch=None)
    hearth.window.go_to(ModelsPage)
    click(hearth, "Set up: The libraries for your hardware")
    until(lambda: len(stand.steward.followed) == 1)

    show(stand, Fetching(model_id="", name="CUDA 13.0", running=False, phase="failed", detail="The disk is full."))
    until(lambda: "Libraries for your hardware, CUDA 13.0 · did not work" in texts(hearth))
    assert "The disk is full." in texts(hearth)
