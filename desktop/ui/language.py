"""The languages of the view: every text is looked up by its English sentence.

`tr` is Qt's own translation with a single context, so a language is a file `<code>.json` of sentences and their
translations. Sentences are whole; values are filled in afterwards, with `str.format`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

CONTEXT: Final = "hearth"


def tr(sentence: str) -> str:
    """The sentence in the language of the application."""
    return QCoreApplication.translate(CONTEXT, sentence)


class Sentences(QTranslator):
    """One language. What it lacks stays English."""

    def __init__(self, sentences: dict[str, str], parent: QObject) -> None:
        super().__init__(parent)
        self._sentences = sentences

    def translate(
        self,
        context: str,
        sourceText: str,  # noqa: N803 - Qt's name for it
        disambiguation: str | None = None,  # noqa: ARG002 - Qt's signature
        n: int = -1,  # noqa: ARG002 - Qt's signature
    ) -> str | None:
        """The translation. None is what lets Qt ask others, and show the sentence itself in the end."""
        return self._sentences.get(sourceText) if context == CONTEXT else None

    def isEmpty(self) -> bool:
        """Qt leaves out translators that are empty."""
        return False


def install(app: QCoreApplication, folder: Path, locale: QLocale) -> None:
    """Speak the language of `locale` as far as there is a file for it; numbers and dates follow it in any case."""
    if locale.language() is QLocale.Language.C:
        locale = QLocale(QLocale.Language.English)
    QLocale.setDefault(locale)
    code = QLocale.languageToCode(locale.language())
    file = folder / f"{code}.json"
    if not file.is_file():
        return
    sentences: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    app.installTranslator(Sentences(sentences, app))
    qt = QTranslator(app)
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(qt)
