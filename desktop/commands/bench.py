"""`hearth bench`: how fast this computer is, measured honestly; the signed report, and the reports of others."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from desktop import __version__
from desktop.commands.bench_node import measure_in_node
from desktop.commands.console import UNKNOWN, Console, clock
from desktop.compose import Composition
from desktop.control.benchmark import HEADLINE
from desktop.control.measuring import Bench, Measuring, Progress
from desktop.control.workshop import kept, newest, whole
from desktop.domain.benchmark import MOST_SOAK_MINUTES, USUAL_SOAK_MINUTES, Part, compare
from desktop.domain.device import Device, DeviceKind
from desktop.domain.errors import AlreadyRunning, BenchmarkInvalid, SettingsError, StorageUnusable, Unavailable
from desktop.domain.model import Model, ModelKind
from desktop.ledger.report import Report
from desktop.machine.devices.survey import local_devices
from desktop.proof.benchmark import MOST_BYTES, BenchmarkSigner, SignedBenchmark, decode, encode, verify

SEED_BYTES: Final = 32
Measure = Callable[..., Awaitable[SignedBenchmark]]
"""`Measuring.run` with all but the bench and who hears of it."""
_SHOWN: Final = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="", metavar="ID", help="the model (default: the first chat model)")
    parser.add_argument("--device", default="", metavar="ID", help="the device (default: the one that works first)")
    parser.add_argument("--seed", default="", metavar="HEX", help="32 bytes from whoever wants to check the products")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the signed report to a file")
    parser.add_argument(
        "--soak",
        nargs="?",
        type=int,
        const=USUAL_SOAK_MINUTES,
        default=0,
        metavar="MINUTES",
        help=f"then work without a pause, to see whether the speed lasts (default: {USUAL_SOAK_MINUTES} minutes)",
    )
    parser.add_argument("--last", action="store_true", help="measure nothing: the newest report there is")
    parser.add_argument("--history", action="store_true", help="measure nothing: the newest runs, one a line")
    parser.add_argument("--verify", type=Path, metavar="FILE", help="check a report, with --seed against your seed")


def run(arguments: argparse.Namespace, home: Composition, console: Console) -> int:
    """Measure for a minute, on a graphics card for two, and print medians with their intervals. Ctrl+C ends it."""
    seed = _seed(arguments.seed)
    if arguments.verify is not None:
        return _verify(arguments.verify, seed, console)
    if not 0 <= arguments.soak <= MOST_SOAK_MINUTES:
        raise SettingsError(
            f"--soak cannot be {arguments.soak} minutes.", now=f"It may be from 1 to {MOST_SOAK_MINUTES} minutes."
        )
    if arguments.history:
        with home.report() as report:
            return _history(report, console)
    if arguments.report is not None and arguments.report.exists():
        raise StorageUnusable(f"{arguments.report} exists.", now="Choose another name; nothing is overwritten.")
    with home.report() as report:
        before = newest(report, arguments.device)
    if not arguments.last:
        _measure(arguments, seed or secrets.token_hex(SEED_BYTES), home, console)
        if seed:
            _require_answered(seed, home)
    with home.report() as report:
        found = newest(report, arguments.device)
        if found is None:
            raise Unavailable("Nothing was measured yet.", now="`hearth bench` measures this computer.")
        _show(found[1], None if arguments.last or before is None else before[1], console)
        if arguments.report is not None:
            _export(report, found[1].digest, arguments.report, console)
    return 0


def _seed(text: str) -> str:
    try:
        sound = len(bytes.fromhex(text)) in {0, SEED_BYTES}
    except ValueError:
        sound = False
    if not sound:
        raise SettingsError("The seed is not usable.", now=f"A seed has {2 * SEED_BYTES} hexadecimal digits.")
    return text.lower()


def _measure(arguments: argparse.Namespace, seed: str, home: Composition, console: Console) -> None:
    """In the running node, where there is one: it alone may write its books, and its worker has the device."""
    try:
        with home.instance():
            asyncio.run(_alone(arguments, seed, home, console))
    except AlreadyRunning:
        if arguments.model:
            raise SettingsError(
                "A running node is measured with the model it serves.", now="Leave --model out, or stop the node first."
            ) from None
        asyncio.run(measure_in_node(home, arguments.device, seed, console.note, soak_minutes=arguments.soak))


async def _alone(arguments: argparse.Namespace, seed: str, home: Composition, console: Console) -> None:
    """With a worker of our own, in the same sandbox."""
    model = _model(arguments.model, home)
    identity, _ = await asyncio.to_thread(home.identity)
    devices = local_devices(home.now_ms)
    try:
        device = _device(await asyncio.to_thread(devices.list), arguments.device)
        measuring = Measuring(devices, BenchmarkSigner(identity.nostr_secret), version=__version__, now_ms=home.now_ms)
        signed = await _with_worker(
            home, model, device, partial(measuring.run, seed=seed, soak_minutes=arguments.soak), console=console
        )
    finally:
        devices.close()
    async with home.books() as books:
        await books.run(lambda ledger: ledger.keep_benchmark(kept(device.id, signed)))


async def _with_worker(
    home: Composition, model: Model, device: Device, measure: Measure, *, console: Console
) -> SignedBenchmark:
    policy = home.mode_policy(unsandboxed=False)
    folders = await home.equipment.preparation(policy, console.note).folders([model.id])
    worker = await home.launcher(folders, policy, device).launch()
    told: list[str] = []

    def tell(progress: Progress) -> None:
        if progress.words not in told:
            told.append(progress.words)
            console.note(f"  {progress.share_done * 100:3.0f} %  {progress.words}")

    try:
        console.note(f"{model.id} on {device.name or device.id}, in the sandbox mode `{worker.mode.value}`.")
        return await measure(Bench(device, model, worker), tell=tell)
    finally:
        await worker.stop(1.0)


def _model(model_id: str, home: Composition) -> Model:
    catalogue = home.equipment.catalogue()
    chosen = model_id or next((entry.id for entry in catalogue.entries if entry.kind is ModelKind.CHAT), "")
    model = catalogue.entry(chosen).model
    if model.kind is not ModelKind.CHAT:
        raise SettingsError(f"{model.id} writes no answers.", now="Choose a chat model.")
    return model


def _device(devices: tuple[Device, ...], device_id: str) -> Device:
    """The named one; else a card that the worker can use, else the processor."""
    for device in devices:
        if device.id == device_id or (not device_id and device.kind is DeviceKind.NVIDIA):
            return device
    for device in devices:
        if not device_id and device.kind is DeviceKind.CPU:
            return device
    known = ", ".join(device.id for device in devices)
    raise SettingsError(f"There is no device {device_id!r}.", now=f"This computer has: {known}.")


def _require_answered(seed: str, home: Composition) -> None:
    """The node may have been in the middle of a run of its own."""
    with home.report() as report:
        found = newest(report)
    products = found[1].report.products if found is not None else None
    if products is None or products.seed != seed:
        raise Unavailable(
            "That run did not answer your seed.",
            why="Another one was under way, or its products were not measured.",
            now="Measure again.",
        )


def _show(signed: SignedBenchmark, before: SignedBenchmark | None, console: Console) -> None:
    report = signed.report
    same = before is not None and before.report.model == report.model and before.report.device == report.device
    earlier = {part.name: part for part in before.parts} if before is not None and same else {}
    changes = {part.name: compare(part, earlier.get(part.name)).value for part in signed.parts}
    built = msgspec.to_builtins(report)
    console.document(built | {"digest": signed.digest, "signature": signed.signature, "changes": changes})
    threads = report.software.threads
    device = f"{report.device.name or report.device.kind.value}, {threads} thread{'' if threads == 1 else 's'}"
    console.say(f"{report.model.id} ({report.model.dtype}) on {device}")
    console.say(f"{clock(report.at_ms)}, in {report.took_ms / 1000:.0f} s")
    console.table(
        ("measured", "median and 95 % interval", "against the last run"),
        [(part.name, part.text, changes[part.name] or UNKNOWN) for part in signed.parts],
    )
    if not report.warm_up.settled:
        console.say("  The device never became steady: something else was at work, or it is too hot.")
    for note in report.preflight.notes:
        console.say(f"  {note}")
    console.say(f"  Report {signed.digest}, signed by this node. It is an estimate; nobody pays for it.")


def _export(report: Report, digest: str, path: Path, console: Console) -> None:
    run = next((each for each in report.benchmarks(_SHOWN) if each.digest == digest), None)
    if run is None:
        raise Unavailable("The report is no longer there.")
    data = encode(whole(run, report.benchmark_openings(digest)))
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise StorageUnusable(
            f"{path} could not be written.", why=f"The system says: {error.strerror}.", now="Choose another place."
        ) from error
    console.note(f"The signed report is in {path}. `hearth bench --verify {path}` checks it, on any computer.")


def _verify(path: Path, seed: str, console: Console) -> int:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise StorageUnusable(f"{path} could not be read.", why=f"The system says: {error.strerror}.") from error
    signed = decode(data)
    verify(signed, seed=seed or None)
    report, products = signed.report, signed.report.products
    document = {
        "valid": True,
        "node": report.node,
        "digest": signed.digest,
        "at_ms": report.at_ms,
        "seed": None if products is None else products.seed,
        "products": 0 if products is None else len(products.roots),
        "size": 0 if products is None else products.size,
        "opened_rows": len(signed.openings),
    }
    console.document(document)
    console.say(f"Signed by {report.node}, {clock(report.at_ms)}; digest {signed.digest}.")
    if products is None:
        console.say("  It commits to no products: every number in it is that node's word.")
    else:
        rows = len(products.roots) * products.size
        console.say(f"  {len(signed.openings)} of {rows:,} rows of its products were checked, and are right.")
        console.say("  Its times are that node's word: products show that work was done, not when or how fast.")
        if not seed:
            console.say("  It was compared with no seed of yours: this may be old work. --seed excludes that.")
    return 0


def _history(report: Report, console: Console) -> int:
    rows = []
    for run in report.benchmarks(_SHOWN):
        try:
            signed = decode(run.report.encode())
        except BenchmarkInvalid:
            continue  # of a later version
        head = next((part for part in signed.parts if part.name == HEADLINE), None)
        rows.append((run, signed, head))
    console.document(
        [
            {"at_ms": run.at_ms, "device": run.device_id, "model": run.model_id, "digest": run.digest}
            | {"parts": msgspec.to_builtins(signed.report.parts)}
            for run, signed, _ in rows
        ]
    )
    if not rows:
        console.say("Nothing was measured yet. `hearth bench` measures this computer.")
        return 0
    console.table(
        ("measured", "device", "model", HEADLINE, "report"),
        [(clock(run.at_ms), run.device_id, run.model_id, _text(head), run.digest[:16]) for run, _, head in rows],
    )
    return 0


def _text(part: Part | None) -> str:
    return UNKNOWN if part is None else part.text
