"""The first lines that run in a worker: find our code, then cross the threshold.

Started as a script (`python -I -S enter.py ERRAND`), because an isolated interpreter knows nothing but its own standard
library. ERRAND is JSON, see `threshold.Errand`.
"""

import json
import sys
from pathlib import Path
from types import ModuleType


def _place_package(name: str, folder: Path) -> None:
    """Make `folder` importable as `name` without searching, or being allowed to list, the folder it lies in."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    start = folder / "__init__.py"
    if start.exists():
        package.__file__ = str(start)
        exec(compile(start.read_bytes(), str(start), "exec"), package.__dict__)  # noqa: S102 - what import does


def _enter(errand: dict[str, object]) -> int:
    packages = errand["packages"]
    site = errand["site"]
    assert isinstance(packages, dict)  # noqa: S101 - written by our own launcher; says so to the type checker
    assert isinstance(site, list)  # noqa: S101 - same
    for name, folder in packages.items():
        _place_package(name, Path(folder))
    sys.path.extend(site)
    from desktop.worker.sandbox.threshold import Errand, cross

    return cross(Errand.from_json(errand))


if __name__ == "__main__":
    sys.exit(_enter(json.loads(sys.argv[1])))
