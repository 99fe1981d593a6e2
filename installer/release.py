"""The publisher's side of updates: `python -m installer.release key | state | publish`.

`key FILE` makes a secret key and prints its public half, which belongs into `resources/publishers.toml`. `state DIST`
writes `DIST/latest.json` for the installers in that folder, signed. `publish FILE` puts it on relays as an event.
Secret keys are files that environment variables name; none is ever an argument, or in the source.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from iroh import SecretKey

from desktop.domain.errors import HearthError, SettingsError
from desktop.machine.private_file import read_private, write_private
from desktop.network.directory.identity import NostrIdentity
from desktop.network.directory.relays import Relays
from desktop.resources import resource
from desktop.updates.publishers import Publishers
from desktop.updates.sources import IDENTIFIER, KIND
from desktop.updates.statement import Artefact, Kind, Rollout, Statement, envelope_of, message, open_statement

SIGNING_KEY: Final = "HEARTH_RELEASE_KEY"
NOSTR_KEY: Final = "HEARTH_RELEASE_NOSTR_KEY"
LATEST: Final = "latest.json"
_VERSION: Final = r"(?P<version>[0-9][0-9A-Za-z.]*)"
_NAMES: Final[dict[Kind, re.Pattern[str]]] = {
    "deb": re.compile(rf"hearth_{_VERSION}_amd64\.deb"),
    "rpm": re.compile(rf"hearth-{_VERSION}-1\.x86_64\.rpm"),
    "run": re.compile(rf"hearth-{_VERSION}-x86_64\.run"),
    "windows": re.compile(rf"hearth-{_VERSION}-setup\.exe"),
}
_HEX_KEY: Final = re.compile(rb"[0-9a-f]{64}\s*")
_DAY_S: Final = 24 * 3600


def make_key(file: Path) -> str:
    """Write a new secret key where only its owner can read it; returns the public one. Raises SettingsError."""
    if file.exists():
        raise SettingsError(f"{file} exists already.", now="A key is never written over: choose another name.")
    secret = SecretKey.generate()
    write_private(file, secret.to_bytes().hex() + "\n")
    return public_key(secret)


def public_key(secret: SecretKey) -> str:
    """In hex."""
    return secret.public().to_bytes().hex()


def load_key(variable: str, environ: Mapping[str, str]) -> bytes:
    """The secret key in the file that the variable names. Raises SettingsError, or StorageUnusable."""
    file = environ.get(variable, "")
    content = read_private(Path(file)) if file else None
    if content is None or not _HEX_KEY.fullmatch(content):
        raise SettingsError(
            f"There is no key to sign with: {variable} must name a file with one.",
            now="Make one with: python -m installer.release key FILE",
        )
    return bytes.fromhex(content.decode().strip())


def installers(dist: Path, bases: Sequence[str]) -> tuple[str, tuple[Artefact, ...]]:
    """The version, and each installer in `dist` with its size and digest; `bases` are folders they lie in on the web.

    Raises SettingsError if there is none, or if they are of several versions.
    """
    found: dict[str, Artefact] = {}
    versions = set()
    for path in sorted(dist.iterdir()):
        for kind, pattern in _NAMES.items():
            if match := pattern.fullmatch(path.name):
                versions.add(match["version"])
                found[kind] = Artefact(
                    kind=kind,
                    machine="x86_64",
                    name=path.name,
                    bytes=path.stat().st_size,
                    sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                    urls=tuple(f"{base.rstrip('/')}/{path.name}" for base in bases),
                )
    if len(versions) != 1:
        told = ", ".join(sorted(versions)) or "none"
        raise SettingsError(f"{dist} must hold the installers of one version; it holds: {told}.")
    return versions.pop(), tuple(found.values())


def state(arguments: argparse.Namespace, environ: Mapping[str, str], now_s: int, say: Callable[[str], None]) -> Path:
    """Write `latest.json`, signed and read back. Raises SettingsError, UpdateInvalid, StorageUnusable."""
    secret = SecretKey.from_bytes(load_key(SIGNING_KEY, environ))
    version, artefacts = installers(arguments.dist, arguments.at)
    statement = Statement(
        format=1,
        version=version,
        issued_s=now_s,
        expires_s=now_s + arguments.days * _DAY_S,
        rollout=Rollout(
            start_s=now_s, first_percent=arguments.first_percent, complete_s=now_s + arguments.over_hours * 3600
        ),
        artefacts=artefacts,
        notes="" if arguments.notes is None else arguments.notes.read_text("utf-8").strip(),
    )
    said = msgspec.json.encode(statement).decode()
    key = public_key(secret)
    envelope = envelope_of(said, {key: secret.sign(message(said)).to_bytes()})
    open_statement(envelope, {key: "us"})  # what we could not read ourselves, nobody shall have to
    target: Path = arguments.dist / LATEST
    target.write_bytes(envelope)
    if key not in Publishers.load(resource("publishers.toml")).keys:
        say(f"Note: no Hearth of this source believes the key {key}; it is not in resources/publishers.toml.")
    say(f"{target}: Hearth {version}, {len(artefacts)} installers, signed by {key}")
    return target


async def publish(envelope: bytes, identity: NostrIdentity, relays: Relays, now_s: int) -> dict[str, str]:
    """Put the envelope on every relay; returns what each said, empty for one that took it."""
    event = identity.sign(KIND, envelope.decode(), [["d", IDENTIFIER]], now_s)
    told = {}
    async with relays:
        for link in relays.links:
            try:
                await link.publish(event)
                told[link.url] = ""
            except HearthError as error:
                told[link.url] = error.why or error.what
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the word; 1 with words on standard error if it cannot be done, or if no relay took the event."""
    parsed = _parser().parse_args(arguments)
    now_s = int(time.time())
    try:
        match parsed.word:
            case "key":
                print(make_key(parsed.file))
            case "state":
                state(parsed, os.environ, now_s, print)
            case _:
                identity = NostrIdentity(load_key(NOSTR_KEY, os.environ))
                relays = Relays(parsed.relay, now_ms=lambda: now_s * 1000)
                told = asyncio.run(publish(parsed.file.read_bytes(), identity, relays, now_s))
                for url, trouble in told.items():
                    print(f"{url}: {trouble or 'taken'}")
                return 0 if "" in told.values() else 1
    except (HearthError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m installer.release", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    key = words.add_parser("key", help="make a secret key, print its public half")
    key.add_argument("file", type=Path)
    stating = words.add_parser("state", help=f"write {LATEST} for a folder of installers, signed")
    stating.add_argument("dist", type=Path)
    stating.add_argument("--at", action="append", required=True, metavar="URL", help="a web folder they lie in")
    stating.add_argument("--first-percent", type=int, default=10, help="of all computers, served at once")
    stating.add_argument("--over-hours", type=int, default=72, help="until all are served")
    stating.add_argument("--days", type=int, default=60, help="how long it may be believed; state anew before")
    stating.add_argument("--notes", type=Path, help="a text file: what changed, in a sentence or two")
    publishing = words.add_parser("publish", help="put it on relays as a Nostr event")
    publishing.add_argument("file", type=Path)
    publishing.add_argument("--relay", action="append", required=True, metavar="URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
