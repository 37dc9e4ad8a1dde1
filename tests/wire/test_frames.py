"""Frames are the same however the bytes arrive."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.wire.frames import Frames
from engine.wire.primitives import Malformed


def feed(frames: Frames, data: bytes, pieces: list[int]) -> list[bytes]:
    """What comes out when the bytes arrive in pieces of these sizes, over and over."""
    found: list[bytes] = []
    at = turn = 0
    while at < len(data):
        buffer = frames.buffer()
        size = min(pieces[turn % len(pieces)], len(buffer), len(data) - at)
        buffer[:size] = data[at : at + size]
        found += map(bytes, frames.filled(size))
        at, turn = at + size, turn + 1
    return found


def lists(least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(least, most), min_size=1, max_size=8)


@settings(deadline=None)
@given(st.tuples(lists(1, 20), lists(1, 50)) | st.tuples(lists(1, 1_000_000), lists(5_000, 300_000)))
def test_frames_come_out_as_they_were_sent(sizes_and_pieces: tuple[list[int], list[int]]) -> None:
    sizes, pieces = sizes_and_pieces
    sent = [bytes((number % 251,)) * size for number, size in enumerate(sizes)]
    stream = b"".join(struct.pack(">i", len(frame)) + frame for frame in sent)
    assert feed(Frames(1_000_000), stream, pieces) == sent


def test_a_frame_that_has_only_begun_is_kept_apart_from_the_buffer_that_all_share() -> None:
    one, other = Frames(1_000), Frames(1_000)
    assert feed(one, struct.pack(">i", 6) + b"abc", [3]) == []
    assert one.begun
    assert feed(other, struct.pack(">i", 3) + b"xyz", [100]) == [b"xyz"]
    assert feed(one, b"def", [1]) == [b"abcdef"]
    assert not one.begun


@pytest.mark.parametrize("size", [0, -1, 1_001, 2**31 - 1])
def test_a_length_that_is_not_accepted_is_refused_before_anything_else_is_read(size: int) -> None:
    with pytest.raises(Malformed, match="says it has"):
        feed(Frames(1_000), struct.pack(">i", size), [4])
