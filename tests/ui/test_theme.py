import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit

from desktop.ui.colours import DARK, LIGHT, Theme
from desktop.ui.icons import ALERT, EMBER, STONE, tray_icon
from desktop.ui.parts.choice import Check, Radio
from desktop.ui.theme import Appearance, palette
from desktop.ui.wording import Mood

TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2.2, AA: 1.4.3 and 1.4.11
PAIRS = [
    *((front, back, TEXT) for front in ("text", "muted") for back in ("page", "surface", "raised")),
    *((front, back, TEXT) for front in ("accent", "good", "warn", "bad") for back in ("page", "surface", "raised")),
    ("on_accent", "accent", TEXT),
    # Outlines of fields, marks of choices, scroll bars, rings of the focus, bars and cells of charts.
    *((front, back, GRAPHICS) for front in ("idle", "muted", "accent", "text") for back in ("page", "surface")),
]


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    seen = QColor(colour)
    return 0.2126 * linear(seen.redF()) + 0.7152 * linear(seen.greenF()) + 0.0722 * linear(seen.blueF())


def contrast(front: str, back: str) -> float:
    darker, lighter = sorted((luminance(front), luminance(back)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_is_told_apart(theme: Theme, front: str, back: str, least: float) -> None:
    assert contrast(getattr(theme, front), getattr(theme, back)) >= least


@pytest.mark.parametrize("panel", ["#FFFFFF", "#F6F5F4", "#1D1D1D", "#2A2E32"])
@pytest.mark.parametrize("colour", [EMBER, STONE, ALERT])
def test_the_tray_icon_is_seen_on_light_and_dark_panels(colour: str, panel: str) -> None:
    assert contrast(colour, panel) >= GRAPHICS


def test_the_tray_icon_differs_by_shape_and_not_by_colour_alone(app: QApplication) -> None:
    assert app
    shapes = set()
    for mood in Mood:
        image = tray_icon(mood).pixmap(22, 22).toImage()
        shapes.add(tuple(image.pixelColor(x, y).alpha() > 127 for x in range(22) for y in range(22)))
    assert len(shapes) == len(Mood)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_role_of_the_palette_is_ours(app: QApplication, theme: Theme) -> None:
    assert app
    ours = {QColor(getattr(theme, name)).name() for name in Theme.__slots__}
    made = palette(theme)
    untouched = {QPalette.ColorRole.NoRole, QPalette.ColorRole.NColorRoles, QPalette.ColorRole.Accent}
    for role in set(QPalette.ColorRole) - untouched:
        assert made.color(QPalette.ColorGroup.Active, role).name() in ours, role


@pytest.mark.parametrize(("look", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_what_stands_in_an_empty_field_can_be_read(app: QApplication, look: str, theme: Theme) -> None:
    """A style sheet would leave it half as strong as the text."""
    appearance = Appearance(app)
    appearance.choose(look)
    for made in (QLineEdit(), QPlainTextEdit()):
        made.setPlaceholderText("nothing yet")
        made.ensurePolished()
        assert made.palette().color(QPalette.ColorRole.PlaceholderText) == QColor(theme.muted)
        made.deleteLater()
    appearance.choose("light")


@pytest.mark.parametrize(("look", "theme"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("kind", [Check, Radio])
def test_a_choice_is_seen_whether_made_or_not(
    app: QApplication, look: str, theme: Theme, kind: type[Check | Radio]
) -> None:
    appearance = Appearance(app)
    appearance.choose(look)
    box = kind("Let this device work, also when nobody is there to see it")
    box.resize(box.sizeHint())
    empty = {box.grab().toImage().pixelColor(x, box.height() // 2).name() for x in range(16)}
    box.setChecked(True)
    made = {box.grab().toImage().pixelColor(x, box.height() // 2).name() for x in range(16)}
    assert any(contrast(colour, theme.page) >= GRAPHICS for colour in empty)
    assert QColor(theme.accent).name() in made
    assert QColor(theme.accent).name() not in empty
    assert box.heightForWidth(120) > box.heightForWidth(1000)
    box.deleteLater()
    appearance.choose("light")
