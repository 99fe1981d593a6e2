from __future__ import annotations

import time

import pytest

from desktop.machine.keyrings import KeyringFailed, SystemKeyring, find_keyring
from tests.fakes.keyrings import FakeBackend


def test_what_is_written_is_read() -> None:
    keyring = SystemKeyring(FakeBackend())

    keyring.write("a", "one")

    assert keyring.read("a") == "one"
    assert keyring.read("b") is None


def test_a_keyring_that_waits_for_ever_is_given_up() -> None:
    backend = FakeBackend(hangs=True)
    keyring = SystemKeyring(backend, deadline_s=0.05)
    started = time.monotonic()

    try:
        with pytest.raises(KeyringFailed, match=r"within 0\.05 seconds"):
            keyring.write("a", "one")
        with pytest.raises(KeyringFailed, match=r"within 0\.05 seconds"):
            keyring.read("a")
    finally:
        backend.released.set()
    assert time.monotonic() - started < 5


def test_a_keyring_that_forgets_is_not_trusted() -> None:
    with pytest.raises(KeyringFailed, match="did not keep"):
        SystemKeyring(FakeBackend(forgets=True)).write("a", "one")


def test_a_failure_tells_its_kind_and_nothing_that_it_quotes() -> None:
    keyring = SystemKeyring(FakeBackend(fails=RuntimeError("could not store 'one'")))

    with pytest.raises(KeyringFailed, match=r"\(RuntimeError\)") as caught:
        keyring.write("a", "one")

    assert "one" not in str(caught.value).replace("RuntimeError", "")


def test_the_real_keyring_is_a_known_one_or_none_and_is_found_in_time() -> None:
    started = time.monotonic()

    keyring = find_keyring(deadline_s=5)

    assert keyring is None or isinstance(keyring, SystemKeyring)
    assert time.monotonic() - started < 6
