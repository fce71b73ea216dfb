from __future__ import annotations

import pytest
from httptools import HttpParserError, HttpRequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.http1.lines import MOST, MOST_NEW, Lines, status_and_reason

FRAMING = [b"Content-Length", b"content-length", b"Connection", b"Proxy-Connection", b"Transfer-Encoding", b"Upgrade"]
NAMES = st.sampled_from(
    [b"Host", b"X-One", b"x-one", b"Cookie", b"ETag", b"!#$%&'*+-.^_`|~09", b"", b"X Y", b" X", b"\xe9", *FRAMING]
)
COLONS = st.sampled_from([b":", b": ", b":\t ", b" :", b"", b"::"])
WORDS = [b"close", b"keep-alive, x", b"upgrade", b"chunked", b"5", b"05", b"5 ", b"5, 5", b"+5", b"9" * 18, b"9" * 20]
VALUES = st.sampled_from(
    [*WORDS, b"", b"a", b"a b", b"a\t", b" ", b"\x80\xff", b'a,b;c="d"', b"a\rb", b"a\nb", b"\0", b"\x7f", b"\x1f"]
)
LINES = st.one_of(
    st.tuples(NAMES, COLONS, st.one_of(VALUES, st.binary(max_size=6))).map(b"".join), st.binary(max_size=8)
)


def as_llhttp_reads(lines: list[bytes]) -> list[tuple[bytes, bytes, bytes]] | None:
    """Return the fields of a head as llhttp finds them, in the way that `gateway.http1.request_heads` takes them."""
    fields: list[tuple[bytes, bytes, bytes]] = []
    ended: list[bool] = []

    class Reader:
        """Keeps what llhttp calls it with."""

        def on_header(self, name: bytes, value: bytes) -> None:
            fields.append((name.lower(), name, value.rstrip(b" \t")))

        def on_headers_complete(self) -> None:
            ended.append(True)

    parser = HttpRequestParser(Reader())
    parser.set_dangerous_leniencies(lenient_keep_alive=True)
    try:
        parser.feed_data(b"GET / HTTP/1.1\r\n%b\r\n\r\n" % b"\r\n".join(lines))
    except HttpParserError:
        return None
    return fields if ended else None


def head(lines: list[bytes]) -> bytes:
    """Return lines as the parsers hand them in."""
    return b"\r\n".join(lines) + b"\r"


@given(st.lists(st.lists(LINES, min_size=1, max_size=4), min_size=1, max_size=6))
@example([[b"Host: a"], [b"Host: a"], [b"Host: a", b"X: b"], [b"Host: a", b"X: b "]])
@example([[b"X: a", b"x: b", b"X: c"]] * 3)
def test_lines_that_are_taken_say_what_llhttp_reads_in_them(heads: list[list[bytes]]) -> None:
    """With all that came before as with nothing; a line that llhttp refuses is never taken."""
    warm = Lines()
    for lines in heads * 3:
        one, other = warm.read(head(lines), 4), Lines().read(head(lines), 4)
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        expected = as_llhttp_reads(lines)
        assert list(one.fields) == list(other.fields) == expected
        assert one.index == other.index == Headers([(name, value) for _, name, value in one.fields]).index


def test_what_one_head_does_with_its_fields_changes_no_other_head() -> None:
    """The fields of a line are shared; what is added to a head, or removed, is not."""
    lines = Lines()
    for _ in range(3):
        headers = lines.read(b"Host: a\r\nX-One: 1\r", 2)
        assert headers is not None
        assert list(headers) == [(b"Host", b"a"), (b"X-One", b"1")]
        headers.remove(b"x-one")
        headers.put(b"host", b"Host", b"b")
        headers.add(b"X-Two", b"2")


def test_a_line_is_kept_when_it_comes_again_and_is_not_long() -> None:
    """Lines that differ every time are never kept, and what a client can have kept is bounded in octets."""
    lines = Lines()
    for line in (b"A: 1", b"B: 1", b"C: %b" % (b"c" * 2000), b"C: %b" % (b"c" * 2000), b"A: 1"):
        assert lines.read(line + b"\r", 1) is not None
    assert len(lines) == 1


def test_what_is_kept_is_bounded_in_number() -> None:
    """A full table begins anew."""
    lines = Lines()
    for number in range(2000):
        for _ in range(2):
            assert lines.read(b"A: %d\r" % number, 1) is not None
        assert 0 < len(lines) <= MOST


@pytest.mark.parametrize("length", [b"+5", b"5, 5", b"5\t", b"5 ", b"5 5", b"0x5", b"-5", b"\xb2", b"0" * 19])
def test_a_length_of_more_than_digits_is_left_to_llhttp(length: bytes) -> None:
    """It judges what stands behind them otherwise than in other fields; also where the lines came before."""
    lines = Lines()
    for _ in range(3):
        assert lines.read(b"Host: a\r\nContent-Length: %b\r" % length, 2) is None


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        ([b"Host: a"], True),
        ([b"Content-Length: 5"], True),
        ([b"Content-Length: 05"], True),
        ([b"Content-Length: 5", b"X: 1", b"X: 2"], True),
        ([b"Content-Length: 5", b"X: 1", b"content-length: 5"], False),
        ([b"Transfer-Encoding: chunked"], False),
        ([b"transfer-encoding: identity"], False),
        ([b"Upgrade: websocket"], False),
        ([b"Host: a", b" folded: b"], False),
    ],
)
def test_fields_that_framing_hangs_on_are_left_to_llhttp(lines: list[bytes], taken: bool) -> None:
    """But for one Content-Length of at most 18 digits; and whatever came before."""
    reader = Lines()
    for line in lines * 3:
        reader.read(line + b"\r", 1)
    for _ in range(3):
        assert (reader.read(head(lines), 5) is not None) == taken


def test_of_a_head_with_more_lines_than_it_may_have_nothing_is_kept() -> None:
    """Nor is any of them looked at: one head could displace all that is known."""
    lines = Lines()
    assert lines.read(head([b"A: 1", b"A: 1"]), 2) is not None
    for _ in range(3):
        assert lines.read(head([b"B: 1", b"B: 1", b"A: 1"]), 2) is None
    assert len(lines) == 1


def test_a_client_with_other_lines_each_time_displaces_none() -> None:
    """They wait in a room of their own, and are known only when they come again."""
    lines = Lines()
    for _ in range(2):
        lines.read(b"Accept: */*\r", 1)
    for number in range(5 * MOST):
        lines.read(b"X: %d\r" % number, 1)
    assert len(lines) == 1


def test_a_head_of_many_new_lines_is_for_llhttp_until_they_are_known() -> None:
    """A client with other lines each time costs no more than a few of them; one that repeats itself is known soon."""
    many = [b"X: %d" % number for number in range(2 * MOST_NEW)]
    lines = Lines()
    assert Lines().read(head(many[:MOST_NEW]), 100) is not None
    assert Lines().read(head(many[: MOST_NEW + 1]), 100) is None
    found = [lines.read(head(many), 100) is not None for _ in range(5)]
    assert found == [False, False, True, True, True]
    assert len(lines) == 2 * MOST_NEW


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"HTTP/1.1 200 OK", (200, b"OK")),
        (b"HTTP/1.1 599 Not so well", (599, b"Not so well")),
        (b"HTTP/1.1 200 " + b"a" * 100, (200, b"a" * 100)),  # too long to be kept
        (b"HTTP/1.1 103 Early Hints", None),
        (b"HTTP/1.0 200 OK", None),
        (b"HTTP/1.1 200 ", None),
        (b"HTTP/1.1 200 OK ", None),
        (b"HTTP/1.1 200 \x80", None),
    ],
)
def test_a_status_line_of_the_plain_kind_is_read(line: bytes, read: tuple[int, bytes] | None) -> None:
    """The same at its second sight; of other kinds nothing is said, so llhttp is asked."""
    assert [status_and_reason(line), status_and_reason(line)] == [read, read]
