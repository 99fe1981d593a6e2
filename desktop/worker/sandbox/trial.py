"""A worker without a model, that only tries to get out: before the door is shut, where there is such a time, and after.

Started with the very line a real worker is started with, but for the module's name.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import msgspec

from desktop.worker.frames import FrameKind, encode_frame
from desktop.worker.sandbox.probes import Finding, Targets, try_to_escape
from desktop.worker.sandbox.threshold import Threshold

_SIZE: Final = 48


class TrialReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of it. `computes` is None where that was not asked for."""

    at_threshold: tuple[Finding, ...]
    behind_door: tuple[Finding, ...]
    computes: bool | None


def main(threshold: Threshold) -> int:
    """Arguments: the targets as JSON, and `compute` where the numeric library is to be tried as well."""
    targets = msgspec.json.decode(threshold.arguments[0], type=Targets)
    at_threshold = [] if threshold.sealed else try_to_escape(targets, signals=False)
    multiply = _prepare_multiplication() if "compute" in threshold.arguments else None
    threshold.seal()
    report = TrialReport(
        at_threshold=tuple(at_threshold),
        behind_door=tuple(try_to_escape(targets, signals=True)),
        computes=multiply() if multiply else None,
    )
    threshold.channel.sendall(encode_frame(FrameKind.MESSAGE, msgspec.json.encode(report)))
    # Stay, to be looked at from outside, until the node ends this.
    threshold.channel.recv(1)
    return 0


def _prepare_multiplication() -> Callable[[], bool]:
    """Import the numeric library now, multiply later: whole numbers, so that right is exactly right."""
    import torch

    pick = random.Random(0)  # noqa: S311 - any numbers will do
    left, right = ([[pick.randrange(-9, 10) for _ in range(_SIZE)] for _ in range(_SIZE)] for _ in range(2))
    columns = list(zip(*right, strict=True))
    expected = [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]
    first, second = torch.tensor(left, dtype=torch.float32), torch.tensor(right, dtype=torch.float32)
    return lambda: (first @ second).tolist() == expected
