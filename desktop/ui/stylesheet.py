"""The style sheet of a theme. Sizes follow the system's font, so that large text stays whole."""

from __future__ import annotations

from desktop.ui.colours import Theme


def stylesheet(theme: Theme, *, base_pt: float) -> str:
    """The sheet for a theme and the system's font size in points."""
    t = theme
    small, section, title, value = base_pt * 0.92, base_pt * 1.08, base_pt * 1.65, base_pt * 1.85
    return f"""
QWidget {{ color: {t.text}; }}
QMainWindow, QDialog, #page, QScrollArea, #scrolled {{ background: {t.page}; border: 0; }}
QToolTip {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; padding: 4px 8px; }}

#rail {{ background: {t.surface}; border-right: 1px solid {t.border}; }}
#rail QPushButton {{ border: 2px solid transparent; border-radius: 8px; padding: 6px 10px; text-align: left;
    color: {t.muted}; background: transparent; font-weight: 500; }}
#rail QPushButton:hover {{ background: {t.raised}; color: {t.text}; }}
#rail QPushButton:checked {{ background: {t.raised}; color: {t.text}; }}
#rail QPushButton:focus {{ border-color: {t.accent}; }}
#brand {{ font-size: {section * 1.05}pt; font-weight: 700; }}

#title {{ font-size: {title}pt; font-weight: 650; }}
#section {{ font-size: {section}pt; font-weight: 600; }}
#caption, #hint {{ color: {t.muted}; font-size: {small}pt; }}
#caption {{ font-weight: 500; }}
#value {{ font-size: {value}pt; font-weight: 650; }}
#unit {{ color: {t.muted}; }}
#strong {{ font-weight: 600; }}
#good {{ color: {t.good}; font-size: {small}pt; }}
#warn {{ color: {t.warn}; font-size: {small}pt; }}
#bad {{ color: {t.bad}; font-size: {small}pt; }}
#mono {{ font-family: monospace; }}

#card {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 12px; }}
#pill {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 12px; }}
#banner {{ background: {t.surface}; border: 1px solid {t.warn}; border-radius: 10px; margin-bottom: 10px; }}

QPushButton {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: 8px; padding: 6px 14px; }}
QPushButton:hover {{ background: {t.raised}; }}
QPushButton:focus {{ border: 2px solid {t.accent}; padding: 5px 13px; }}
QPushButton:disabled {{ color: {t.muted}; background: {t.page}; }}
QPushButton#primary {{ background: {t.accent}; color: {t.on_accent}; border: 2px solid {t.accent}; font-weight: 600;
    padding: 6px 16px; }}
QPushButton#primary:hover {{ border-color: {t.text}; }}
QPushButton#primary:focus {{ border-color: {t.text}; }}
QPushButton#primary:disabled {{ background: {t.raised}; color: {t.muted}; border-color: {t.raised}; }}
QPushButton#segment {{ padding: 3px 12px; color: {t.muted}; border-radius: 6px; border: 2px solid transparent; }}
QPushButton#segment:checked {{ background: {t.raised}; color: {t.text}; border-color: {t.border}; }}
QPushButton#segment:focus {{ border-color: {t.accent}; }}
QPushButton#link {{ color: {t.accent}; border: 2px solid transparent; background: transparent; padding: 2px 6px; }}
QPushButton#link:focus {{ border-color: {t.accent}; }}

QLineEdit, QPlainTextEdit {{ background: {t.surface}; border: 1px solid {t.idle};
    border-radius: 6px; padding: 5px 8px; selection-background-color: {t.accent};
    selection-color: {t.on_accent}; placeholder-text-color: {t.muted}; }}
QLineEdit:focus, QPlainTextEdit:focus {{ border: 2px solid {t.accent}; padding: 4px 7px; }}
QComboBox {{ background: {t.surface}; border: 1px solid {t.idle}; border-radius: 6px; padding: 5px 8px; }}
QComboBox:focus {{ border: 2px solid {t.accent}; padding: 4px 7px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: 0; width: 20px; }}
QComboBox:disabled {{ color: {t.muted}; background: {t.page}; }}
QComboBox QAbstractItemView {{ background: {t.surface}; border: 1px solid {t.border}; outline: 0; }}
QComboBox QAbstractItemView::item {{ padding: 5px 8px; }}
QComboBox QAbstractItemView::item:selected {{ background: {t.accent}; color: {t.on_accent}; }}

QTableView {{ background: transparent; border: 2px solid transparent; border-radius: 6px;
    selection-background-color: {t.raised}; selection-color: {t.text}; }}
QTableView:focus {{ border-color: {t.accent}; }}
QTableView::item {{ border-bottom: 1px solid {t.border}; padding: 0 8px; }}
QTableView#prose::item {{ padding: 5px 8px; }}
QTableView::item:selected {{ background: {t.raised}; }}
QHeaderView, QTableCornerButton::section {{ background: transparent; border: 0; }}
QHeaderView::section {{ background: {t.surface}; border: 0; border-bottom: 1px solid {t.border}; color: {t.muted};
    font-size: {small}pt; font-weight: 500; padding: 6px 11px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {t.idle}; border-radius: 4px; min-height: 28px; margin: 1px; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle:horizontal {{ background: {t.idle}; border-radius: 4px; min-width: 28px; margin: 1px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QMenu {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 24px; border-radius: 6px; }}
QMenu::item:selected {{ background: {t.raised}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
QProgressBar {{ background: {t.raised}; border: 0; border-radius: 4px; min-height: 8px; max-height: 8px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 4px; }}
"""
