"""A Qt application without a screen, and the app in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Read by Qt when the first application is made; nothing of Qt is imported before.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("QT_SCALE_FACTOR", None)

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication

from desktop.ui.app import Hearth
from tests.ui.theatre import Stand, hearth_over


@pytest.fixture(scope="session")
def app() -> QApplication:
    application = QApplication(["hearth"])
    application.setStyle("Fusion")
    application.setQuitOnLastWindowClosed(False)
    return application


@pytest.fixture(autouse=True)
def english() -> None:
    """Numbers and dates as in English, whatever test spoke another language before."""
    QLocale.setDefault(QLocale("en_US"))


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path / "d.sock")
    made.open()
    yield made
    made.end()


@pytest.fixture
def hearth(stand: Stand, app: QApplication, tmp_path: Path) -> Iterator[Hearth]:
    with hearth_over(stand, app, tmp_path) as made:
        yield made
