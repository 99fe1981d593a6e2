"""What the composition root puts together from what lies on this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import DeviceUnusable
from desktop.machine.paths import Paths
from desktop.setup.engines import Engine, fingerprint

CARD = Device("GPU-nobody-has-this-one", DeviceKind.NVIDIA, "A card", 0, None)


def test_a_card_is_used_with_the_torch_that_was_set_up_for_it(tmp_path: Path) -> None:
    """Not with that of the node's own Python, which has none where Hearth was installed."""
    paths = Paths.below(tmp_path)
    paths.create()
    home = Composition(paths, Settings(), use_keyring=False)
    policy = home.mode_policy(unsandboxed=False)
    with pytest.raises(DeviceUnusable, match="not built for cards of NVIDIA"):
        home.launcher([], policy, CARD)

    engines = home.equipment.engines()
    part = engines.part()
    (part / "torch/lib").mkdir(parents=True)
    (part / "torch/lib/libtorch_cuda.so").touch()
    needed = fingerprint(home.equipment.worker_requirements().all)
    engines.adopt(part, Engine("cu130-0", "cu130", "2.13.0", "A card", needed, 0))

    # Past the question of torch: what is missing now is the card itself.
    with pytest.raises(DeviceUnusable, match="does not list it"):
        home.launcher([], policy, CARD)
