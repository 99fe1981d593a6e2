"""Downloads on the Models page, over the fake node's door."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton

from desktop.control.messages import Discard, Fetch
from desktop.control.snapshot import Fetching
from desktop.ui.app import Hearth
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.offer_panel import as_setting, to_be_offered
from tests.fakes.store import READY, a_shelf, shelf_model
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


def test_a_fetched_model_is_put_on_offer_beside_the_bundled_ones_and_taken_off_again(
    hearth: Hearth, stand: Stand
) -> None:
    hearth.window.go_to(ModelsPage)
    click(hearth, "Offer: Fetched Chat")
    until(lambda: stand.steward.setting_values["models"])
    assert stand.steward.setting_values["models"] == "bundled-chat\nbundled-embedding\nfetched-chat"
    until(lambda: "on offer from the next start of Hearth · downloaded" in texts(hearth))
    assert "It counts from the next start of Hearth." in texts(hearth)

    # Back to what Hearth offers by itself: then a model that a later version brings is offered too.
    click(hearth, "Take off: Fetched Chat")
    until(lambda: stand.steward.setting_values["models"] == "")
    until(lambda: "not on offer · downloaded" in texts(hearth))


def test_a_bundled_model_is_taken_off_but_not_the_last_one(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(ModelsPage)
    click(hearth, "Take off: Bundled Chat")
    until(lambda: stand.steward.setting_values["models"] == "bundled-embedding")
    until(lambda: "on offer until Hearth starts again · comes with Hearth" in texts(hearth))

    click(hearth, "Take off: Bundled Embedding")
    until(lambda: "The last model stays on offer" in texts(hearth))
    assert stand.steward.setting_values["models"] == "bundled-embedding"
    assert button(hearth, "Take off: Bundled Embedding") is not None


def test_an_offer_that_the_node_refuses_stays_as_it_was(hearth: Hearth, stand: Stand) -> None:
    hearth.window.go_to(ModelsPage)
    del stand.steward.setting_values["models"]
    click(hearth, "Offer: Fetched Chat")
    until(lambda: "There is no setting models." in texts(hearth))
    again = button(hearth, "Offer: Fetched Chat")
    assert again is not None
    assert again.isEnabled()


@pytest.mark.parametrize("chosen", [(), ("fetched-chat",), ("gone", "bundled-chat")])
def test_what_is_on_offer_is_never_less_for_being_written(chosen: tuple[str, ...]) -> None:
    """The setting that is written for what is on offer means the same, and names nothing that is not here."""
    shelf = a_shelf(chosen=chosen)
    offered = to_be_offered(shelf)
    assert offered
    assert set(offered) <= {model.id for model in READY}
    written = as_setting(shelf, offered)
    assert to_be_offered(msgspec.structs.replace(shelf, chosen=written)) == offered
