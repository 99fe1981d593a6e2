import logging
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop.machine.log_file import KEPT_BEFORE, MOST_BYTES, LogFile


@contextmanager
def logging_to(file: Path, clean: Callable[[str], str] = str) -> Iterator[logging.Logger]:
    log = logging.getLogger(__name__)
    handler = LogFile(file, clean)
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


def fail(log: logging.Logger, words: str, why: str) -> None:
    try:
        float(f"{why}?")
    except ValueError:
        log.exception("%s %s", words, why)


def test_a_mistake_is_kept_with_its_traceback_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "node.log"
    for _ in range(2):  # and the next start adds to it
        with logging_to(file) as log:
            fail(log, "it failed", "")
    text = file.read_text()
    assert text.count("it failed") == 2
    assert text.count("test_log_file.py") == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_no_mistake_leaves_no_file(tmp_path: Path) -> None:
    with logging_to(tmp_path / "node.log") as log:
        log.info("all is well")
    assert not (tmp_path / "node.log").exists()


def test_every_entry_is_cleaned_its_traceback_included(tmp_path: Path) -> None:
    file = tmp_path / "node.log"
    with logging_to(file, lambda text: text.replace("secret", "[left out]")) as log:
        fail(log, "a secret", "secret")
    assert "secret" not in file.read_text()
    assert file.read_text().count("[left out]") == 3


def test_it_never_grows_beyond_three_files(tmp_path: Path) -> None:
    with logging_to(tmp_path / "node.log") as log:
        for _ in range((KEPT_BEFORE + 3) * 9):
            log.error("x" * (MOST_BYTES // 8))
    files = list(tmp_path.iterdir())
    assert len(files) == KEPT_BEFORE + 1
    assert all(file.stat().st_size <= MOST_BYTES for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


def test_a_log_that_cannot_be_written_disturbs_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(tmp_path / "nowhere" / "node.log") as log:
        log.error("lost")
    assert capsys.readouterr().err == ""
