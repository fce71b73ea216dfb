"""Content codings are undone, as far as there is room."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.codings import Longer, undo

CODED: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"br": brotli.compress,
    b"zstd": zstandard.compress,
}


@given(st.binary(max_size=2000), st.lists(st.sampled_from(sorted(CODED)), max_size=3))
def test_what_was_coded_comes_out(content: bytes, names: list[bytes]) -> None:
    """In the order in which it was done, and to the last octet that there is room for."""
    coded = content
    most = len(content)
    for name in names:
        coded = CODED[name](coded)
        most = max(most, len(coded))
    assert undo(coded, b" , ".join(names), most) == content


@pytest.mark.parametrize("name", sorted(CODED))
def test_no_more_than_there_is_room_for(name: bytes) -> None:
    """One octet more is too much."""
    coded = CODED[name](b"x" * 1000)
    assert undo(coded, name, 1000) == b"x" * 1000
    with pytest.raises(Longer):
        undo(coded, name, 999)


@pytest.mark.parametrize(("name", "coding"), [(b"gzip", b"gzip"), (b"zstd", b"zstd"), (b"nothing", b"zstd")])
def test_many_parts_one_behind_the_other_are_too_many(name: bytes, coding: bytes) -> None:
    """Some are well; thousands, of nothing each, would take seconds and bring nothing out."""
    one = b"\x50\x2a\x4d\x18\0\0\0\0" if name == b"nothing" else CODED[name](b"x")
    said = 0 if name == b"nothing" else 64
    assert undo(one * 64, coding, 1000) == b"x" * said
    with pytest.raises(Longer):
        undo(one * 65, coding, 1000)


@pytest.mark.parametrize("name", sorted(CODED))
def test_what_is_cut_or_spoilt_is_no_content(name: bytes) -> None:
    """A part of a content is not taken for the whole."""
    coded = CODED[name](b"content " * 20)
    for cut in range(1, len(coded)):
        with pytest.raises(ValueError, match=r"^."):
            undo(coded[:cut], name, 1000)
    with pytest.raises(ValueError, match=r"^."):
        undo(coded[1:], name, 1000)


def test_codings_that_are_not_known() -> None:
    """They are for others to undo; nobody applies many."""
    assert undo(b"x", b"deflate", 10) is None
    assert undo(b"x", b"gzip, dcb", 10) is None
    assert undo(b"x", b"gzip, gzip, gzip, gzip", 10) is None
    assert undo(b"x", b"identity, ,", 10) == b"x"


def test_a_window_of_gigabytes_is_refused() -> None:
    """A frame may ask for one, whatever it holds."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    coded = frame.compress(b"x") + frame.flush()
    with pytest.raises(ValueError, match=r"^."):
        undo(coded, b"zstd", 10)
