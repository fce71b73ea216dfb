"""Content in chunks; as answers have it, in `test_response_parser.py`."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.http1.chunks import BrokenChunks, ChunkReader


def encode(parts: list[bytes], trailers: bytes = b"") -> bytes:
    """Write content in chunks."""
    return b"".join(b"%x;a\r\n%b\r\n" % (len(part), part) for part in parts) + b"000\r\n" + trailers + b"\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=5),
    st.sampled_from([b"", b"X: 1\r\n", b"X: 1\r\nY:\r\n"]),
    st.binary(max_size=5),
    st.lists(st.integers(0, 200), max_size=4),
)
@example([b"a", b"b"], b"", b"", [7])  # between CR and LF, with more behind them
def test_however_it_is_cut(parts: list[bytes], trailers: bytes, rest: bytes, cuts: list[int]) -> None:
    """The same content, trailers and rest."""
    data = encode(parts, trailers) + rest
    reader = ChunkReader(1000, 100)
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    content = b""
    left = b""
    for start, stop in pairwise(places):
        if reader.ended:
            left += data[start:stop]
        else:
            content += b"".join(reader.feed(data[start:stop]))
            left += reader.rest
    assert (content, reader.ended, left) == (b"".join(parts), True, rest)
    names = [line.partition(b":")[0] for line in trailers.splitlines()]
    assert [name for _, name, _ in reader.trailers] == names


@pytest.mark.parametrize("data", [b"g", b" 1\r\n", b"1 \r\n", b"1\n", b"1\rx", b"1;\0", b"1" + b"0" * 15, b"0x1\r\n"])
def test_what_is_wrong_is_said_at_once(data: bytes) -> None:
    """Not when the line is complete."""
    with pytest.raises(BrokenChunks):
        ChunkReader(1000, 100).feed(data)


def test_lines_and_trailers_are_bounded() -> None:
    """By what who reads them says."""
    for data in (b"1;" + b"a" * 100, b"0" * 100, b"0\r\nX: " + b"a" * 100):
        with pytest.raises(BrokenChunks):
            ChunkReader(50, 100).feed(data)


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length", b"CONTENT-LENGTH"])
def test_a_length_among_the_trailers_is_refused(name: bytes) -> None:
    """RFC 9110 section 6.5.1: framing is not said behind the content, however the name is written."""
    with pytest.raises(BrokenChunks, match="Content-Length"):
        ChunkReader(1000, 100).feed(b"0\r\n" + name + b": 1\r\n\r\n")


def test_a_trailer_keeps_its_name_and_is_found_by_the_lower_case_one() -> None:
    """As the fields of heads are; white space around a value is none of it."""
    reader = ChunkReader(1000, 100)
    reader.feed(b"0\r\nX-Sum: \tAb \r\n\r\n")

    assert reader.trailers == [(b"x-sum", b"X-Sum", b"Ab")]
