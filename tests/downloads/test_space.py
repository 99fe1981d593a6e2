from pathlib import Path

import pytest

from desktop.domain.errors import StorageUnusable
from desktop.downloads.space import free_bytes, require_room


def test_a_folder_that_is_not_there_yet_is_on_its_parents_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0


def test_both_numbers_are_said_when_it_does_not_fit(tmp_path: Path) -> None:
    require_room(tmp_path, 1, "a byte")
    with pytest.raises(StorageUnusable, match=r"needs 1,024\.5 GiB, and [\d.,]+ GiB are free"):
        require_room(tmp_path, 1 << 40, "a very large model")
