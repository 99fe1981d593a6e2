"""Hearth: lend an idle GPU to an open AI inference network."""

__version__ = "0.1.0"
