#!/bin/sh
# Prints a Python that can carry Hearth: new enough, and able to make virtual environments. Fails if there is none.
set -eu

for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    python=$(command -v "$name") || continue
    # Debian ships `ensurepip` apart from Python: without it a virtual environment has no pip.
    if "$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
exit 1
