from __future__ import annotations

import subprocess
import sys


def test_a_node_starts_without_what_it_needs_seldom_or_never() -> None:
    """Each of these is megabytes for as long as it runs: it may take 90 in all, which tests/bench/node.py measures."""
    program = "import sys; import desktop.commands.node; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "desktop.node.node" in loaded
    assert not loaded & {"PySide6", "dbus_fast", "desktop.gateway", "desktop.ui", "httpx", "rich", "torch"}
