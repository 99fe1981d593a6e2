"""Where things lie for the worker: moved to neutral places in a mount namespace, or in place without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desktop.worker.sandbox.runtime import Runtime

_SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache")
_FACTS = (
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/overcommit_memory",
    "/proc/self/auxv",
    "/proc/self/cgroup",
    "/proc/self/cmdline",
    "/proc/self/maps",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
GRAPHICS_FACTS = ("/sys", "/proc/devices", "/proc/driver/nvidia")
"""What CUDA reads of the computer, as far as it is documented; no card was at hand to try it."""
THREAD_NAMES = "/proc/self/task"
"""Where CUDA names its threads; it gives up where it may not."""
_DEVICES = ("/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")


@dataclass(frozen=True, slots=True)
class Place:
    """One file or folder: where it lies on this computer, and where the worker sees it."""

    host: Path
    inside: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """All that a worker may see, in the worker's own terms.

    `places` are what has to be mounted; `packages` and `site` are where Python finds our code and everybody else's.
    """

    interpreter: Path
    library_folder: Path | None
    site: tuple[Path, ...]
    packages: dict[str, Path]
    places: tuple[Place, ...]

    @property
    def readable(self) -> tuple[Path, ...]:
        """For Landlock: every file and folder that may be read."""
        system = (Path(path) for path in (*_SYSTEM, *_FACTS))
        return (*system, *(place.inside for place in self.places), *self.packages.values())

    @property
    def writable(self) -> tuple[Path, ...]:
        """For Landlock: every folder that may be written to."""
        return tuple(place.inside for place in self.places if place.writable)

    @property
    def devices(self) -> tuple[Path, ...]:
        """For Landlock: device files."""
        return tuple(Path(path) for path in _DEVICES)

    def translate(self, text: str) -> str:
        """A path on this computer as the worker sees it; any other text stays as it is."""
        if text.startswith("/"):
            for place in self.places:
                if Path(text).is_relative_to(place.host):
                    return str(place.inside / Path(text).relative_to(place.host))
        return text


def moved(runtime: Runtime, *, readable: Sequence[Path], writable: Sequence[Path]) -> Layout:
    """For a mount namespace of the worker's own: nothing there tells whose computer it is."""
    python, code = Path("/app/python"), Path("/app/code")
    interpreter = python / "bin" / runtime.interpreter.name
    places = [
        Place(runtime.interpreter, interpreter),
        Place(runtime.stdlib, python / runtime.stdlib.relative_to(runtime.prefix)),
    ]
    if runtime.shared_library is not None:
        places.append(Place(runtime.shared_library, python / "lib" / runtime.shared_library.name))
    site = tuple(Path(f"/app/site/{number}") for number in range(len(runtime.site)))
    places += [Place(host, inside) for host, inside in zip(runtime.site, site, strict=True)]
    for name, (folder, parts) in runtime.packages.items():
        places += [Place(folder / part, code / name / part) for part in parts]
    places += [Place(path, Path(f"/data/{number}") / path.name) for number, path in enumerate(readable)]
    places += [Place(path, Path(f"/out/{number}"), writable=True) for number, path in enumerate(writable)]
    return Layout(
        interpreter=interpreter,
        library_folder=python / "lib" if runtime.shared_library else None,
        site=site,
        packages={name: code / name for name in runtime.packages},
        places=tuple(places),
    )


def in_place(runtime: Runtime, *, readable: Sequence[Path], writable: Sequence[Path]) -> Layout:
    """Without a mount namespace: everything where it is, and Landlock alone to keep the rest away."""
    seen = [runtime.interpreter, runtime.stdlib, *runtime.site, *readable]
    if runtime.shared_library is not None:
        seen.append(runtime.shared_library)
    return Layout(
        interpreter=runtime.interpreter,
        library_folder=runtime.shared_library.parent if runtime.shared_library else None,
        site=runtime.site,
        packages={name: folder for name, (folder, _) in runtime.packages.items()},
        places=(
            *(Place(path, path) for path in seen),
            *(Place(path, path, writable=True) for path in writable),
        ),
    )
