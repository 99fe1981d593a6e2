"""Two looks as values: colours by what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they are for. Every pair that carries text is measured by a test (WCAG AA)."""

    page: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    good: str
    warn: str
    bad: str
    idle: str


LIGHT: Final = Theme(
    page="#F4F5F7",
    surface="#FFFFFF",
    raised="#EAEDF2",
    border="#DEE2E8",
    text="#1A1E26",
    muted="#566070",
    accent="#2A5FD0",
    on_accent="#FFFFFF",
    good="#147A3B",
    warn="#8A5A08",
    bad="#BC261E",
    idle="#7F8899",
)
DARK: Final = Theme(
    page="#15171C",
    surface="#1D2027",
    raised="#282C35",
    border="#30353F",
    text="#E9EBEF",
    muted="#A3ABBA",
    accent="#78A6FF",
    on_accent="#0E1420",
    good="#56C98D",
    warn="#E3B04B",
    bad="#FF8178",
    idle="#6E798D",
)
