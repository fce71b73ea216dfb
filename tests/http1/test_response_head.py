from __future__ import annotations

from functools import partial
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.headers import HeaderBlock, Headers
from gateway.http1.response_head import encode
from gateway.message import Request, Response
from tests.conformance import strict


def date() -> bytes:
    """Return the date that these tests live in."""
    return b"Sun, 06 Nov 1994 08:49:37 GMT"


def asked(method: bytes = b"GET", version: bytes = b"1.1", *fields: tuple[bytes, bytes]) -> Request:
    """Return a request."""
    return Request(method, b"/", Headers(fields), b"h", version)


def head(request: Request, response: Response, close: bool = False) -> bytes:
    """Return the head of a response."""
    return encode(request, response, date, close)[0]


def test_a_response_of_known_length() -> None:
    """Its fields in order, Date where there is none, and one framing field."""
    response = Response(200, Headers([(b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3")]), b"abc")
    encoded, framing = encode(asked(), response, date, False)
    assert encoded == (
        b"HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: 2\r\nX-B: 3\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 3\r\n\r\n"
    )
    assert (framing.chunked, framing.close, framing.empty) == (False, False, False)
    assert framing.part(b"abc") == b"abc"
    assert framing.whole(b"abc", Headers([(b"X", b"1")])) == b"abc"


def test_a_date_that_is_there_stays() -> None:
    """RFC 9110 section 6.6.1: the origin's."""
    encoded = head(asked(), Response(200, Headers([(b"date", b"x")]), b""))
    assert encoded == b"HTTP/1.1 200 OK\r\ndate: x\r\nContent-Length: 0\r\n\r\n"


def test_a_body_of_unknown_length_goes_in_chunks() -> None:
    """RFC 9112 section 6.1; an empty part would be the end, and is nothing."""
    encoded, framing = encode(asked(), Response(200, body=Body()), date, False)
    assert b"Transfer-Encoding: chunked\r\n" in encoded
    assert b"Content-Length" not in encoded
    assert framing.part(b"abc") == b"3\r\nabc\r\n"
    assert framing.part(b"") == b""
    assert framing.whole(b"", None) == b"0\r\n\r\n"
    assert framing.whole(b"ab", Headers([(b"X-Sum", b"1"), (b"Host", b"h")])) == b"2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n"


def test_to_http_1_0_the_end_of_the_connection_is_the_end_of_the_body() -> None:
    """RFC 9112 section 6.3; though the client would have kept it."""
    request = asked(b"GET", b"1.0", (b"Connection", b"keep-alive"))
    encoded, framing = encode(request, Response(200, body=Body()), date, False)
    assert b"Connection: close\r\n" in encoded
    assert b"Transfer-Encoding" not in encoded
    assert (framing.chunked, framing.close) == (False, True)
    assert framing.part(b"abc") + framing.whole(b"", None) == b"abc"


@pytest.mark.parametrize(
    ("version", "connection", "close", "said"),
    [
        (b"1.1", None, False, None),
        (b"1.1", b"keep-alive", False, None),
        (b"1.1", b"close", False, b"close"),
        (b"1.1", None, True, b"close"),
        (b"1.0", None, False, b"close"),
        (b"1.0", b"keep-alive", False, b"keep-alive"),
        (b"1.0", b"keep-alive", True, b"close"),
    ],
)
def test_what_is_said_about_the_connection(
    version: bytes, connection: bytes | None, close: bool, said: bytes | None
) -> None:
    """RFC 9112 section 9.3, and what is said is what is done."""
    fields = [] if connection is None else [(b"Connection", connection)]
    encoded, framing = encode(asked(b"GET", version, *fields), Response(200, body=b"x"), date, close)
    (message,) = strict.responses(encoded + b"x")
    assert message.values(b"Connection") == ([] if said is None else [said])
    assert framing.close == (said == b"close")


@pytest.mark.parametrize(
    ("method", "status", "length", "said"),
    [
        (b"HEAD", 200, 5, [b"5"]),
        (b"HEAD", 200, None, []),
        (b"HEAD", 200, 0, [b"0"]),
        (b"GET", 304, 5, [b"5"]),
        (b"GET", 304, None, []),
        (b"GET", 204, 5, []),
        (b"GET", 204, 0, []),
        (b"GET", 204, None, []),
    ],
)
def test_responses_without_content(method: bytes, status: int, length: int | None, said: list[bytes]) -> None:
    """RFC 9110 section 8.6: the length it would have had, where allowed; never a chunk."""
    encoded, framing = encode(asked(method), Response(status, length=length), date, False)
    (message,) = strict.responses(encoded, method)
    assert message.values(b"Content-Length") == said
    assert framing.empty
    assert not framing.close


def test_a_response_that_was_made_without_a_body_has_an_end() -> None:
    """A plugin answers `Response(403)`: a client must not wait for chunks."""
    encoded, framing = encode(asked(), Response(403), date, False)
    (message,) = strict.responses(encoded)
    assert message.values(b"Content-Length") == [b"0"]
    assert not framing.chunked


class Client:
    """Reads responses by llhttp."""

    def __init__(self) -> None:
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.content = b""
        self.complete = 0

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))

    def on_body(self, data: bytes) -> None:
        self.content += data

    def on_message_complete(self) -> None:
        self.complete += 1


VALUE = st.text("abc \t\xe9\"',;=", max_size=8).map(lambda text: text.strip(" \t").encode("latin-1"))
FIELDS = st.lists(st.tuples(st.sampled_from([b"X-A", b"x-b", b"Set-Cookie", b"Date"]), VALUE), max_size=4)


@given(
    st.sampled_from([200, 201, 404, 500, 599]),
    FIELDS,
    st.lists(st.binary(max_size=20), max_size=4),
    st.booleans(),
    st.sampled_from([b"1.1", b"1.0"]),
    st.binary(max_size=6),
)
def test_what_is_written_is_what_is_read(
    status: int, fields: list[tuple[bytes, bytes]], parts: list[bytes], streams: bool, version: bytes, reason: bytes
) -> None:
    """Encoded and read again by llhttp and by a strict reader: the same status, fields, content and trailers."""
    content = b"".join(parts)
    response = Response(status, Headers(fields), Body() if streams else content, reason=reason)
    encoded, framing = encode(asked(b"GET", version), response, date, False)
    trailers = Headers([(b"X-Sum", b"1")])
    data = encoded + b"".join(map(framing.part, parts)) + framing.whole(b"", trailers)

    client: Any = Client()
    parser = httptools.HttpResponseParser(client)
    parser.feed_data(data)
    (message,) = strict.responses(data, closed=framing.close)

    assert parser.get_status_code() == message.status == status
    assert client.content == message.content == content
    sent = [
        field for field in message.fields if field[0] not in (b"Content-Length", b"Transfer-Encoding", b"Connection")
    ]
    assert sent[: len(fields)] == fields
    assert client.fields == message.fields + message.trailers
    assert message.trailers == ([(b"X-Sum", b"1")] if framing.chunked else [])
    assert client.complete == (0 if streams and version == b"1.0" else 1)


ADDED = st.lists(
    st.tuples(st.sampled_from(["add", "set", "remove", "rewrite"]), st.sampled_from([b"Date", b"X-A", b"Via"]), VALUE),
    max_size=3,
)
ANSWERS = st.lists(
    st.tuples(
        st.integers(0, 1),
        ADDED,
        st.sampled_from([200, 204, 304, 404, 299]),
        st.sampled_from([b"", b"OK", b"Fine"]),
        st.sampled_from([None, 0, 7]),
        st.sampled_from([b"GET", b"HEAD"]),
        st.sampled_from([b"1.1", b"1.0"]),
        st.sampled_from([None, b"close", b"keep-alive"]),
        st.booleans(),
    ),
    max_size=8,
)


def _instead(value: bytes, _: bytes) -> bytes | None:
    return value or None


def _changed(headers: Headers, changes: list[tuple[str, bytes, bytes]]) -> Headers:
    for change, name, value in changes:
        if change == "add":
            headers.add(name, value)
        elif change == "set":
            headers.set(name, value)
        elif change == "remove":
            headers.remove(name)
        else:
            headers.rewrite(name, partial(_instead, value))
    return headers


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("added", [0, 1, 2])
def test_a_head_over_a_block_has_what_steps_have_added(added: int, method: bytes) -> None:
    """Behind the fields of the block, in order; and to HEAD there is no body, though its length is said."""
    headers = Headers.over(HeaderBlock(Headers([(b"Date", b"x"), (b"X-A", b"1")])))
    for number in range(added):
        headers.add(b"X-Added", b"%d" % number)

    encoded, framing = encode(asked(method), Response(200, headers, length=3), date, False)

    lines = [b"HTTP/1.1 200 OK", b"Date: x", b"X-A: 1", *[b"X-Added: %d" % number for number in range(added)]]
    assert encoded == b"\r\n".join([*lines, b"Content-Length: 3", b"", b""])
    assert framing.empty is (method == b"HEAD")


@given(st.tuples(FIELDS, FIELDS), ANSWERS)
def test_a_head_over_a_block_is_written_as_any_other(pair: tuple[Any, Any], answers: list[Any]) -> None:
    """Whatever was written with the block before, and whatever steps have changed: the same octets."""
    blocks = [HeaderBlock(Headers(fields)) for fields in pair]
    for which, changes, status, reason, length, method, version, connection, close in answers:
        request = asked(method, version, *([] if connection is None else [(b"Connection", connection)]))
        known = Response(status, _changed(Headers.over(blocks[which]), changes), length=length, reason=reason)
        fresh = Response(status, _changed(Headers(pair[which]), changes), length=length, reason=reason)
        for response in (known, fresh):
            response.body = Body() if length is None else b"x" * length
        assert encode(request, known, date, close) == encode(request, fresh, date, close)
