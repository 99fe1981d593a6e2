"""The few moments worth interrupting somebody for: the first paid job, a stop that needs its owner, a new version."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from desktop.control.snapshot import Renewal, Snapshot
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
        if "renewal" in parts and snapshot.renewal is not None:
            self._look_for_version(snapshot.renewal)

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

    def _look_for_version(self, renewal: Renewal) -> None:
        """A version that is there is told once, and so is the end of each change of version."""
        last = renewal.last_change
        if renewal.phase in {"ready", "downloaded"}:
            key, words = f"ready {renewal.version}", tr("Hearth {version} is there. Install it in Settings.")
            told = words.format(version=renewal.version)
        elif last is not None and not renewal.running:
            key = f"changed {last.version} {last.at_ms}"
            if last.healthy:
                words = tr("Hearth {version} is installed. Your identity, wallet and ledger are as they were.")
            else:
                words = tr("Hearth {version} did not come up healthy, so {before} is in use again.")
            told = words.format(version=last.version, before=last.before)
        else:
            return
        values = self._house.preferences.values
        if values.told_update == key:
            return
        values.told_update = key
        self._house.preferences.save()
        if values.notify_update:
            self._notify(tr("A new version of Hearth"), told)
