"""The packages as built: judged by the distributions' own tools, and by what people are promised."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.commands.line import COMMANDS
from installer import signing
from installer.linux import packages, selfextract, tree
from installer.linux.icons import SIZES
from installer.linux.manual import man_page
from installer.payload.contents import VERSION
from installer.payload.lock import CACHE
from installer.payload.source import ROOT, Source

MOST_DEB_BYTES = 20_000_000


@pytest.fixture(scope="module")
def version(payload: Path) -> str:
    return (payload / VERSION).read_text().strip()


@pytest.fixture(scope="module")
def usr(payload: Path, source: Source, version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree") / "usr"
    tree.lay_out(folder, payload, source, version)
    return folder


@pytest.fixture(scope="module")
def deb(usr: Path, source: Source, version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages.build("deb", usr, tmp_path_factory.mktemp("deb"), source, version, CACHE, compression="gzip")


def judged(*command: str | Path) -> str:
    """What a judge says; AssertionError, with that, if it finds fault."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.slow
def test_lintian_finds_nothing_that_is_not_explained(deb: Path) -> None:
    said = judged("/usr/bin/lintian", "--fail-on", "error,warning", deb)

    assert not re.search("^[EW]:", said, re.MULTILINE), said


def test_the_deb_is_small_and_needs_what_it_says(deb: Path) -> None:
    assert deb.stat().st_size <= MOST_DEB_BYTES
    fields = judged("/usr/bin/dpkg-deb", "--field", deb, "Depends", "Recommends", "Architecture")
    assert "libxcb-cursor0" in fields
    assert "python3 (>= 3.11)" in fields


def test_the_command_is_the_launcher(deb: Path) -> None:
    listed = judged("/usr/bin/dpkg-deb", "--contents", deb)

    assert "./usr/bin/hearth -> ../lib/hearth/hearth" in listed
    assert {line.split()[5].split("/")[1] for line in listed.splitlines()} == {"usr"}


def test_desktop_entry_and_metainfo_are_valid(usr: Path) -> None:
    judged("/usr/bin/desktop-file-validate", usr / "share/applications/hearth.desktop")
    judged("/usr/bin/appstreamcli", "validate", "--no-net", usr / "share/metainfo/hearth.metainfo.xml")


def test_the_man_page_is_clean_and_tells_every_command(usr: Path, tmp_path: Path) -> None:
    page = tmp_path / "hearth.1"
    page.write_bytes(gzip.decompress((usr / "share/man/man1/hearth.1.gz").read_bytes()))

    assert judged("/usr/bin/man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page).count("warning:") == 0
    for command in COMMANDS:
        assert f".SS hearth {command}\n" in page.read_text()


def test_the_man_page_survives_what_help_may_say() -> None:
    page = man_page("1.0", 0, lambda command: f".dot\n'quote\nback\\slash -x {command}\n")

    assert "\n\\&.dot\n\\&'quote\nback\\eslash \\-x ask\n" in page


def test_there_is_an_icon_of_every_size(usr: Path) -> None:
    assert {int(path.name.split("x")[0]) for path in (usr / "share/icons/hicolor").glob("[0-9]*")} == set(SIZES)


def test_the_unit_starts_a_node(usr: Path) -> None:
    unit = (usr / "lib/systemd/user/hearth.service").read_text()

    assert "ExecStart=/usr/bin/hearth node\n" in unit
    assert "@" not in unit


def test_the_run_is_the_same_bytes_wherever_and_whenever_it_is_made(
    usr: Path, source: Source, version: str, tmp_path: Path
) -> None:
    both = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        both.append(selfextract.build(usr, tmp_path / name, source, version).read_bytes())

    assert both[0] == both[1]


def test_the_run_installs_for_one_user_and_goes_without_a_trace(
    usr: Path, source: Source, version: str, tmp_path: Path
) -> None:
    script = selfextract.build(usr, tmp_path, source, version)
    home = tmp_path / "a user's home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "HEARTH_AS_ROOT": "1"}

    def install() -> str:
        line = ["/bin/sh", str(script), "--quiet"]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout

    assert f"Hearth {version} is installed" in install()
    assert f"Hearth {version} is installed" in install(), "once more is a repair"
    assert (home / ".local/bin/hearth").resolve().name == "hearth"
    entry = (home / ".local/share/applications/hearth.desktop").read_text()
    assert f'Exec="{home}/.local/bin/hearth"' in entry
    (app,) = (home / ".local/share/hearth").glob("app-*")

    # Laid down beside what is in use, it changes nothing until it is told to.
    used = app.rename(app.with_name("app-" + "0" * 16))
    (home / ".local/share/hearth/app").unlink()
    (home / ".local/share/hearth/app").symlink_to(used.name)
    line = ["/bin/sh", str(script), "--quiet", "--nox11", "--", "--beside"]
    said = subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout
    assert said == f"{app}\n"
    assert (home / ".local/bin/hearth").resolve().parent == used
    subprocess.run([app / "use"], env=environment, check=True)
    assert (home / ".local/bin/hearth").resolve().parent == app

    subprocess.run([home / ".local/share/hearth/app/remove"], env=environment, capture_output=True, check=True)

    assert [path for path in home.rglob("*") if not path.is_dir()] == []


def test_signatures_are_made_with_the_publishers_key_only(tmp_path: Path) -> None:
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("0  nothing\n")
    assert signing.sign(sums, "Hearth 1", key="") is None
    pair = tmp_path / "public", tmp_path / "secret"
    judged("/usr/bin/minisign", "-G", "-W", "-p", pair[0], "-s", pair[1])

    assert signing.sign(sums, "Hearth 1", key=str(pair[1])) == tmp_path / "SHA256SUMS.minisig"

    verify = ("/usr/bin/minisign", "-V", "-p", str(pair[0]), "-m", str(sums))
    assert "Hearth 1" in judged(*verify)
    sums.write_text("0  something else\n")
    assert subprocess.run(verify, capture_output=True, check=False).returncode != 0


def test_the_package_scripts_know_debians_and_rpms_words() -> None:
    for name in ("postinst", "postrm"):
        judged("/bin/sh", "-n", ROOT / "installer/linux/files" / name)


@pytest.mark.whole
@pytest.mark.timeout(1200)
def test_all_installers_are_the_same_bytes_twice(source: Source, tmp_path: Path) -> None:
    for name in ("one", "two"):
        line = [sys.executable, "-m", "installer", str(tmp_path / name), "--cache", str(CACHE)]
        subprocess.run(line, cwd=source.tree, env=os.environ | {"PYTHONPATH": str(source.tree)}, check=True)

    first, second = ((tmp_path / name / "SHA256SUMS").read_text() for name in ("one", "two"))
    assert first == second
    assert len(first.splitlines()) == 4
