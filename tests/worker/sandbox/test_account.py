import os
import pwd
from pathlib import Path

from desktop.worker.sandbox.account import closed_to_others, others_may_read, unprivileged_user


def test_the_user_owns_nothing_and_is_nobody() -> None:
    for _ in range(20):
        user = unprivileged_user()
        assert 61184 <= user < 65520
        assert user not in {entry.pw_uid for entry in pwd.getpwall()}


def test_reading_by_others_is_judged_along_the_whole_path(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    reachable = all(parent.stat().st_mode & 0o001 for parent in tmp_path.parents)
    folder, file = tmp_path / "folder", tmp_path / "folder" / "file"
    folder.mkdir()
    file.touch()
    folder.chmod(0o755)
    file.chmod(0o644)
    assert others_may_read(file) is others_may_read(folder) is reachable
    file.chmod(0o640)
    assert not others_may_read(file)
    file.chmod(0o644)
    folder.chmod(0o750)
    assert not others_may_read(file)
    assert not others_may_read(folder)
    assert others_may_read(Path("/usr/lib"))
    assert os.access("/usr/lib", os.R_OK)


def test_a_closed_file_in_an_open_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "weights"
    file.touch()
    file.chmod(0o644)
    assert closed_to_others(tmp_path) is None
    file.chmod(0o600)
    assert closed_to_others(tmp_path) == closed_to_others(file) == file
    tmp_path.chmod(0o700)
    assert closed_to_others(tmp_path) == tmp_path
