"""The few moments worth interrupting somebody for: the first paid job, and a stop that needs its owner."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from desktop.control.snapshot import Snapshot
from desktop.domain.job import JobState
from desktop.domain.node_state import NodeState
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House

Notify = Callable[[str, str], None]


class Notifications(QObject):
    """Never per job; each kind can be switched off."""

    def __init__(self, house: House, notify: Notify, parent: QObject) -> None:
        super().__init__(parent)
        self._house = house
        self._notify = notify
        self._in_trouble = False
        house.door.pictured.connect(self._look)

    def _look(self, snapshot: Snapshot, parts: frozenset[str]) -> None:
        if "recent" in parts:
            self._look_for_first_job(snapshot)
        if "status" in parts:
            self._look_for_trouble(snapshot)

    def _look_for_first_job(self, snapshot: Snapshot) -> None:
        values = self._house.preferences.values
        if values.told_first_job:
            return
        paid = [job for job in snapshot.recent if job.state is JobState.COMPLETED and job.charged_msat]
        if not paid:
            return
        values.told_first_job = True
        self._house.preferences.save()
        # Somebody who has many jobs already opened this window for the first time: that is no news.
        if values.notify_first_job and len(paid) == 1:
            self._notify(
                tr("Your first job is paid"),
                tr("{amount} sat are in your wallet.").format(amount=formats.sats(paid[0].charged_msat)),
            )

    def _look_for_trouble(self, snapshot: Snapshot) -> None:
        trouble = snapshot.status.state is NodeState.FAULT
        if trouble and not self._in_trouble and self._house.preferences.values.notify_trouble:
            self._notify(
                tr("Hearth has stopped and needs you"),
                f"{wording.reason_words(snapshot.status.reason)}. {wording.remedy(snapshot.status)}".strip(),
            )
        self._in_trouble = trouble
