from __future__ import annotations

import pytest

from gateway.errors import BackendProtocolError, MalformedRequest
from gateway.headers import Headers
from gateway.http1.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    check_host,
    check_singletons,
    chosen_upgrade,
    host_of,
    keeps_alive,
    origin_form,
    request_content,
    response_content,
    wanted_upgrade,
)


def fields(*lines: bytes) -> Headers:
    """Return header fields from lines."""
    return Headers([(line.partition(b":")[0], line.partition(b":")[2].strip()) for line in lines])


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"example.com", b"example.com"),
        (b"EXAMPLE.com:8080", b"example.com:8080"),
        (b"example.com.", b"example.com."),
        (b"a_b.local", b"a_b.local"),
        (b"192.0.2.1:80", b"192.0.2.1:80"),
        (b"[2001:DB8::1]:443", b"[2001:db8::1]:443"),
        (b"[::ffff:192.0.2.1]", b"[::ffff:192.0.2.1]"),
        (b"[::FFFF:c000:201]:80", b"[::ffff:192.0.2.1]:80"),
        (b"[2001:db8:0:0::1]", b"[2001:db8::1]"),
        (b"[2001:0DB8:0:0:0:0:0:0001]", b"[2001:db8::1]"),
        (b"0.0.0.0=5000", b"0.0.0.0=5000"),
        (b"A~b!$&'()*+;%41:80", b"a~b!$&'()*+;%41:80"),
        (b"x", b"x"),
    ],
)
def test_a_host_is_a_name_or_an_address_with_an_optional_port(value: bytes, host: bytes) -> None:
    """RFC 9110 section 7.2; in lower case, and the same the second time."""
    assert check_host(value) == host
    assert check_host(value) == host


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b"a b", b"a,b", b"a, b", b"user@a", b"user:pw@a", b"a/b", b"a?b", b"a#b", b"a\\b", b"a:b", b"a:",
        b"a:80:80", b"a:123456", b":80", b"-a", b"[::1", b"::1", b"[::1]x", b"[g::1]", b"[]", b"a\x00", b"a%00",
        b"a\xe9", b"http://a", b"a\tb", b"a%4", b"a%", b"[:::1]", b"[1.2.3.4]", b"[::1%25eth0]", b'"a"', b"<a>",
        b"a" * 256,
    ],
)  # fmt: skip
def test_what_is_no_host(value: bytes) -> None:
    """Anything that another parser could split elsewhere is refused."""
    with pytest.raises(MalformedRequest):
        check_host(value)


def test_hosts_that_are_remembered_are_few() -> None:
    """A client that makes up names does not fill the memory, and gets right answers."""
    for number in range(5000):
        assert check_host(b"H%d" % number) == b"h%d" % number


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (b"GET", b"/", (b"/", None)),
        (b"GET", b"/a?b=c&d=/?", (b"/a?b=c&d=/?", None)),
        (b"GET", b"//a/b", (b"//a/b", None)),
        (b"OPTIONS", b"*", (b"*", None)),
        (b"OPTIONS", b"http://h", (b"*", b"h")),
        (b"OPTIONS", b"http://h/", (b"/", b"h")),
        (b"GET", b"http://h/a?b", (b"/a?b", b"h")),
        (b"GET", b"HTTPS://h:1", (b"/", b"h:1")),
        (b"GET", b"http://h?b", (b"/?b", b"h")),
        (b"GET", b"http://u@h/", (b"/", b"u@h")),
        (b"GET", b"http:///a", (b"/a", b"")),
    ],
)
def test_targets_in_origin_form(method: bytes, target: bytes, expected: tuple[bytes, bytes | None]) -> None:
    """RFC 9112 section 3.2; the authority is judged by `check_host`."""
    assert origin_form(method, target) == expected


@pytest.mark.parametrize(
    "target",
    [b"*", b"a", b"", b"/a#b", b"/a b", b"/\x7f", b"/\x00", b"/\xe9", b"/\t", b"h:80", b"ftp://h/", b"http:/h", b"http://h/#",
     b"http://h/a b", b"?a", b"\\a", b"file:///etc/passwd", b"http//h"],
)  # fmt: skip
def test_targets_that_are_none(target: bytes) -> None:
    """No fragment (RFC 9110 section 4.2.5), no controls, nothing outside ASCII, no other scheme."""
    with pytest.raises(MalformedRequest):
        origin_form(b"GET", target)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([], 0),
        ([b"Content-Length: 0"], 0),
        ([b"Content-Length: 007"], 7),
        ([b"Content-Length: 123456789012345678"], 123456789012345678),
        ([b"Transfer-Encoding: chunked"], CHUNKED),
        ([b"Transfer-Encoding: Chunked"], CHUNKED),
    ],
)
def test_the_content_of_a_request(lines: list[bytes], length: int) -> None:
    """RFC 9112 section 6.3: a request without framing fields has none."""
    assert request_content(b"1.1", fields(*lines)) == length


BAD_LENGTHS = [b"", b"+1", b"-1", b"1.0", b"0x1", b"1,1", b"1, 1", b"1 1", b"a", b"\xb2", b"1" * 19, "\u0661".encode()]
BAD_CODINGS = [b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, gzip", b"xchunked",
               b"chunked;a", b'"chunked"', b"\x0bchunked", b"chunked\x0b", b"chunked,", b",chunked"]  # fmt: skip


@pytest.mark.parametrize("value", BAD_LENGTHS)
def test_lengths_that_are_none(value: bytes) -> None:
    """RFC 9110 section 8.6: digits, and nothing that could be read in another way."""
    headers = Headers([(b"Content-Length", value)])
    with pytest.raises(MalformedRequest):
        request_content(b"1.1", headers)
    for method, status in ((b"GET", 200), (b"HEAD", 200), (b"GET", 304)):
        with pytest.raises(BackendProtocolError):
            response_content(method, status, b"1.1", headers)


@pytest.mark.parametrize("value", BAD_CODINGS)
def test_codings_that_are_not_taken(value: bytes) -> None:
    """RFC 9112 section 6.1: chunked, and only that."""
    headers = Headers([(b"Transfer-Encoding", value)])
    with pytest.raises(MalformedRequest):
        request_content(b"1.1", headers)
    with pytest.raises(BackendProtocolError):
        response_content(b"GET", 200, b"1.1", headers)


def test_two_framings_are_none() -> None:
    """RFC 9112 section 6.3 rule 3, and none in HTTP/1.0 (section 6.1)."""
    both = fields(b"Content-Length: 3", b"Transfer-Encoding: chunked")
    chunked = fields(b"Transfer-Encoding: chunked")
    for version, headers in ((b"1.1", both), (b"1.0", both), (b"1.0", chunked)):
        with pytest.raises(MalformedRequest):
            request_content(version, headers)
        with pytest.raises(BackendProtocolError):
            response_content(b"GET", 200, version, headers)


@pytest.mark.parametrize(
    ("method", "status", "line", "length"),
    [
        (b"GET", 200, b"X: 1", UNTIL_CLOSE),
        (b"GET", 200, b"Content-Length: 3", 3),
        (b"GET", 200, b"Content-Length: 0", 0),
        (b"GET", 200, b"Transfer-Encoding: chunked", CHUNKED),
        (b"HEAD", 200, b"Content-Length: 3", 0),
        (b"HEAD", 200, b"Transfer-Encoding: chunked", 0),
        (b"HEAD", 200, b"X: 1", 0),
        (b"GET", 204, b"X: 1", 0),
        (b"GET", 304, b"Content-Length: 3", 0),
        (b"GET", 205, b"Content-Length: 3", 3),
    ],
)
def test_the_content_of_a_response(method: bytes, status: int, line: bytes, length: int) -> None:
    """RFC 9112 section 6.3: the method and the status come before the fields."""
    assert response_content(method, status, b"1.1", fields(line)) == length


@pytest.mark.parametrize("name", [b"Host", b"content-length", b"TRANSFER-ENCODING"])
def test_fields_that_stand_once(name: bytes) -> None:
    """RFC 9112 sections 3.2 and 6.3, even where the lines are the same."""
    check_singletons(Headers([(name, b"1"), (b"X", b"1"), (b"X", b"1")]), MalformedRequest)
    with pytest.raises(BackendProtocolError, match="more than once"):
        check_singletons(Headers([(name, b"1"), (name.lower(), b"1")]), BackendProtocolError)


@pytest.mark.parametrize(
    ("version", "lines", "keeps"),
    [
        (b"1.1", [], True),
        (b"1.1", [b"Connection: close"], False),
        (b"1.1", [b"Connection: a", b"Connection: CLOSE"], False),
        (b"1.1", [b"Connection: keep-alive, close"], False),
        (b"1.1", [b"Connection: closed"], True),
        (b"1.0", [], False),
        (b"1.0", [b"Connection: Keep-Alive"], True),
        (b"1.0", [b"Connection: keep-alive, close"], False),
    ],
)
def test_whether_a_connection_goes_on(version: bytes, lines: list[bytes], keeps: bool) -> None:
    """RFC 9112 section 9.3; `close` wins."""
    assert keeps_alive(version, fields(*lines)) is keeps


@pytest.mark.parametrize(
    ("version", "lines", "wanted"),
    [
        (b"1.1", [b"Connection: Upgrade", b"Upgrade: websocket"], b"websocket"),
        (b"1.1", [b"Connection: a, upgrade", b"Upgrade: a/1", b"Upgrade: b"], b"a/1, b"),
        (b"1.1", [b"Upgrade: websocket"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: a/1,, b,", b"Upgrade:"], b"a/1, b"),
        (b"1.1", [b"Connection: upgrade", b"Upgrade:"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: , ,"], None),
        (b"1.1", [b"Connection: upgrade"], None),
        (b"1.0", [b"Connection: upgrade", b"Upgrade: websocket"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: h2c"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: websocket, H2C"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: HTTP/2.0"], None),
        (b"1.1", [b"Connection: upgrade", b"Upgrade: TLS/1.0"], None),
    ],
)
def test_which_change_of_protocol_is_asked_for(version: bytes, lines: list[bytes], wanted: bytes | None) -> None:
    """RFC 9110 section 7.8; another HTTP, or TLS, would lead past the gateway."""
    assert wanted_upgrade(version, fields(*lines)) == wanted


def test_the_protocol_that_a_backend_chose() -> None:
    """One of those that the client named, whatever its case."""
    assert chosen_upgrade(b"a/1, WebSocket", fields(b"Connection: Upgrade", b"Upgrade: websocket")) == b"websocket"
    assert chosen_upgrade(b"websocket", fields(b"Connection: Upgrade", b"Upgrade: websocket,")) == b"websocket"


@pytest.mark.parametrize(
    ("wanted", "lines", "words"),
    [
        (None, [b"Connection: upgrade", b"Upgrade: websocket"], "without being asked"),
        (b"websocket", [b"Connection: upgrade"], "without saying to which"),
        (b"websocket", [b"Connection: upgrade", b"Upgrade: ,"], "without saying to which"),
        (b"websocket", [b"Upgrade: websocket"], "without saying to which"),
        (b"websocket", [b"Connection: upgrade", b"Upgrade: h2c"], "nobody asked for"),
        (b"websocket", [b"Connection: upgrade", b"Upgrade: websocket, h2c"], "nobody asked for"),
    ],
)
def test_a_protocol_that_a_backend_may_not_choose(wanted: bytes | None, lines: list[bytes], words: str) -> None:
    """RFC 9110 section 7.8: the two ends would read on differently."""
    with pytest.raises(BackendProtocolError, match=words):
        chosen_upgrade(wanted, fields(*lines))


@pytest.mark.parametrize(
    ("version", "lines", "authority", "host"),
    [
        (b"1.1", [b"Host: A.example:80"], None, b"a.example:80"),
        (b"1.1", [b"Host: a"], b"B", b"b"),
        (b"1.1", [b"Host: "], b"b", b"b"),
        (b"1.0", [], None, b""),
        (b"1.0", [], b"b", b"b"),
        (b"1.0", [b"Host: a"], None, b"a"),
    ],
)
def test_whom_a_request_is_for(version: bytes, lines: list[bytes], authority: bytes | None, host: bytes) -> None:
    """RFC 9112 section 3.2.2: an absolute target comes before Host."""
    assert host_of(version, fields(*lines), authority) == host


@pytest.mark.parametrize(
    ("version", "lines", "authority"),
    [
        (b"1.1", [], None),
        (b"1.1", [], b"b"),
        (b"1.1", [b"Host: "], None),
        (b"1.1", [b"Host: a b"], b"b"),
        (b"1.1", [b"Host: a"], b"a b"),
        (b"1.0", [b"Host: "], None),
    ],
)
def test_who_does_not_say_whom_it_is_for(version: bytes, lines: list[bytes], authority: bytes | None) -> None:
    """HTTP/1.1 must, and what is said must be a host."""
    with pytest.raises(MalformedRequest):
        host_of(version, fields(*lines), authority)
