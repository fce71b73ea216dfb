from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import MalformedRequest
from gateway.http1.request_line import accepted, asked_for, line_is_complete, names_unknown_method


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


@pytest.mark.parametrize(
    ("head", "target"),
    [
        (b"BREW /a?b HTTP/1.1\r\n", b"/a?b"),
        (b"GET http://user@h:80/a?b HTTP/1.0\r\nx", b"/a?b"),
        (b"GET HTTPS://h/ HTTP/2.0\n", b"/"),
        (b"GET http://h HTTP/1.1\r\n", b""),
        (b"GET http://h?/a HTTP/1.1\r\n", b""),
        (b"CONNECT h:80 HTTP/1.1\r\n", b""),
        (b"OPTIONS * HTTP/1.1\r\n", b""),
        (b"GET /a HTTP/1.1", b""),
        (b"GET /a b HTTP/1.1\r\n", b""),
        (b"GET /\xe9 HTTP/1.1\r\n", b""),
        (b"GET /a\r\n", b""),
        (b"", b""),
    ],
)
def test_what_a_refused_head_asked_for_is_told_where_its_line_is_complete(head: bytes, target: bytes) -> None:
    """One path, and never one that was cut off."""
    assert asked_for(head) == target


@pytest.mark.parametrize(
    ("head", "unknown"),
    [
        (b"BREW /a HTTP/1.1\r\n", True),
        (b"DESCRIBE /", True),
        (b"get / HTTP/1.1\r\n", True),
        (b"BREW http", True),
        (b"GET / HTTP/1.1\r\n", False),
        (b"BREW", False),
        (b"\x16\x03\x01 /", False),
        (b"BREW a", False),
    ],
)
def test_a_method_that_nobody_forwards_is_told_from_a_broken_line(head: bytes, unknown: bool) -> None:
    """501 is for the former, 400 for the latter."""
    assert names_unknown_method(head) is unknown


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"GET / HTTP/1.1\r\nAccept: text/html\r\n", b"text/html"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nACCEPT:text/html;q=0.1\nX: y", b"text/html;q=0.1"),
        (b"GET / HTTP/1.1\r\nAccept: a/b\r\nAccept: c/d\r\n\r\n", b"a/b, c/d"),
        (b"GET / HTTP/1.1\r\nAccept: \t text/html \t\r\nHost: h", b"text/html"),
        (b"GET / HTTP/1.1\r\nAccept: text/html", b""),
        (b"GET / HTTP/1.1\r\nX-Accept: text/html\r\nAccept-Language: de\r\n", b""),
        (b"GET / HTTP/1.1\r\nAccept: text/\x00html\r\n", b""),
        (b"GET /\rAccept: text/html HTTP/1.1\r\n", b""),
        (b"", b""),
    ],
)
def test_what_a_refused_head_accepts_is_told_by_its_complete_lines(head: bytes, said: bytes) -> None:
    """Nothing else of such a head is heeded."""
    assert accepted(head) == said


def test_a_line_of_blanks_takes_no_time() -> None:
    """Linear in its length: a head that is refused may be all blanks."""
    assert accepted(b"GET / HTTP/1.1\r\nAccept:" + b" " * 500_000 + b"\x00\r\n") == b""
    assert accepted(b"GET / HTTP/1.1\r\n" + b"Accept:\r" * 100_000) == b""
