from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import SettingsError
from desktop.wallet.mint_url import normalise


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("https://Mint.Example.com/", "https://mint.example.com"),
        ("HTTPS://mint.example.com:443//", "https://mint.example.com"),
        ("https://mint.example.com:8443/Bitcoin/", "https://mint.example.com:8443/Bitcoin"),
        ("http://127.0.0.1:3338", "http://127.0.0.1:3338"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:3338", "http://[::1]:3338"),
        ("http://abcdef.onion/", "http://abcdef.onion"),
        ("  https://mint.example.com\n", "https://mint.example.com"),
    ],
)
def test_each_mint_has_one_spelling(given_url: str, expected: str) -> None:
    assert normalise(given_url) == expected
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mint.example.com",
        "ftp://mint.example.com",
        "http://mint.example.com",
        "http://10.0.0.1:3338",
        "http://127.0.0.1.example.com",
        "https://user:pass@mint.example.com",
        "https://mint.example.com?x=1",
        "https://mint.example.com#x",
        "https://mint.example.com:99999",
        "https://mint.example.com:x",
        "https:///path",
        "https://mint.exa mple.com",
        "https://mint.example.com\\@evil.example",
        "https://mïnt.example.com",
        "https://[::1",
        "https://" + "a" * 600,
    ],
)
def test_what_is_no_safe_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        normalise(url)


@given(st.text(max_size=100))
def test_any_text_is_normal_or_refused(text: str) -> None:
    for prefix in ("", "https://", "http://127.0.0.1"):
        try:
            url = normalise(prefix + text)
        except SettingsError:
            continue
        assert normalise(url) == url
