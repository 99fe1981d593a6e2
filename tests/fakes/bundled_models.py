"""The bundled models, converted once per machine and catalogue for all tests that need real ones."""

from __future__ import annotations

import fcntl
import getpass
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from desktop.worker.models.catalogue import Catalogue
from desktop.worker.models.source import conversion_arguments, locate_source
from desktop.worker.models.store import ModelStore

CHAT = "smollm2-135m-instruct"
EMBEDDING = "all-minilm-l6-v2"
_ROOT = Path(__file__).parents[2]


def bundled_catalogue() -> Catalogue:
    """The catalogue Hearth ships with."""
    return Catalogue.load(_ROOT / "resources" / "models.toml")


def bundled_store() -> ModelStore:
    """A store that holds every bundled model, in the machine's temporary folder."""
    home = Path(tempfile.gettempdir()) / f"hearth-models-{getpass.getuser()}"
    home.mkdir(exist_ok=True)
    catalogue = bundled_catalogue()
    store = ModelStore(home, catalogue)
    with (home / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run beside each other; let go of with the file
        for entry in catalogue.entries:
            if not store.present(entry.id):
                _prepare(entry.id, home, store, catalogue)
            _open_up(store.folder_of(entry.id))
    return store


def _prepare(model_id: str, home: Path, store: ModelStore, catalogue: Catalogue) -> None:
    entry = catalogue.entry(model_id)
    with tempfile.TemporaryDirectory(dir=home) as made:
        arguments = conversion_arguments(entry, locate_source(entry), Path(made))
        subprocess.run([sys.executable, "-m", "desktop.worker.models.convert", *arguments], cwd=_ROOT, check=True)
        shutil.copytree(made, store.folder_of(model_id), dirs_exist_ok=True, copy_function=_move)


def _open_up(folder: Path) -> None:
    """Weights are public, and a worker started by root is another user."""
    for path in (folder.parent, folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _move(source: str, target: str) -> None:
    Path(source).replace(target)
