"""A newer version of Hearth: looked for, installed, and how the last change went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton

from desktop.control.answers import Refusal
from desktop.control.messages import Update
from desktop.control.snapshot import Renewal
from desktop.ui import formats, wording
from desktop.ui.door import Door
from desktop.ui.language import tr
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel

_PARTS: Final = 1000  # of a progress bar
_INSTALLABLE: Final = frozenset({"ready", "paused", "failed"})


class UpdatePanel(Panel):
    """Follows what the snapshot tells of a newer version. `now_ms` is the clock."""

    def __init__(self, door: Door, now_ms: Callable[[], int]) -> None:
        super().__init__(tr("New versions"))
        self._door = door
        self._now_ms = now_ms
        self._words = label("", "strong", wrap=True)
        self._detail = label("", "hint", wrap=True)
        self._command = label("", wrap=True)
        self._command.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._bar = QProgressBar()
        self._bar.setRange(0, _PARTS)
        self._bar.setTextVisible(False)
        self._last = label("", "hint", wrap=True)
        self._look = self._button(tr("Look for a new version"), "look")
        self._install = self._button(tr("Install"), "install")
        self._pause = self._button(tr("Pause the update"), "stop")
        row = QHBoxLayout()
        for button in (self._look, self._install, self._pause):
            row.addWidget(button)
        row.addStretch()
        for part in (self._words, self._bar, self._detail, self._command, self._last):
            self.body.addWidget(part)
        self.body.addLayout(row)
        self.show_renewal(Renewal(), "")

    def show_renewal(self, renewal: Renewal | None, installed: str) -> None:
        """Say how it stands; `installed` is the version of the running node."""
        now = renewal or Renewal()
        words = _words(now, installed)
        self._words.setText(words)
        share = now.done_bytes / now.size_bytes if now.size_bytes else 0.0
        self._bar.setVisible(now.phase == "downloading" or (now.phase == "paused" and now.done_bytes > 0))
        self._bar.setValue(round(share * _PARTS))
        self._bar.setAccessibleName(f"{words} {formats.percent(share)}")
        _say(self._detail, _details(now, self._now_ms()))
        _say(self._command, now.command)
        _say(self._last, _last_words(now, self._now_ms()))
        self._look.setVisible(not now.running)
        self._install.setVisible(not now.running and now.phase in _INSTALLABLE and bool(now.version))
        self._pause.setVisible(now.phase == "downloading")

    def _button(self, words: str, act: Literal["look", "install", "stop"]) -> QPushButton:
        button = QPushButton(words)
        button.clicked.connect(
            lambda: self._door.ask(lambda number: Update(id=number, act=act), lambda _: None, self._refuse)
        )
        return button

    def _refuse(self, refusal: Refusal) -> None:
        _say(self._detail, wording.refusal_words(refusal))


def _say(words: QLabel, text: str) -> None:
    words.setText(text)
    words.setVisible(bool(text))


def _words(now: Renewal, installed: str) -> str:
    words = {
        "unknown": tr("This is Hearth {installed}."),
        "looking": tr("Looking for a new version…"),
        "current": tr("✓ Hearth {installed} is up to date."),
        "ready": tr("Hearth {version} is there; this is {installed}."),
        "waiting": tr("Hearth {version} is handed out in steps, and it is not this computer's turn yet."),
        "unwell": tr("Hearth {version} did not work on this computer, and is not tried again."),
        "no installer": tr("Hearth {version} is there, but not for the way Hearth was installed here."),
        "downloading": tr("Downloading Hearth {version}"),
        "unpacking": tr("Unpacking Hearth {version} beside the present one…"),
        "preparing": tr("Fetching what Hearth {version} needs…"),
        "rehearsing": tr("Trying Hearth {version} on copies of ledger and wallet…"),
        "changing": tr("Changing to Hearth {version}, when the running jobs have ended…"),
        "downloaded": tr("Hearth {version} is downloaded. Only you may install it, with this command:"),
        "paused": tr("The update to Hearth {version} is paused."),
        "failed": tr("That did not work."),
    }.get(now.phase, now.phase)
    return words.format(version=now.version, installed=installed)


def _details(now: Renewal, now_ms: int) -> str:
    told = []
    if now.phase == "waiting" and now.turn_ms is not None:
        told.append(tr("Its turn comes {time}.").format(time=formats.moment(now.turn_ms, now_ms)))
    if now.phase in {"downloading", "paused"} and now.size_bytes is not None:
        done, total = formats.size(now.done_bytes), formats.size(now.size_bytes)
        told.append(tr("{done} of {total}").format(done=done, total=total))
    elif now.phase == "ready" and now.size_bytes is not None:
        told.append(formats.size(now.size_bytes))
    if now.left_s is not None:
        told.append(tr("{time} left").format(time=formats.span(round(now.left_s * 1000))))
    told += [text for text in (now.detail, now.notes if now.phase != "current" else "") if text]
    told += now.troubles
    if now.checked_at_ms is not None and not now.running:
        told.append(tr("Last look: {time}.").format(time=formats.moment(now.checked_at_ms, now_ms)))
    return "\n".join(told)


def _last_words(now: Renewal, now_ms: int) -> str:
    last = now.last_change
    if last is None:
        return ""
    time = formats.moment(last.at_ms, now_ms)
    if last.healthy:
        words = tr("Changed from {before} to {version}: {time}.")
    else:
        words = tr("Hearth {version} did not come up healthy, and {before} was put back: {time}.")
    return f"{words.format(version=last.version, before=last.before, time=time)} {last.words}".strip()
