import ast
import json
import re
import string
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from desktop.config.settings import declarations
from desktop.control.configuration import GROUPS
from desktop.ui.language import Sentences, tr
from tests.fakes.checks import every_check

ROOT = Path(__file__).parents[2]


def sentences() -> set[str]:
    """Every sentence the view passes to `tr` as it stands."""
    found = set()
    for path in ROOT.glob("desktop/ui/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                argument = node.args[0]
                if isinstance(argument, ast.Constant):
                    found.add(str(argument.value))
    return found


def sentences_with_places() -> set[str]:
    """What the node tells as `told(…)`, to be said by the view."""
    found = set()
    for path in ROOT.glob("desktop/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "told":
                found |= _texts(node.args[0], path)
    return found


def _texts(argument: ast.expr, path: Path) -> set[str]:
    """The sentence that is passed, or every sentence of the module's that a name may stand for."""
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    name = argument.id if isinstance(argument, ast.Name) else ""
    return {
        str(each.value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        for each in ast.walk(node.value)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def told_by_the_node() -> set[str]:
    """The sentences of the settings that the window shows, and those of the node."""
    return sentences_with_places() | {each.sentence for each in declarations() if each.group in GROUPS}


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def german() -> dict[str, str]:
    text = (ROOT / "resources" / "translations" / "de.json").read_text(encoding="utf-8")
    translations: dict[str, str] = json.loads(text)
    return translations


def test_what_a_language_lacks_stays_english(app: QApplication) -> None:
    german = Sentences({"Quit": "Beenden"}, app)
    app.installTranslator(german)
    try:
        assert (tr("Quit"), tr("Nobody translated this")) == ("Beenden", "Nobody translated this")
        assert QCoreApplication.translate("QDialogButtonBox", "Quit") == "Quit"
    finally:
        app.removeTranslator(german)


def test_german_is_complete() -> None:
    assert sorted((sentences() | told_by_the_node()) - german().keys()) == []


def test_every_check_of_the_doctor_can_be_read_in_german(tmp_path: Path) -> None:
    texts = {
        text for check in every_check(tmp_path) for text in (check.name, check.value, check.threshold, check.remedy)
    }
    assert sorted(text for text in texts - german().keys() if re.search(r"\w", re.sub(r"{\w+}", "", text))) == []


def test_a_translation_fills_in_the_same_values() -> None:
    assert {english: text for english, text in german().items() if fields(english) != fields(text)} == {}


def test_no_translation_is_empty_or_shouts() -> None:
    assert [english for english, text in german().items() if not text.strip() or "!" in text] == []
    assert [sentence for sentence in sentences() if "!" in sentence] == []


def test_each_place_has_its_own_letter_in_every_language() -> None:
    places = [sentence for sentence in sentences() if "&" in sentence]
    for names in (places, [german()[place] for place in places]):
        letters = [name[name.index("&") + 1].lower() for name in names]
        assert len(set(letters)) == len(letters), names
