"""The window: places at the left, the state and the one main button on top of whatever is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.control.snapshot import Snapshot
from desktop.ui import wording
from desktop.ui.banner import Banner
from desktop.ui.door import Link
from desktop.ui.language import tr
from desktop.ui.pages.devices import DevicesPage
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.pages.job_detail import JobDetail
from desktop.ui.pages.jobs import JobsPage
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.network import NetworkPage
from desktop.ui.pages.overview import OverviewPage
from desktop.ui.pages.page import House, Page
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.parts.label import label
from desktop.ui.parts.pill import Pill
from desktop.ui.parts.screen import resize_within_screen
from desktop.ui.pause import PauseButton


class Kind(Protocol):
    """A class of pages."""

    @property
    def needs(self) -> frozenset[str]:
        """The words without which its pages are absent."""
        ...

    def __call__(self, house: House, /) -> Page:
        """A page of it."""
        ...


KINDS: Final[tuple[Kind, ...]] = (
    OverviewPage,
    JobsPage,
    EarningsPage,
    DevicesPage,
    ModelsPage,
    NetworkPage,
    SettingsPage,
    DiagnosticsPage,
)
INDENT: Final = 12  # as the places are, by border and padding
ALL_PARTS: Final = frozenset(Snapshot.__struct_fields__)


@dataclass(slots=True)
class Place:
    """An entry of the rail; its page is built when it is opened first."""

    build: Callable[[], Page]
    needs: frozenset[str]
    button: QPushButton
    page: Page | None = None


class Window(QMainWindow):
    """`closed` is emitted when the owner closes it, and work goes on; `quit_asked` when work shall end too."""

    closed = Signal()
    quit_asked = Signal()

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house
        self.setWindowTitle("Hearth")
        resize_within_screen(self, QSize(1180, 840))
        self.setMinimumSize(640, 360)
        self._stack = QStackedWidget()
        self._title = label("", "title")
        self._pill = Pill(house.appearance)
        self._pause = PauseButton(house)
        self.banner = Banner()
        self._foot = label("", "hint", wrap=True)
        self._buttons = QButtonGroup(self)
        self._places: list[Place] = []
        self._refusal = ""
        self._remedy = ""
        self._notice: tuple[str, str, Callable[[], None] | None] = ("", "", None)
        self._lay_out()
        for keys, act in (("Ctrl+P", self._pause.press), ("Ctrl+W", self.close), ("Ctrl+Q", self.quit_asked.emit)):
            QShortcut(QKeySequence(keys), self).activated.connect(act)
        self._pause.answered.connect(self.tell_refusal)
        house.door.pictured.connect(self._show_snapshot)
        house.door.link_changed.connect(self.show_link)
        self.go_to(OverviewPage)
        # Nothing is chosen before a key is pressed: the first Tab goes to the first place.
        self._stack.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._stack.setFocus()
        self.show_link()

    @property
    def page(self) -> Page | None:
        """The page that is open."""
        place = self._current()
        return None if place is None else place.page

    @property
    def state_words(self) -> str:
        """What the pill says."""
        return self._pill.text

    def go_to(self, kind: Kind) -> None:
        """Open a place."""
        self._buttons.button(KINDS.index(kind)).setChecked(True)
        self._open(KINDS.index(kind))

    def show_job(self, job_id: str) -> None:
        """Open one job in a dialog."""
        JobDetail(self._house, job_id, self).open()

    def notice(self, words: str, button: str = "", act: Callable[[], None] | None = None) -> None:
        """Say something above the page until it is taken back with an empty sentence; a remedy goes before it."""
        self._notice = (words, button, act)
        self._show_banner()

    def tell_refusal(self, words: str) -> None:
        """Say why the node did not pause or resume, before all else; an empty sentence takes it back."""
        self._refusal = words
        self._show_banner()

    def _show_banner(self) -> None:
        if self._refusal:
            self.banner.say(self._refusal, tr("Close"), lambda: self.tell_refusal(""))
        elif self._remedy:
            # On the page Diagnostics there is nothing to go to.
            elsewhere = not isinstance(self.page, DiagnosticsPage) and self._house.door.link is Link.CONNECTED
            self.banner.say(self._remedy, tr("Open Diagnostics") if elsewhere else "", self._open_diagnostics)
        else:
            self.banner.say(*self._notice)

    def _open_diagnostics(self) -> None:
        self.go_to(DiagnosticsPage)

    def show_link(self) -> None:
        """Show how we stand with the node; places whose words it does not know are absent."""
        door = self._house.door
        connected = door.link is Link.CONNECTED
        for place in self._places:
            place.button.setVisible(door.snapshot is None or place.needs <= door.words)
        self._pause.setEnabled(connected)
        if connected:
            if self._notice[1]:
                self._notice = ("", "", None)  # whatever asked for a button is over
            self._show_snapshot(door.snapshot, ALL_PARTS)
            if (page := self.page) is not None:
                page.enter()
        elif door.link is Link.SEARCHING:
            self._pill.show_state(None, tr("Starting Hearth…"))
        elif door.link is Link.LOST:
            self._pill.show_state(None, tr("Reconnecting…"))
            self._refusal = self._remedy = ""
            self._show_banner()
        else:
            self._pill.show_state(wording.Mood.OFF, tr("Another version of Hearth is running"))
            self._remedy = wording.other_version()
            self._show_banner()

    def showEvent(self, event: QShowEvent) -> None:
        """Nothing is painted for nobody: what changed meanwhile is shown now."""
        super().showEvent(event)
        door, page = self._house.door, self.page
        if page is not None and door.snapshot is not None:
            page.show_snapshot(door.snapshot, ALL_PARTS)
            if door.link is Link.CONNECTED:
                page.enter()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing never stops work."""
        super().closeEvent(event)
        self.closed.emit()

    def _lay_out(self) -> None:
        root = QWidget()
        root.setObjectName("page")
        self.setCentralWidget(root)
        across = QHBoxLayout(root)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self._rail())
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        across.addLayout(right, 1)
        head = QHBoxLayout()
        head.setContentsMargins(24, 18, 24, 12)
        head.setSpacing(14)
        head.addWidget(self._title)
        head.addWidget(self._pill)
        head.addStretch()
        head.addWidget(self._pause)
        right.addLayout(head)
        strip = QHBoxLayout()
        strip.setContentsMargins(24, 0, 24, 0)
        strip.addWidget(self.banner)
        right.addLayout(strip)
        right.addWidget(self._stack, 1)

    def _rail(self) -> QFrame:
        rail = QFrame()
        rail.setObjectName("rail")
        column = QVBoxLayout(rail)
        column.setContentsMargins(12, 18, 12, 14)
        column.setSpacing(2)
        brand = label("Hearth", "brand")
        for words in (brand, self._foot):
            words.setIndent(INDENT)
        column.addWidget(brand)
        column.addSpacing(12)
        names = (
            tr("&Overview"),
            tr("&Jobs"),
            tr("&Earnings"),
            tr("&Devices"),
            tr("&Models"),
            tr("&Network"),
            tr("&Settings"),
            tr("Dia&gnostics"),
        )
        for index, (name, kind) in enumerate(zip(names, KINDS, strict=True)):
            button = QPushButton(name)
            button.setCheckable(True)
            button.setAccessibleName(name.replace("&", ""))
            button.clicked.connect(lambda _=False, index=index: self._open(index))
            self._buttons.addButton(button, index)
            column.addWidget(button)
            self._places.append(Place(self._builder(kind), kind.needs, button))
        column.addStretch()
        column.addWidget(self._foot)
        rail.setMinimumWidth(max(168, rail.sizeHint().width()))
        return rail

    def _builder(self, kind: Kind) -> Callable[[], Page]:
        def build() -> Page:
            page = kind(self._house)
            if isinstance(page, (OverviewPage, JobsPage)):
                page.job_opened.connect(self.show_job)
            return page

        return build

    def _open(self, index: int) -> None:
        place = self._places[index]
        if place.page is None:
            place.page = place.build()
            self._stack.addWidget(place.page)
        self._title.setText(place.page.title)
        self._stack.setCurrentWidget(place.page)
        self._show_banner()
        if self._house.door.snapshot is not None:
            place.page.show_snapshot(self._house.door.snapshot, ALL_PARTS)
        if self._house.door.link is Link.CONNECTED:
            place.page.enter()

    def _current(self) -> Place | None:
        return next((place for place in self._places if place.page is self._stack.currentWidget()), None)

    def _show_snapshot(self, snapshot: Snapshot | None, parts: frozenset[str]) -> None:
        if snapshot is None:
            return
        if "status" in parts or "models" in parts:
            words = wording.status_line(snapshot, self._house.now_ms())
            self._pill.show_state(wording.mood_now(snapshot.status.state), words)
            self._pause.show_snapshot(snapshot)
            self._remedy = wording.remedy(snapshot.status)
            self._show_banner()
        if "node" in parts:
            name = snapshot.node.npub
            self._foot.setText(
                tr("Node {name}\nVersion {version}").format(
                    name=f"{name[:8]}…{name[-4:]}", version=snapshot.node.version
                )
            )
        if self.isVisible() and (page := self.page) is not None:
            page.show_snapshot(snapshot, parts)
