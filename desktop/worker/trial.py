"""Tries an installed torch: `python -m desktop.worker.trial FOLDER DEVICE` multiplies two matrices there.

Prints one line of JSON: `torch` (its version), `device` (its name), `seconds`. Ends with a message and another status
if the product is wrong, the device is not there, or torch does not load. The folder comes first on the path, so
that what is tried is what will be used.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

SIZE: Final = 512
_ARGUMENTS: Final = 3


def multiply(device: str) -> dict[str, object]:
    """The product of two matrices of small whole numbers, where float32 is exact, against the processor's.

    Raises RuntimeError for a device that is not there, ValueError for a wrong product.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    left = torch.randint(-8, 9, (SIZE, SIZE), generator=generator)
    right = torch.randint(-8, 9, (SIZE, SIZE), generator=generator)
    start_s = time.perf_counter()
    product = (left.float().to(device) @ right.float().to(device)).cpu()
    seconds = time.perf_counter() - start_s
    if not torch.equal(product.long(), left @ right):
        raise ValueError(f"the product of two matrices is wrong on {device}")
    return {"torch": torch.__version__, "device": _name(torch.device(device)), "seconds": seconds}


def _name(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return torch.xpu.get_device_name(device)
    return device.type


def main(arguments: list[str]) -> int:
    """Try it."""
    if len(arguments) != _ARGUMENTS:
        print("usage: python -m desktop.worker.trial FOLDER DEVICE", file=sys.stderr)  # noqa: T201 - its only channel
        return 2
    sys.path.insert(0, arguments[1])
    try:
        told = multiply(arguments[2])
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        # What torch says may be pages of advice for its developers; its first line names the matter.
        print(str(error).strip().partition("\n")[0] or type(error).__name__, file=sys.stderr)  # noqa: T201 - as above
        return 1
    print(json.dumps(told))  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
