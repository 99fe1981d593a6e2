"""Launches scripted workers for the tests of this room."""

from dataclasses import replace
from pathlib import Path

from desktop.domain.inference import EmbeddingBatch, Generation, Message, Sampling
from desktop.domain.model import ModelKind
from desktop.worker.launcher import WorkerLauncher
from desktop.worker.models.catalogue import CatalogueEntry, PinnedFile, Source, SourceFile
from desktop.worker.sandbox.graphics import GraphicsCard
from desktop.worker.sandbox.limits import Limits
from desktop.worker.sandbox.modes import ModePolicy, SandboxMode
from desktop.worker.sandbox.runtime import Runtime
from desktop.worker.watchdog import DeviceMemory

BOTH = (SandboxMode.NAMESPACES, SandboxMode.RESTRICTED)
TESTS = Path(__file__).resolve().parents[1]


def runtime_with_tests() -> Runtime:
    """The Python of this process, with the tests' worker modules in sight of a worker."""
    runtime = Runtime.current()
    return replace(runtime, packages={**runtime.packages, "tests": (TESTS, ("worker",))})


def scripted_entry() -> CatalogueEntry:
    sha = "0" * 64
    return CatalogueEntry(
        id="scripted",
        name="Scripted",
        kind=ModelKind.CHAT,
        architecture="LlamaForCausalLM",
        parameters=1,
        context_tokens=4096,
        max_output_tokens=1024,
        dtype="float32",
        licence="MIT",
        files=(PinnedFile("behaviour.json", 1, sha),),
        source=Source("none", "1", "none", "copy", (SourceFile("none", 1, sha),)),
        chat_template="{{ messages }}",
        stop_tokens=("</s>",),
    )


def scripted_launcher(
    folder: Path,
    *,
    behaviour: str = "",
    modes: tuple[SandboxMode, ...] = BOTH,
    limits: Limits | None = None,
    ready_within_s: float = 30.0,
    device_memory: DeviceMemory | None = None,
    device_memory_bytes: int = 0,
    gives_way: bool = True,
    graphics: GraphicsCard | None = None,
) -> WorkerLauncher:
    """A launcher of scripted workers; `folder` gets a model folder and a home."""
    model, home = folder / "model", folder / "home"
    for made in (model, home):
        made.mkdir(exist_ok=True)
    # pytest's own folders are for their owner alone, and a worker of a node that runs as root is somebody else.
    model.chmod(0o755)
    (model / "behaviour").write_text(behaviour, encoding="utf-8")
    return WorkerLauncher(
        [(scripted_entry(), model)],
        home=home,
        runtime=runtime_with_tests(),
        policy=ModePolicy(modes),
        limits=limits,
        ready_within_s=ready_within_s,
        module="tests.worker.scripted",
        device_memory=device_memory,
        device_memory_bytes=device_memory_bytes,
        gives_way=gives_way,
        graphics=graphics,
    )


def chat(order: str, *, job_id: str = "job", max_tokens: int | None = 100) -> Generation:
    return Generation(job_id, "scripted", Sampling(max_tokens=max_tokens), (Message("user", order),))


def texts(*items: str, job_id: str = "batch") -> EmbeddingBatch:
    return EmbeddingBatch(job_id, "scripted", items)
