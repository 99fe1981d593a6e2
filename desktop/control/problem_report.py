"""A text about a node that may be shown to strangers: no keys, no prompts, no home folder, no amounts."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desktop.control.answers import DoctorAnswer, SettingsAnswer
from desktop.control.snapshot import Snapshot
from desktop.domain.told import plain

# Settings whose values are the owner's business; that they were changed is told, not to what.
PRIVATE: Final = frozenset({
    "node_name", "node_about", "relays", "mints", "wire_relays", "http_host", "limits", "disabled_devices", "currency",
    "electricity_price", "electricity_hours", "sat_per_currency", "exchange_source",
})  # fmt: skip
MARKS: Final = {True: "ok  ", False: "FAIL", None: "?   "}
_SECRET_LIKE: Final = re.compile(r"\b(?:nsec1|sk-|cashu[AB]|creqA|npub1)[A-Za-z0-9_=-]+|\b[0-9a-f]{48,}\b")


def problem_report(snapshot: Snapshot, doctor: DoctorAnswer, settings: SettingsAnswer, now_ms: int) -> str:
    """State, checks, changed settings, relays by count."""
    status = snapshot.status
    lines = [
        f"Hearth {snapshot.node.version}, {datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        f"{platform.platform()}, Python {platform.python_version()}",
        "",
        f"State: {status.state.value}, {status.reason.value}"
        + (f" ({status.detail})" if status.detail else "")
        + f", for {max(0, now_ms - status.since_ms) // 1000} s",
        f"Running for {max(0, now_ms - snapshot.node.started_at_ms) // 1000} s",
        f"Relays: announced on {sum(relay.enrolled for relay in snapshot.relays)} of {len(snapshot.relays)}",
        *(f"  trouble: {relay.detail}" for relay in snapshot.relays if relay.detail),
        f"Models: {', '.join(model.id for model in snapshot.models) or 'none'}",
    ]
    lines += [
        f"Device: {each.name or 'unknown'} ({each.kind.value}); {each.state.value}, {each.reason.value}"
        f"{f' ({each.detail})' if each.detail else ''}; {each.sandbox or 'no worker'}"
        for each in snapshot.devices
    ]
    lines += ["", "Checks:"]
    lines += [
        f"  {MARKS[check.passed]} {check.name}: {plain(check.value, check.values)}"
        + (f" (needed: {plain(check.threshold, check.values)})" if not check.passed else "")
        for check in doctor.checks
    ]
    changed = [sheet for sheet in settings.settings if sheet.value != sheet.default]
    lines += ["", "Changed settings:" if changed else "All settings have their defaults."]
    lines += [f"  {sheet.name}" + ("" if sheet.name in PRIVATE else f" = {sheet.value!r}") for sheet in changed]
    return redacted("\n".join(lines))


def redacted(text: str) -> str:
    """The text without the home folder and without anything that looks like a key or a token."""
    return _SECRET_LIKE.sub("[left out]", text.replace(str(Path.home()), "~"))
