from __future__ import annotations

from pathlib import Path

import pytest

from desktop.machine.private_file import write_private
from desktop.updates.memory import FILE, Memory, Outcome


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path, write_private)


def test_the_lot_is_drawn_once(memory: Memory, tmp_path: Path) -> None:
    lot = memory.read().lot
    assert memory.read().lot == lot
    assert Memory(tmp_path / "..", write_private).read().lot != lot
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_what_was_seen_is_never_older(memory: Memory) -> None:
    memory.saw(100, 1)
    memory.saw(50, 2)
    assert (memory.read().newest_issued_s, memory.read().checked_at_ms) == (100, 2)


def test_a_version_that_never_comes_to_an_end_is_given_up(memory: Memory) -> None:
    for _ in range(2):
        memory.begun("2.0.0")
        assert memory.read().unwell("2.0.0") == ""
    memory.begun("2.0.0")
    assert "3 times" in memory.read().unwell("2.0.0")
    assert memory.read().unwell("2.0.1") == ""


def test_a_version_that_was_unwell_is_not_tried_again_and_a_healthy_one_is_no_try(memory: Memory) -> None:
    memory.begun("2.0.0")
    memory.ended(Outcome(version="2.0.0", before="1.0.0", healthy=False, at_ms=1, words="It did not answer."))
    memory.begun("2.0.1")
    memory.ended(Outcome(version="2.0.1", before="1.0.0", healthy=True, at_ms=2))

    remembered = memory.read()
    assert remembered.unwell("2.0.0") == "It did not answer."
    assert remembered.tries == {}
    assert remembered.outcome is not None
    assert remembered.outcome.version == "2.0.1"


def test_it_does_not_grow_without_end(memory: Memory) -> None:
    for number in range(60):
        memory.ended(Outcome(version=f"1.{number}", before="1", healthy=False, at_ms=0))
    assert next(iter(memory.read().bad)) == "1.10"


@pytest.mark.parametrize("text", ["", "{", '{"lot":"x"}', '{"lot": NaN}', "[" * 5000])
def test_what_cannot_be_read_is_set_aside(memory: Memory, tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert len(memory.read().lot) == 32
    assert (tmp_path / "updates.unreadable").read_text() == text
