"""Content is read once for both roles: requests and answers say the same, however it is cut."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.errors import BackendProtocolError, GatewayError, HeaderTooLarge, MalformedRequest
from gateway.headers import Headers
from gateway.http1.content import CHUNK_OVERHEAD, ContentReader
from gateway.http1.framing import CHUNKED, UNTIL_CLOSE
from gateway.http1.request_parser import RequestMemo, RequestParser
from gateway.http1.response_parser import ResponseMemo, ResponseParser

MOST = 256
FIELDS = 5


class Source:
    """Reads on whatever happens."""

    def pause_reading(self) -> None:
        """Nothing is paused."""

    def resume_reading(self) -> None:
        """Nothing was paused."""

    def body_over_limit(self, body: Body) -> None:
        raise AssertionError("these bodies have no limit")


class Read(NamedTuple):
    """What one role made of a content."""

    content: bytes
    trailers: list[tuple[bytes, bytes]] | None
    ended: bool
    wrong: bool = False


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut octets into reads, none of them empty."""
    ends = sorted({place % len(data) for place in places} - {0}) if data else []
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True) if start < end]


def feed_all(content: ContentReader, reads: list[bytes]) -> None:
    """Feed one read after the other."""
    for data in reads:
        content.feed(data)


def as_request(field: bytes, reads: list[bytes]) -> Read:
    """Let a client send it."""
    parser = RequestParser(Source(), MOST, FIELDS, RequestMemo())
    parser.feed(b"POST /a HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n" % field)
    request = parser.requests.pop(0)
    assert not isinstance(request, GatewayError)
    body = request.body
    assert body is not None
    for data in reads:
        parser.feed(data)
    wrong = body.failed
    trailers = None if body.trailers is None else list(body.trailers)
    return Read(body.take(), trailers, body.ended, wrong)


def as_answer(field: bytes, reads: list[bytes], close: bool = False) -> Read:
    """Let a backend send it."""
    parser = ResponseParser(Source(), MOST, ResponseMemo())
    parser.expect(b"GET", None)
    parser.feed(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % field)
    assert parser.response is not None
    body = parser.response.body
    assert isinstance(body, Body)
    wrong = False
    try:
        for data in reads:
            parser.feed(data)
    except BackendProtocolError:
        wrong = True
    if close:
        assert parser.closed()
    trailers = None if parser.trailers is None else list(parser.trailers)
    return Read(body.take(), trailers, parser.complete, wrong)


PARTS = st.lists(st.one_of(st.binary(min_size=1, max_size=30), st.just(b"0\r\n\r\n"), st.just(b"x" * 300)), max_size=5)
EXTENSION = st.sampled_from([b"", b"", b";", b";a", b';a=b;c="d e"', b";" + b"a" * 200])
TRAILERS = st.lists(
    st.tuples(st.sampled_from([b"X-A", b"X-b", b"Etag"]), st.sampled_from([b"", b"1", b"a, b"])), max_size=3
)
PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@st.composite
def contents(draw: st.DrawFn) -> tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]] | None]:
    """Draw the framing field, the octets, and the content and trailers that they mean."""
    parts = draw(PARTS)
    content = b"".join(parts)
    if content and draw(st.booleans()):
        return b"Content-Length: %d" % len(content), content, content, None
    zeros = draw(st.sampled_from([b"", b"000"]))
    octets = b"".join(zeros + b"%x%b\r\n%b\r\n" % (len(part), draw(EXTENSION), part) for part in parts)
    trailers = draw(TRAILERS)
    octets += zeros + b"0" + draw(EXTENSION) + b"\r\n" + b"".join(b"%b: %b\r\n" % field for field in trailers) + b"\r\n"
    return b"Transfer-Encoding: chunked", octets, content, trailers or None


@given(contents(), PLACES, PLACES)
def test_both_roles_read_content_the_same_however_it_is_cut(
    message: tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]] | None], places: list[int], others: list[int]
) -> None:
    """Every octet, the trailers, and the end."""
    field, octets, content, trailers = message
    meant = Read(content, trailers, ended=True)
    assert as_request(field, cut(octets, places)) == meant
    assert as_answer(field, cut(octets, others)) == meant
    assert as_request(field, cut(octets, list(range(len(octets))))) == meant


PIECES = st.sampled_from(
    [b"", b"\r", b"\n", b"\r\n", b";", b" ", b"0", b"f" * 16, b"g", b"\0", b"X : 1\r\n", b"0\r\n\r\n"]
)


@given(contents(), st.integers(0, 10_000), st.integers(0, 3), PIECES, PLACES, PLACES)
@example((b"Transfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\n", b"", None), 4, 0, b"\r", [5], [6])
@example((b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"", None), 3, 0, b"Content-Length: 5\r\n", [], [9])
def test_what_is_wrong_is_wrong_for_both_roles_however_it_is_cut(
    message: tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]] | None],
    place: int,
    dropped: int,
    piece: bytes,
    places: list[int],
    others: list[int],
) -> None:
    """A content has one reading, or none; where it has none, nothing says that it ended."""
    field, octets, _, _ = message
    place %= len(octets) + 1
    octets = octets[:place] + piece + octets[place + dropped :]
    request, answer = as_request(field, cut(octets, places)), as_answer(field, cut(octets, others))
    assert (request.ended, request.wrong) == (answer.ended, answer.wrong)
    assert not (request.ended and request.wrong)
    if request.ended:
        assert request == answer


@given(PARTS, PLACES)
def test_content_until_the_close_is_all_that_came(parts: list[bytes], places: list[int]) -> None:
    """Only answers have it, and only a close in good order ends it."""
    content = b"".join(parts)
    reads = cut(content, places)
    assert as_answer(b"X: 1", reads, close=True) == Read(content, None, ended=True)
    assert as_answer(b"X: 1", reads) == Read(content, None, ended=False)


@pytest.mark.parametrize("length", [5, CHUNKED])
def test_a_close_does_not_end_content_with_an_end_of_its_own(length: int) -> None:
    """What is missing is missing."""
    content = ContentReader(MOST, FIELDS, BackendProtocolError, BackendProtocolError)
    content.begin(Body(), length)
    assert content.feed(b"2\r\n") is None
    assert not content.closed()
    content.begin(Body(), UNTIL_CLOSE)
    assert content.closed()
    assert not content.closed()


@given(st.integers(1, 20), st.binary(max_size=20))
def test_what_stands_behind_the_end_is_given_back(length: int, rest: bytes) -> None:
    """Unread, and the reader can begin with the next content."""
    content = ContentReader(MOST, FIELDS, MalformedRequest, HeaderTooLarge)
    for framing, octets in (
        (length, b"x" * length),
        (CHUNKED, b"%x\r\n%b\r\n0\r\nA: 1\r\n\r\n" % (length, b"x" * length)),
    ):
        body = Body()
        content.begin(body, framing)
        assert content.feed(octets + rest) == rest
        assert not content.reading
        assert body.take() == b"x" * length
    assert list(content.trailers or ()) == [(b"A", b"1")]


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize("trailers", [b"X: " + b"a" * 2 * MOST + b"\r\n", b"X: 1\r\n" * (FIELDS + 1)])
@pytest.mark.parametrize("lead", [b"", b"1\r\na\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"])
def test_trailers_over_a_limit_have_an_error_of_their_own(step: int, trailers: bytes, lead: bytes) -> None:
    """As large heads have; how much content stood before them, and how they are cut, changes nothing."""
    content = ContentReader(MOST, FIELDS, MalformedRequest, HeaderTooLarge)
    content.begin(Body(), CHUNKED)
    octets = lead + b"0\r\n" + trailers + b"\r\n"
    with pytest.raises(HeaderTooLarge):
        feed_all(content, [octets[start : start + step] for start in range(0, len(octets), step)])


@pytest.mark.parametrize("octets", [b"zz\r\n", b"1;" + b"a" * 2 * MOST, b"1\r\nab", b"1" * 16, b"0\r\nX\r\n\r\n"])
def test_everything_else_that_is_wrong_is_the_other_error(octets: bytes) -> None:
    """A line that is too long among it: extensions are no part of a head."""
    content = ContentReader(MOST, FIELDS, MalformedRequest, HeaderTooLarge)
    content.begin(Body(), CHUNKED)
    with pytest.raises(MalformedRequest):
        content.feed(octets)


def test_framing_far_larger_than_the_content_is_wrong() -> None:
    """More than nine octets for each of content, and 16 KiB and the limit of a head on top."""
    content = ContentReader(MOST, FIELDS, MalformedRequest, HeaderTooLarge)
    content.begin(Body(), CHUNKED)
    chunk = b"1;" + b"a" * 200 + b"\r\nx\r\n"
    taken = (CHUNK_OVERHEAD + MOST) // (len(chunk) - 9)
    feed_all(content, [chunk] * taken)
    with pytest.raises(MalformedRequest):
        content.feed(chunk)


def test_small_chunks_are_one_piece() -> None:
    """What came in one read is written at once, however small the chunks that it came in."""
    pieces: list[bytes] = []

    class Sink:
        """Takes what comes."""

        def body_received(self, data: bytes) -> None:
            pieces.append(data)

        def body_ended(self, trailers: Headers | None) -> None:
            raise AssertionError("whoever reads the message ends its body")

        def body_failed(self) -> None:
            raise AssertionError("it is in order")

    content = ContentReader(MOST, FIELDS, MalformedRequest, HeaderTooLarge)
    body = Body(Source())
    body.attach(Sink())
    content.begin(body, CHUNKED)
    assert content.feed(b"1\r\nx\r\n" * 1_000) is None
    assert content.feed(b"1\r\nx\r\n" * 500 + b"0\r\n\r\n") == b""

    assert pieces == [b"x" * 1_000, b"x" * 500]
