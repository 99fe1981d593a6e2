"""Newer versions of Hearth: found, believed only if signed, installed beside the one in use, taken back if unwell."""
