"""What clients may send: octets in, octets out, and what of it reaches a backend.

One row a rule, with its section of RFC 9110 (9110) or RFC 9112 (9112). A row
is sent alone, behind a good request and octet by octet: the good one is
answered, the row's outcome is the same.
"""

from __future__ import annotations

import pytest

from gateway.serving.http1_channel import Http1Channel
from gateway.testing import FakeClient, Harness
from tests.conformance import strict

GOOD = b"GET /orders/good HTTP/1.1\r\nHost: h\r\n\r\n"
SMUGGLED = b"GET /orders/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def get(*fields: bytes, line: bytes = b"GET /orders/1 HTTP/1.1", host: bytes = b"Host: h\r\n") -> bytes:
    """Return a request without content."""
    return line + b"\r\n" + host + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields: bytes, content: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return a request with content, and another one behind it that some reader might find."""
    return get(*fields, line=b"POST /orders/1 HTTP/" + version) + content + SMUGGLED


def chunks(content: bytes, *fields: bytes) -> bytes:
    """Return a request in chunks."""
    return post(b"Transfer-Encoding: chunked", *fields, content=content)


MALFORMED: list[tuple[str, bytes]] = [
    # Two framings.
    ("9112 6.3", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", content=b"0\r\n\r\n")),
    ("9112 6.3", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", content=b"0\r\n\r\n")),
    ("9112 6.3", post(b"transfer-encoding: chunked", b"CONTENT-LENGTH: 0", content=b"0\r\n\r\n")),
    ("9112 6.3", post(b"Content-Length: 5", b"Transfer-Encoding: identity", content=b"0\r\n\r\n")),
    # Content-Length.
    ("9112 6.3", post(b"Content-Length: 5", b"Content-Length: 6", content=b"abcdef")),
    ("9112 6.3", post(b"Content-Length: 5", b"Content-Length: 5", content=b"abcde")),
    ("9112 6.3", post(b"Content-Length: 5, 5", content=b"abcde")),
    ("9112 6.3", post(b"Content-Length: 5,", content=b"abcde")),
    ("9112 6.3", post(b"Content-Length: 5 5", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: +5", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: -5", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: 0x5", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: a", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: 5.0", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: 5\x0b", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length:", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: ", content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: " + b"9" * 19, content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: " + b"9" * 5000, content=b"abcde")),
    ("9110 8.6", post(b"Content-Length: 18446744073709551621", content=b"abcde")),
    # Transfer-Encoding.
    ("9112 6.1", post(b"Transfer-Encoding: xchunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunkedx", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked, chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: gzip, chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked, gzip", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked, identity", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: identity", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: gzip", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding:", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: ,chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked;q=1", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b'Transfer-Encoding: "chunked"', content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: \x0bchunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked\x0b", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked\x0c", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked \t", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chun ked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked", content=b"0\r\n\r\n", version=b"1.0")),
    ("9112 6.1", post(b"Transfer-Encoding: chunked", b"Connection: keep-alive", content=b"0\r\n\r\n", version=b"1.0")),
    # Field lines.
    ("9112 5.1", post(b"Content-Length : 5", content=b"abcde")),
    ("9112 5.1", post(b"Transfer-Encoding : chunked", content=b"0\r\n\r\n")),
    ("9112 5.1", post(b"Transfer-Encoding\t: chunked", content=b"0\r\n\r\n")),
    ("9112 5.1", get(b"X : 1")),
    ("9112 2.2", get(b" X: 1")),
    ("9112 2.2", b"GET /orders/1 HTTP/1.1\r\n Host: h\r\n\r\n"),
    ("9112 5.2", get(b"X: a", b" b")),
    ("9112 5.2", get(b"X: a", b"\tb")),
    ("9112 5.2", post(b"Transfer-Encoding:", b" chunked", content=b"0\r\n\r\n")),
    ("9112 5", get(b"X")),
    ("9112 5", get(b": x")),
    ("9110 5.1", get(b"X\x80: 1")),
    ("9110 5.1", get(b"X(: 1")),
    ("9110 5.1", get(b"X\0: 1")),
    ("9110 5.1", get(b"X\x7f: 1")),
    ("9110 5.1", get(b'X"Y: 1')),
    ("9110 5.5", get(b"X: a\0b")),
    ("9110 5.5", get(b"X: a\x01b")),
    ("9110 5.5", get(b"X: a\x7fb")),
    ("9110 5.5", get(b"X: a\rb")),
    ("9112 2.2", get(b"X: a\rTransfer-Encoding: chunked")),
    ("9112 2.2", get(b"X: a\nTransfer-Encoding: chunked")),
    ("9112 2.2", get(b"X: 1").replace(b"\r\n", b"\n")),
    ("9112 2.2", get(b"X: 1").replace(b"\r\n", b"\r")),
    ("9112 2.2", b"GET /orders/1 HTTP/1.1\nHost: h\r\n\r\n"),
    ("9112 2.2", b"GET /orders/1 HTTP/1.1\r\nHost: h\n\r\n"),
    ("9112 2.2", b"GET /orders/1 HTTP/1.1\r\nHost: h\r\n\n"),
    # Host.
    ("9112 3.2", get(host=b"")),
    ("9112 3.2", get(b"Host: h")),
    ("9112 3.2", get(b"hOST: other")),
    ("9112 3.2", get(host=b"Host:\r\n")),
    ("9112 3.2", get(host=b"Host: h, other\r\n")),
    ("9112 3.2", get(host=b"Host: h other\r\n")),
    ("9112 3.2", get(host=b"Host: user@h\r\n")),
    ("9112 3.2", get(host=b"Host: h/x\r\n")),
    ("9112 3.2", get(host=b"Host: h:port\r\n")),
    ("9112 3.2", get(host=b"Host: h:80:80\r\n")),
    ("9112 3.2", get(host=b"Host: h#x\r\n")),
    ("9112 3.2", get(host=b"Host: [::1\r\n")),
    ("9112 3.2", get(host=b"Host: h\xe9\r\n")),
    ("9112 3.2.2", get(line=b"GET http://user@h/orders/1 HTTP/1.1")),
    ("9112 3.2.2", get(line=b"GET http://user:password@h/orders/1 HTTP/1.1")),
    ("9112 3.2.2", get(line=b"GET http:///orders/1 HTTP/1.1")),
    ("9112 3.2.2", get(line=b"GET ftp://h/orders/1 HTTP/1.1")),
    ("9112 3.2.2", get(b"Host: h", line=b"GET http://h/orders/1 HTTP/1.1")),
    ("9112 3.2.2", get(line=b"GET http://h/orders/1 HTTP/1.1", host=b"")),
    # Targets.
    ("9112 3.2", get(line=b"GET orders/1 HTTP/1.1")),
    ("9112 3.2.4", get(line=b"GET * HTTP/1.1")),
    ("9112 3.2.3", get(line=b"GET h:80 HTTP/1.1")),
    ("9110 4.2.5", get(line=b"GET /orders/1#x HTTP/1.1")),
    ("9110 4.2.5", get(line=b"GET http://h/orders/1#x HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/1 2 HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\0 HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\x01 HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\x7f HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\xe9 HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\t HTTP/1.1")),
    ("9112 3.2", get(line=b"GET /orders/\rX HTTP/1.1")),
    ("3986 2.1", get(line=b"GET /orders/%zz HTTP/1.1")),
    ("3986 2.1", get(line=b"GET /orders/%00 HTTP/1.1")),
    # Lines and versions.
    ("9112 3", get(line=b"GET /orders/1 HTTP/1.1 ")),
    ("9112 3", get(line=b"GET\t/orders/1 HTTP/1.1")),
    ("9112 3", get(line=b" GET /orders/1 HTTP/1.1")),
    ("9112 3", get(line=b"GET  /orders/1 HTTP/1.1")),
    ("9112 3", get(line=b"GET /orders/1  HTTP/1.1")),
    ("9112 3", get(line=b"GET /orders/1HTTP/1.1")),
    ("9112 2.3", get(line=b"GET /orders/1 http/1.1")),
    ("9112 2.3", get(line=b"GET /orders/1 HTTP/1")),
    ("9112 2.3", get(line=b"GET /orders/1 HTTP/1.10")),
    ("9112 2.3", get(line=b"GET /orders/1 HTTP/01.1")),
    ("9112 2.3", get(line=b"GET /orders/1 HTTP/1.1x")),
    ("9112 2.3", get(line=b"GET /orders/1 HTTP/0.9")),
    ("9112 2.3", get(line=b"GET /orders/1 RTSP/1.0")),
    ("9112 2.3", get(line=b"GET /orders/1 RTSP/1.1")),
    ("9112 2.3", get(line=b"DESCRIBE /orders/1 RTSP/1.0")),
    ("9112 2.3", b"GET /orders/1\r\n\r\n"),
    ("9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"),
    ("9112 9", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    # Chunks.
    ("9112 7.1", chunks(b"-1\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"+1\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"0x1\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b" 1\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"1 \r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"g\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"1\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"1\ra\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"1\r\nab\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"1\r\na0\r\n\r\n")),
    ("9112 7.1", chunks(b"1\r\na\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"ffffffffffffffff1\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"10000000000000001\r\na\r\n0\r\n\r\n")),
    ("9112 7.1", chunks(b"FFFFFFFFFFFFFFFF\r\na")),
    ("9112 7.1", chunks(b"1\r\na\r\n7fffffffffffffff\r\n")),
    ("9112 7.1.1", chunks(b"FFFFFFFFFFFFFFFF;a=b\r\na")),
    ("9112 7.1.1", chunks(b"1;a\nb\r\na\r\n0\r\n\r\n")),
    ("9112 7.1.1", chunks(b"1;a=\0\r\na\r\n0\r\n\r\n")),
    ("9112 7.1.2", chunks(b"0\r\nX : 1\r\n\r\n")),
    ("9112 7.1.2", chunks(b"0\r\n X: 1\r\n\r\n")),
    ("9112 7.1.2", chunks(b"0\r\nX: a\0b\r\n\r\n")),
    ("9110 7.8", chunks(b"zz\r\n", b"Connection: upgrade", b"Upgrade: websocket")),
]


OTHERS: list[tuple[str, bytes, int, str]] = [
    ("9110 9.3.6", get(line=b"CONNECT h:80 HTTP/1.1"), 501, "request.method"),
    ("9110 9.3.6", get(line=b"CONNECT /orders/1 HTTP/1.1"), 501, "request.method"),
    ("9110 9.1", get(line=b"FOO /orders/1 HTTP/1.1"), 501, "request.method"),
    ("9110 9.1", get(line=b"get /orders/1 HTTP/1.1"), 501, "request.method"),
    ("9110 9.1", get(line=b"GETS /orders/1 HTTP/1.1"), 501, "request.method"),
    ("9110 2.5", get(line=b"GET /orders/1 HTTP/2.0"), 505, "request.version"),
    ("9110 15.5.14", post(b"Content-Length: 999999999999", content=b"abc"), 413, "request.too_large"),
    ("9110 5.4", get(b"X: " + b"a" * 40_000), 431, "request.header_too_large"),
    ("9110 5.4", get(b"X" * 40_000 + b": a"), 431, "request.header_too_large"),
    ("9110 4.1", get(line=b"GET /orders/" + b"a" * 40_000 + b" HTTP/1.1"), 431, "request.header_too_large"),
    ("9110 5.4", get(*[b"X: 1"] * 250), 431, "request.header_too_large"),
    ("9112 7.1.2", chunks(b"0\r\nX: " + b"a" * 40_000 + b"\r\n\r\n"), 431, "request.header_too_large"),
]


def check_refused(client: FakeClient, lead: int, status: int, reason: str) -> None:
    """Assert that the last answer refuses, says why, and ends the connection."""
    responses = strict.responses(client.received, closed=client.closed is not None)
    assert [response.status for response in responses] == [200] * lead + [status]
    refusal = responses[-1]
    assert refusal.values(b"Content-Type") == [b"application/problem+json"]
    assert refusal.values(b"Gateway-Reason") == [reason.encode()]
    assert refusal.values(b"Connection") == [b"close"]
    assert b"urn:gateway:reason:" + reason.encode() in refusal.content
    assert len(refusal.values(b"X-Request-ID")) == 1
    assert client.closed is not None or client.end_of_input


def seen_by_backend(gateway: Harness) -> list[strict.Message]:
    """Return what reached the backend, read strictly."""
    return [message for link in gateway.backend("orders").connections for message in strict.requests(link.received)]


@pytest.fixture
def gateway() -> Harness:
    """A gateway with one route, and memos as a long run leaves them."""
    harness = Harness("orders", limits={"request_header": 32 * 1024, "header_fields": 200})
    for request in (GOOD, SMUGGLED, get()):
        harness.send(request)
    for link in harness.backend("orders").connections:
        link.received = b""
    return harness


@pytest.mark.parametrize(("section", "data"), MALFORMED)
@pytest.mark.parametrize("lead", [b"", GOOD])
def test_malformed_requests_reach_no_backend(gateway: Harness, section: str, data: bytes, lead: bytes) -> None:
    """400, a reason, and the end of the connection; a good request before it is answered."""
    client = gateway.send(lead)
    gateway.send(data, client)
    check_refused(client, len(lead) // len(GOOD), 400, "request.malformed")
    assert [message.start[1] for message in seen_by_backend(gateway)] == [b"/orders/good"] * bool(lead), section
    gateway.check_quiet()


def test_a_preface_behind_a_request(gateway: Harness) -> None:
    """A connection that speaks HTTP/1.1 goes on doing so (RFC 9113 section 3.3)."""
    client = gateway.send(GOOD)
    gateway.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", client)
    check_refused(client, 1, 400, "request.malformed")
    gateway.check_quiet()


@pytest.mark.parametrize(("section", "data"), MALFORMED)
def test_malformed_requests_in_one_read_with_a_good_one(gateway: Harness, section: str, data: bytes) -> None:
    """The good one is answered, and is all that reaches a backend."""
    client = gateway.send(GOOD + data)
    assert strict.responses(client.received, closed=True)[0].status == 200
    assert client.closed is not None
    assert [message.start[1] for message in seen_by_backend(gateway)] == [b"/orders/good"], section
    gateway.check_quiet()


@pytest.mark.parametrize(("section", "data"), [row for row in MALFORMED if b"ing: chunked\r\n" not in row[1]])
def test_malformed_heads_are_refused_however_they_come(gateway: Harness, section: str, data: bytes) -> None:
    """Octet by octet the outcome is the same."""
    client = gateway.client()
    for octet in range(min(len(data), 400)):
        client.send(data[octet : octet + 1])
    gateway.send(data[400:] or b"\r\n\r\n", client)
    check_refused(client, 0, 400, "request.malformed")
    assert seen_by_backend(gateway) == [], section
    gateway.check_quiet()


@pytest.mark.parametrize(("section", "data", "status", "reason"), OTHERS)
@pytest.mark.parametrize("lead", [b"", GOOD])
def test_other_requests_that_reach_no_backend(
    gateway: Harness, section: str, data: bytes, status: int, reason: str, lead: bytes
) -> None:
    """Their own status, and the end of the connection."""
    client = gateway.send(lead)
    gateway.send(data, client)
    check_refused(client, bool(lead), status, reason)
    assert [message.start[1] for message in seen_by_backend(gateway)] == [b"/orders/good"] * bool(lead), section
    gateway.check_quiet()


TAKEN: list[tuple[str, bytes, list[tuple[bytes, bytes, bytes]]]] = [
    ("9112 2.2", b"\r\n" + get(), [(b"GET", b"/orders/1", b"")]),
    ("9112 2.2", get() + b"\r\n\r\n" + get(), [(b"GET", b"/orders/1", b"")] * 2),
    ("9112 3.2.1", get(line=b"GET /orders/a?b=c/?d HTTP/1.1"), [(b"GET", b"/orders/a?b=c/?d", b"")]),
    ("9112 3.2.1", get(line=b"GET /orders/%2e%41|{} HTTP/1.1"), [(b"GET", b"/orders/%2e%41|{}", b"")]),
    ("9112 3.2.2", get(line=b"GET HTTP://other:81/orders/1?x HTTP/1.1"), [(b"GET", b"/orders/1?x", b"")]),
    ("9112 5.1", get(b"X:1", b"Y: \t 2\t "), [(b"GET", b"/orders/1", b"")]),
    ("9110 9.1", get(line=b"PROPFIND /orders/1 HTTP/1.1"), [(b"PROPFIND", b"/orders/1", b"")]),
    ("9110 8.6", post(b"Content-Length: 0005", content=b"abcde"), [(b"POST", b"/orders/1", b"abcde")]),
    ("9110 8.6", post(b"Content-Length: 0"), [(b"POST", b"/orders/1", b"")]),
    ("9110 8.6", post(b"Content-Length: 5", content=b"0\r\n\r\n"), [(b"POST", b"/orders/1", b"0\r\n\r\n")]),
    ("9112 6.3", post(), [(b"POST", b"/orders/1", b"")]),
    ("9112 6.1", post(b"Transfer-Encoding: CHUNKED", content=b"0\r\n\r\n"), [(b"POST", b"/orders/1", b"")]),
    ("9112 6.1", post(b"Transfer-Encoding:\tchunked", content=b"0\r\n\r\n"), [(b"POST", b"/orders/1", b"")]),
    # A name that is not the field's own is no framing, and does not reach who might take it for that.
    ("9112 6.1", post(b"Transfer_Encoding: chunked"), [(b"POST", b"/orders/1", b"")]),
    (
        "9112 6.1",
        post(b"Content-Length: 5", b"Transfer_Encoding: chunked", content=b"0\r\n\r\n"),
        [(b"POST", b"/orders/1", b"0\r\n\r\n")],
    ),
    ("9112 7.1", chunks(b"A\r\n0123456789\r\n00\r\n\r\n"), [(b"POST", b"/orders/1", b"0123456789")]),
    ("9112 7.1", chunks(b"0000001\r\na\r\n0\r\n\r\n"), [(b"POST", b"/orders/1", b"a")]),
    ("9112 7.1", chunks(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"), [(b"POST", b"/orders/1", b"0\r\n\r\n")]),
    ("9112 7.1.1", chunks(b'1;a;b=c;d="e f"\r\na\r\n0;x\r\n\r\n'), [(b"POST", b"/orders/1", b"a")]),
    ("9112 7.1.1", chunks(b"1;\r\na\r\n1;;\r\nb\r\n1;a;\r\nc\r\n0;\r\n\r\n"), [(b"POST", b"/orders/1", b"abc")]),
    (
        "9112 7.1.1",
        chunks(b"1;\r\na\r\n0;\r\n\r\n", b"Connection: upgrade", b"Upgrade: websocket"),
        [(b"POST", b"/orders/1", b"a")],
    ),
    (
        "9112 7.1.1",
        post(b"Content-Length: 11", content=b"chunked\r\n\r\n") + chunks(b"1;\r\na\r\n0;\r\n\r\n"),
        [
            (b"POST", b"/orders/1", b"chunked\r\n\r\n"),
            (b"GET", b"/orders/smuggled", b""),
            (b"POST", b"/orders/1", b"a"),
        ],
    ),
    (
        "9110 7.8",
        post(b"Content-Length: 3", b"Connection: upgrade", b"Upgrade: websocket", content=b"abc"),
        [(b"POST", b"/orders/1", b"abc")],
    ),
    (
        "9110 7.8",
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk") + SMUGGLED,
        [(b"GET", b"/orders/1", b"")],
    ),
    # What follows a request that closes is not read (9112 9.6), and there is no second one.
    ("9112 9.6", get(b"Connection: close") + b"\0garbage", [(b"GET", b"/orders/1", b"")]),
    ("9112 9.6", get(b"Connection: close") + GOOD, [(b"GET", b"/orders/1", b"")]),
    ("9112 9.3", get(line=b"GET /orders/1 HTTP/1.0", host=b"") + GOOD, [(b"GET", b"/orders/1", b"")]),
]


@pytest.mark.parametrize(("section", "data", "expected"), TAKEN)
@pytest.mark.parametrize("step", [1, 9, 100_000])
def test_requests_that_are_taken(
    gateway: Harness, section: str, data: bytes, expected: list[tuple[bytes, bytes, bytes]], step: int
) -> None:
    """They reach the backend in one form, readable in one way; a request behind them is one, not part of them."""
    if data.endswith(SMUGGLED):
        expected = [*expected, (b"GET", b"/orders/smuggled", b"")]
    client = gateway.client()
    for start in range(0, len(data), step):
        client.send(data[start : start + step])
    gateway.network.pump()
    seen = seen_by_backend(gateway)
    if not any(message.values(b"Host") == [b""] for message in seen):
        assert [(message.start[0], message.start[1], message.content) for message in seen] == expected, section
    responses = strict.responses(client.received, closed=client.closed is not None)
    assert [response.status for response in responses] == [200] * len(expected)
    assert (client.closed is not None) == (b"close" in data or b"HTTP/1.0" in data)
    gateway.check_quiet()


def test_the_authority_of_the_target_is_the_host(gateway: Harness) -> None:
    """RFC 9112 section 3.2.2: a Host that says something else is replaced."""
    gateway.send(get(line=b"GET http://Other.test:81/orders/1 HTTP/1.1", host=b"Host: h\r\n"))
    (message,) = seen_by_backend(gateway)
    assert message.values(b"Host") == [b"other.test:81"]
    assert message.values(b"X-Forwarded-Host") == [b"other.test:81"]


def test_a_bad_second_request_does_not_take_the_first_with_it(gateway: Harness) -> None:
    """The first is answered in full, then 400, whatever the backend's pace; nothing of the second is sent."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GOOD + b"GET /orders/1 HTTP/1.1\r\nHost : h\r\n\r\n" + SMUGGLED)
    assert client.received == b""
    backend.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    gateway.network.pump()
    check_refused(client, 1, 400, "request.malformed")
    assert [message.start[1] for message in seen_by_backend(gateway)] == [b"/orders/good"]


def test_pipelined_requests_are_answered_in_order(gateway: Harness) -> None:
    """RFC 9112 section 9.3.2."""
    gateway.backend("orders").answer = lambda asked: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
        % (
            len(asked.target),
            asked.target,
        )
    )
    lines = [b"GET /orders/%d HTTP/1.1" % number for number in range(30)]
    client = gateway.send(b"".join(get(line=line) for line in lines))
    responses = strict.responses(client.received)
    assert [response.content for response in responses] == [b"/orders/%d" % number for number in range(30)]
    assert client.closed is None


def test_octets_after_a_closing_request_change_nothing_while_it_is_answered(gateway: Harness) -> None:
    """RFC 9112 section 9.6: though they come in a read of their own, and are a request that is known."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(get(b"Connection: close"))
    gateway.send(GOOD, client)
    backend.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    gateway.network.pump()
    assert [response.content for response in strict.responses(client.received)] == [b"abc"]
    assert len(seen_by_backend(gateway)) == 1


def test_the_first_octets_of_content_are_not_held_back(gateway: Harness) -> None:
    """A client may wait for an answer to them before it sends more."""
    gateway.backend("orders").stall()
    gateway.send(get(b"Transfer-Encoding: chunked", line=b"POST /orders/1 HTTP/1.1") + b"3\r\nabc\r\n")
    assert gateway.backend("orders").connection.received.endswith(b"3\r\nabc\r\n")


@pytest.mark.parametrize("content", [b"zz\r\n", b"1\r\nabc", b"0\r\nX : 1\r\n\r\n"])
def test_content_that_goes_wrong_later_is_refused(gateway: Harness, content: bytes) -> None:
    """The head had reached the backend: its connection is broken off, the client hears why."""
    head = get(b"Transfer-Encoding: chunked", line=b"POST /orders/1 HTTP/1.1") + b"3\r\nabc\r\n"
    client = gateway.send(head)
    gateway.send(content + SMUGGLED, client)
    check_refused(client, 0, 400, "request.malformed")
    link = gateway.backend("orders").connection
    assert link.closed is not None
    assert b"0\r\n\r\n" not in link.received
    assert b"smuggled" not in link.received
    gateway.check_quiet()


@pytest.mark.parametrize(
    ("start", "drip", "reason"),
    [
        (b"GET /orders/1 HTTP/1.1\r\nHost: h\r\n", b"X: 1\r\n", "request.header_too_large"),
        (b"GET /orders/1 HTTP/1.1\r\nHost: h\r\nX: ", b"a" * 100, "request.header_too_large"),
        (b"GET /orders/", b"a" * 100, "request.header_too_large"),
        (b"", b"\r\n" * 50, "request.header_too_large"),
    ],
)
def test_endless_heads_are_cut_off(gateway: Harness, start: bytes, drip: bytes, reason: str) -> None:
    """By `limits.request_header` and `limits.header_fields`, while they are within every time limit."""
    client = gateway.send(GOOD)
    gateway.send(start, client)
    sent = 0
    while client.closed is None and sent < 100_000:
        gateway.send(drip, client)
        sent += len(drip)
    check_refused(client, 1, 431, reason)
    assert sent <= 34_000
    assert len(seen_by_backend(gateway)) == 1


def test_a_head_that_drips_is_out_of_time(gateway: Harness) -> None:
    """`timeouts.client_header` counts from its first octet, also where that came with the end of another request."""
    client = gateway.send(GOOD + b"GET /orders/1 HTTP/1.1\r\nX: ")
    for _ in range(30):
        gateway.advance(0.5)
        client.send(b"a")
    check_refused(client, 1, 408, "request.timeout")


def test_octets_for_a_protocol_that_is_not_there_yet_are_bounded(gateway: Harness) -> None:
    """A client that asked to change protocols and floods before the answer is stopped."""
    gateway.backend("orders").stall()
    client = gateway.send(get(b"Connection: upgrade", b"Upgrade: websocket"))
    for _ in range(64):
        gateway.send(b"x" * 16_384, client)
    channels = [channel for channel in gateway.gateway.site.channels if isinstance(channel, Http1Channel)]
    channel = next(channel for channel in channels if channel._parser.held)
    assert len(channel._parser.held or b"") <= 128 * 1024


def test_smaller_limits_hold_for_heads_that_were_read_before(gateway: Harness) -> None:
    """A reload that lowers `limits.header_fields` counts on the connections that come after it."""
    head = get(*[b"X: 1"] * 50)
    gateway.send(head)
    gateway.apply(limits={"header_fields": 20})
    check_refused(gateway.send(head), 0, 431, "request.header_too_large")
