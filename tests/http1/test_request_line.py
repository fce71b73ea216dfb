from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest
from gateway.http1.request_line import line_is_complete


def judged(*reads: bytes) -> list[bool]:
    """Return what is said after each read of a head."""
    return [line_is_complete(b"".join(reads[: count + 1])) for count in range(len(reads))]


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1", b"FOO * HTTP/1.0", b"GET http://h/ HTTP/2.0", b"GET /\xc3\xa9 HTTP/1.1"]
)
def test_a_line_is_three_parts_with_one_blank_between_them(line: bytes) -> None:
    """Whether the parts are any good is not its question."""
    assert judged(line + b"\r\nHost: h\r\n") == [True]


@pytest.mark.parametrize(
    "line",
    [
        b"GET  / HTTP/1.1\r\n",
        b"GET /  HTTP/1.1\r\n",
        b"GET / HTTP/1.1 \r\n",
        b" GET / HTTP/1.1\r\n",
        b"GET\t/ HTTP/1.1\r\n",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\r\n",
        b"GET /\r\n",
        b"GET / RTSP/1.0\r\n",
        b"GET / HTTP/11\r\n",
    ],
)
def test_another_line_is_refused(line: bytes) -> None:
    """As soon as it is complete, whatever follows."""
    with pytest.raises(MalformedRequest):
        judged(line)


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_line_is_judged_once_all_of_it_is_there(first: int, second: int) -> None:
    """It may come in any number of reads."""
    data = b"GET / HTTP/1.1\r\n"
    cuts = sorted((first, second))
    assert judged(data[: cuts[0]], data[cuts[0] : cuts[1]], data[cuts[1] :])[-1]
    assert judged(data[:-1]) == [False]
