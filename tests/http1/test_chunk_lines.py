"""Size lines of chunks: what overflows is refused at once, extensions without a name pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http1.chunk_lines import ChunkLines, WrongChunk


def read(data: bytes, *cuts: int) -> tuple[bytes, bytes]:
    """Feed data in parts; returns what goes through and what is left behind the end."""
    lines = ChunkLines(64)
    through, rest = b"", b""
    places = sorted(min(cut, len(data)) for cut in cuts)
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        if lines._done:
            rest += data[start:end]
            continue
        part, rest = lines.through(data[start:end])
        through += part
    return through, rest


@given(st.lists(st.integers(0, 90), max_size=8))
def test_content_goes_through_wherever_it_is_cut(cuts: list[int]) -> None:
    """Without its extensions; content, trailers and what follows as they are."""
    content = b'3;\r\nabc\r\n0005;a=b;c="x;y"\r\n1\n2\r\n\r\n0;;;\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\n'

    through, rest = read(content, *cuts)

    assert through == b"3\r\nabc\r\n0005\r\n1\n2\r\n\r\n0\r\nX: 1\r\n\r\n"
    assert rest == b"GET / HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "size", [b"FFFFFFFFFFFFFFFF", b"7fffffffffffffff", b"01000000000000000", b"1" + b"0" * 40, b"f" * 60]
)
def test_a_size_that_overflows_is_refused_with_its_line(size: bytes) -> None:
    """Nobody waits for what cannot come."""
    with pytest.raises(WrongChunk):
        read(b"1\r\na\r\n" + size + b"\r\n")


def test_zeros_in_front_do_not_count() -> None:
    """A size may be written long."""
    assert read(b"0" * 30 + b"1\r\na\r\n0\r\n\r\n")[0] == b"0" * 30 + b"1\r\na\r\n0\r\n\r\n"


def test_a_line_without_an_end_is_refused() -> None:
    """What is kept of it is bounded."""
    with pytest.raises(WrongChunk):
        read(b"1;" + b"a" * 100, 3)


@pytest.mark.parametrize(
    "wrong", [b"x\r\n", b"\r\n", b"1\n", b"1 \r\n", b"1 ;a\r\n", b"1;a\x00\r\n", b"1;a\rb\r\n", b"-1\r\n", b"0x1\r\n"]
)
def test_what_is_no_size_is_for_llhttp_to_refuse(wrong: bytes) -> None:
    """It is handed on as it is, and so is what follows."""
    lines = ChunkLines(64)

    part, rest = lines.through(wrong + b"a\r\n0\r\n\r\n")

    assert part.startswith(wrong)
    assert lines.through(rest) == (rest, b"")


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=5), st.lists(st.integers(0, 200), max_size=5))
def test_any_content_arrives(chunks: list[bytes], cuts: list[int]) -> None:
    """Whatever octets it has, line ends and sizes among them."""
    content = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    assert read(content, *cuts) == (content, b"")
