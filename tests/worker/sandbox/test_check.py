from __future__ import annotations

import pytest

from desktop.domain.errors import SandboxUnavailable
from desktop.worker.sandbox.check import require_known_system


def test_a_system_without_a_sandbox_is_told_so_before_anything_else() -> None:
    require_known_system("linux")
    for system in ("win32", "darwin", ""):
        with pytest.raises(SandboxUnavailable, match="no sandbox for this system") as caught:
            require_known_system(system)
        assert caught.value.now
