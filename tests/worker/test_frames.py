from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import FrameError
from desktop.worker.frames import MAX_PAYLOAD_BYTES, Frame, FrameDecoder, FrameKind, encode_frame

frames = st.lists(st.builds(Frame, st.sampled_from(FrameKind), st.binary(max_size=300)), max_size=8)


def decode_all(decoder: FrameDecoder) -> list[Frame]:
    found = []
    while (frame := decoder.take()) is not None:
        found.append(frame)
    return found


@given(frames, st.lists(st.integers(0, 2500)))
def test_frames_survive_being_cut_anywhere(sent: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(frame.kind, frame.payload) for frame in sent)
    decoder, received = FrameDecoder(), []
    for start, end in pairwise([0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]):
        decoder.feed(stream[start:end])
        received += decode_all(decoder)
    assert received == sent
    assert not decoder.partial


@given(st.binary(min_size=5, max_size=200))
def test_any_bytes_give_frames_or_a_frame_error(data: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(data)
    try:
        received = decode_all(decoder)
    except FrameError:
        return
    sent = b"".join(encode_frame(frame.kind, frame.payload) for frame in received)
    assert data.startswith(sent)
    assert decoder.partial == (len(sent) < len(data))


def test_the_cap_holds_on_both_sides() -> None:
    whole = encode_frame(FrameKind.RAW, bytes(MAX_PAYLOAD_BYTES))
    decoder = FrameDecoder()
    decoder.feed(whole)
    assert decoder.take() == Frame(FrameKind.RAW, bytes(MAX_PAYLOAD_BYTES))
    with pytest.raises(FrameError):
        encode_frame(FrameKind.RAW, bytes(MAX_PAYLOAD_BYTES + 1))
    decoder.feed((MAX_PAYLOAD_BYTES + 1).to_bytes(4, "big") + b"\x01")
    with pytest.raises(FrameError, match="over the limit"):
        decoder.take()


def test_an_unknown_kind_is_refused_at_the_header() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"\x00\x00\x00\x09\x07")
    with pytest.raises(FrameError, match="kind 7"):
        decoder.take()
