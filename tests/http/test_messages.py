from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.http.fields import response_filter, trailer_filter
from gateway.http.messages import DateClock, chunk, last_chunk, status_line

TRAILERS = trailer_filter(response_filter())


@pytest.mark.parametrize(
    ("status", "reason", "line"),
    [
        (200, b"", b"HTTP/1.1 200 OK\r\n"),
        (200, b"OK", b"HTTP/1.1 200 OK\r\n"),
        (200, b"Fine \xe9\t!", b"HTTP/1.1 200 Fine \xe9\t!\r\n"),
        (404, b"", b"HTTP/1.1 404 Not Found\r\n"),
        (299, b"", b"HTTP/1.1 299 \r\n"),
        (299, b"Odd", b"HTTP/1.1 299 Odd\r\n"),
        (499, b"", b"HTTP/1.1 499 Client Closed Request\r\n"),
        (200, b"a\x00b", b"HTTP/1.1 200 OK\r\n"),
        (200, b"a\x7fb", b"HTTP/1.1 200 OK\r\n"),
        (200, b"a\r\nX: b", b"HTTP/1.1 200 OK\r\n"),
        (299, b"a\nb", b"HTTP/1.1 299 \r\n"),
        (200, b"a" * 257, b"HTTP/1.1 200 OK\r\n"),
        (200, b"a" * 256, b"HTTP/1.1 200 " + b"a" * 256 + b"\r\n"),
    ],
)
def test_status_lines(status: int, reason: bytes, line: bytes) -> None:
    """RFC 9112 section 4: the space stays without a phrase; what is no phrase is replaced."""
    assert status_line(status, reason) == line


@given(st.integers(200, 599), st.binary(max_size=20))
def test_a_status_line_is_one_line(status: int, reason: bytes) -> None:
    """Whatever a backend calls its status."""
    line = status_line(status, reason)
    assert line.startswith(b"HTTP/1.1 %d " % status)
    assert line.endswith(b"\r\n")
    assert not set(line[:-2]) & {0, 10, 13, 127}


def test_a_chunk_says_its_size_in_hexadecimal() -> None:
    """RFC 9112 section 7.1."""
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_the_last_chunk_carries_the_trailers_that_may_cross() -> None:
    """RFC 9110 section 6.5.1."""
    assert last_chunk(None, TRAILERS) == b"0\r\n\r\n"
    trailers = Headers([(b"X-Sum", b"1"), (b"Content-Length", b"5"), (b"Set_Cookie", b"a"), (b"x-sum", b"2")])
    assert last_chunk(trailers, TRAILERS) == b"0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n"
    assert last_chunk(Headers([(b"Host", b"h")]), TRAILERS) == b"0\r\n\r\n"


def test_the_date_is_made_once_a_second() -> None:
    """RFC 9110 section 5.6.7: the preferred form, of 29 octets."""
    time = [784111777.2]
    date = DateClock(lambda: time[0])
    first = date()
    assert first == b"Sun, 06 Nov 1994 08:49:37 GMT"
    time[0] += 0.7
    assert date() is first
    time[0] += 0.2
    assert date() == b"Sun, 06 Nov 1994 08:49:38 GMT"
