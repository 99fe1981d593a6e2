"""Merkle trees over a power of two of leaves: one hash stands for many rows, and a row shown to be one of them.

SHA-256; leaves and inner nodes are hashed with different first bytes, so that neither passes for the other (RFC 6962).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(data: bytes) -> bytes:
    """The hash of one leaf."""
    return sha256(b"\0" + data).digest()


class Tree:
    """A tree over hashes of leaves; ValueError unless their number is a power of two."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves or len(leaves) & (len(leaves) - 1):
            raise ValueError("a tree has a power of two of leaves")
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            self._levels.append([_join(*level[at : at + 2]) for at in range(0, len(level), 2)])

    @property
    def root(self) -> bytes:
        """The hash that stands for all."""
        return self._levels[-1][0]

    def holds(self, index: int, hashed_leaf: bytes) -> bool:
        """Whether that leaf stands at that place."""
        return self._levels[0][index] == hashed_leaf

    def path(self, index: int) -> tuple[bytes, ...]:
        """The hashes beside the way from that leaf up to the root."""
        return tuple(level[index >> height ^ 1] for height, level in enumerate(self._levels[:-1]))


def climb(hashed_leaf: bytes, index: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree in which that leaf stands at `index`, beside that path."""
    for height, beside in enumerate(path):
        hashed_leaf = _join(beside, hashed_leaf) if index >> height & 1 else _join(hashed_leaf, beside)
    return hashed_leaf


def _join(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()
