from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.network.wire.address import WireAddress

ID = "0123456789abcdef" * 4
ADDRESSES = st.builds("{}:{}".format, st.ip_addresses(v=4), st.integers(1, 65535)) | st.builds(
    "[{}]:{}".format, st.ip_addresses(v=6), st.integers(1, 65535)
)


@given(
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.none() | st.just("https://relay.example.com/") | st.just("https://relay.example.com:8443"),
    st.lists(ADDRESSES, max_size=8),
)
def test_what_is_written_is_read_again(endpoint_id: str, relay: str | None, addresses: list[str]) -> None:
    address = WireAddress(endpoint_id, relay, tuple(addresses))
    assert WireAddress.parse(str(address)) == address


@given(st.text() | st.text().map(lambda tail: f"iroh://{ID}{tail}") | st.text().map(lambda q: f"iroh://{ID}?addr={q}"))
def test_anything_else_is_refused_in_words_or_read(text: str) -> None:
    try:
        address = WireAddress.parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - most texts are refused, a few are not
    else:
        assert WireAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "iroh://",
        f"http://{ID}",
        f"iroh://{ID.upper()}",
        f"iroh://{ID}0",
        f"iroh://user@{ID}",
        f"iroh://{ID}:80",
        f"iroh://{ID}/path",
        f"iroh://{ID}#x",
        f"iroh://{ID}?addr=1.2.3.4",
        f"iroh://{ID}?addr=1.2.3.4:0",
        f"iroh://{ID}?addr=1.2.3.4:65536",
        f"iroh://{ID}?addr=1.2.3.4:٤٢",
        f"iroh://{ID}?addr=host:80",
        f"iroh://{ID}?relay=http://x",
        f"iroh://{ID}?relay=https://a@b",
        f"iroh://{ID}?relay=https://a&relay=https://b",
        f"iroh://{ID}?" + "&".join(["addr=1.2.3.4:5"] * 9),
        f"iroh://{ID}?relay=https://" + "a" * 2000,
    ],
)
def test_known_traps(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        WireAddress.parse(url)
