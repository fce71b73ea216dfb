"""What backends may answer: octets in, octets out to the client.

One row a rule, with its section of RFC 9110 (9110) or RFC 9112 (9112). A bad
answer is a 502, or breaks the client's connection off where its head is out
already: never is anything cut short without the client being able to tell.
"""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost

from gateway.testing import FakeClient, Harness
from tests.conformance import strict

Fields = list[tuple[bytes, bytes]]


def answer(*fields: bytes, content: bytes = b"", status: bytes = b"200 OK", version: bytes = b"1.1") -> bytes:
    """Return an answer with these field lines."""
    return b"HTTP/%b %b\r\n" % (version, status) + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + content


OK = answer(b"Content-Length: 2", content=b"ok")
CHUNKED = b"Transfer-Encoding: chunked"
ADDED = {b"date", b"via", b"x-request-id", b"connection", b"content-length", b"transfer-encoding"}
LIMIT = 8192


@pytest.fixture
def gateway() -> Harness:
    """A gateway whose backend has answered before."""
    harness = Harness("orders", limits={"response_header": LIMIT})
    harness.backend("orders").answers(OK)
    harness.get("/orders/1")
    harness.backend("orders").stall()
    return harness


def ask(gateway: Harness, method: bytes = b"GET", *fields: bytes, version: bytes = b"1.1") -> FakeClient:
    """Send a request; the backend says nothing yet."""
    return gateway.send(
        b"%b /orders/1 HTTP/%b\r\nHost: h\r\n" % (method, version)
        + b"".join(field + b"\r\n" for field in fields)
        + b"\r\n"
    )


def reply(gateway: Harness, *parts: bytes) -> None:
    """Let the backend answer the request that it has."""
    for part in parts:
        gateway.backend("orders").connection.send(part)
        gateway.network.pump()


BAD = [
    ("9112 6.3", answer(b"Content-Length: 2", CHUNKED, content=b"0\r\n\r\n")),
    ("9112 6.3", answer(CHUNKED, b"Content-Length: 5", content=b"0\r\n\r\n")),
    ("9112 6.3", answer(b"Content-Length: 2", b"Content-Length: 3", content=b"ok!")),
    ("9112 6.3", answer(b"Content-Length: 2", b"Content-Length: 2", content=b"ok")),
    ("9112 6.3", answer(b"Content-Length: 2, 2", content=b"ok")),
    ("9110 8.6", answer(b"Content-Length: +2", content=b"ok")),
    ("9110 8.6", answer(b"Content-Length: two", content=b"ok")),
    ("9110 8.6", answer(b"Content-Length: " + b"9" * 30, content=b"ok")),
    ("9112 6.1", answer(b"Transfer-Encoding: gzip", content=b"ok")),
    ("9112 6.1", answer(b"Transfer-Encoding: gzip, chunked", content=b"0\r\n\r\n")),
    ("9112 6.1", answer(b"Transfer-Encoding: xchunked", content=b"0\r\n\r\n")),
    ("9112 6.1", answer(CHUNKED, CHUNKED, content=b"0\r\n\r\n")),
    ("9112 6.1", answer(CHUNKED, content=b"0\r\n\r\n", version=b"1.0")),
    ("9112 5.1", answer(b"Content-Length : 2", content=b"ok")),
    ("9112 5.2", answer(b"X: a", b" b", b"Content-Length: 2", content=b"ok")),
    ("9110 5.5", answer(b"X: a\0b", b"Content-Length: 2", content=b"ok")),
    ("9110 5.5", answer(b"X: a\rSet-Cookie: b", b"Content-Length: 2", content=b"ok")),
    ("9112 2.2", OK.replace(b"\r\n", b"\n")),
    ("9112 2.2", b"\r\n" + OK),
    ("9112 2.2", b"x" + OK),
    ("9112 2.3", answer(b"Content-Length: 2", content=b"ok", version=b"2.0")),
    ("9112 2.3", answer(b"Content-Length: 2", content=b"ok", version=b"0.9")),
    ("9112 2.3", b"RTSP" + OK[4:]),
    ("9112 2.3", b"<html>It works!</html>"),
    ("9112 4", answer(b"Content-Length: 2", content=b"ok", status=b"2OO OK")),
    ("9112 4", answer(b"Content-Length: 2", content=b"ok", status=b"20 OK")),
    ("9112 4", answer(b"Content-Length: 2", content=b"ok", status=b"2000 OK")),
    ("9112 4", answer(b"Content-Length: 2", content=b"ok", status=b"200 a\0b")),
    ("9112 4", answer(b"Content-Length: 2", content=b"ok", status=b"200 a\x7fb")),
    ("9112 4", answer(status=b"103 a\x01b") + OK),
    ("9110 15", answer(b"Content-Length: 2", content=b"ok", status=b"099 OK")),
    ("9110 15", answer(b"Content-Length: 2", content=b"ok", status=b"0600 OK")),
    ("9110 15.2.2", answer(b"Connection: upgrade", b"Upgrade: a", status=b"101 Switching Protocols")),
    ("9110 15.2.2", answer(status=b"101 Switching Protocols") + OK),
    ("9110 15.2", answer(status=b"103 Early Hints") * 33 + OK),
    ("9112 7.1", answer(CHUNKED, content=b"zz\r\n")),
    ("9112 7.1.2", answer(CHUNKED, content=b"0\r\nContent-Length: 5\r\n\r\n")),
    ("9112 7.1.2", answer(CHUNKED, content=b"0\r\nX : 5\r\n\r\n")),
    ("9112 7.1.2", answer(CHUNKED, content=b"0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")),
    ("9110 5.4", answer(b"X: " + b"a" * 2 * LIMIT, b"Content-Length: 2", content=b"ok")),
    ("9110 5.4", answer(b"X: " + b"a" * 2 * LIMIT)[:-4]),
    ("9110 5.4", answer(*[b"X: 1"] * LIMIT, content=b"ok")),
]


@pytest.mark.parametrize(("section", "data"), BAD)
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_bad_answers_are_a_502(gateway: Harness, section: str, data: bytes, method: bytes) -> None:
    """Nothing of them reaches the client, whose connection goes on; the backend's is broken off."""
    if method == b"HEAD" and section.startswith("9112 7.1"):
        return  # there are no chunks in an answer to HEAD
    client = ask(gateway, method)
    link = gateway.backend("orders").connection
    reply(gateway, data)
    *interims, final = strict.responses(client.received, method)
    assert all(interim.status == 103 for interim in interims)
    assert final.status == 502, section
    assert final.values(b"Gateway-Reason") == [b"upstream.protocol"]
    assert client.closed is None
    assert link.closed is not None
    gateway.check_quiet()
    gateway.backend("orders").answers(OK)
    gateway.send(b"GET /orders/2 HTTP/1.1\r\nHost: h\r\n\r\n", client)
    assert strict.responses(client.received, method)[-1].content == b"ok"


@pytest.mark.parametrize(("section", "data"), BAD)
def test_bad_answers_never_pass_for_good_ones(gateway: Harness, section: str, data: bytes) -> None:
    """Octet by octet: a 502, or the client broken off with its message unfinished."""
    client = ask(gateway)
    link = gateway.backend("orders").connection
    for start in range(min(len(data), 300)):
        link.send(data[start : start + 1])
    link.send(data[300:])
    gateway.network.pump()
    if client.closed is None:
        final = strict.responses(client.received)[-1]
        assert (final.status, final.values(b"Gateway-Reason")) == (502, [b"upstream.protocol"]), section
    else:
        assert section.startswith("9112 7.1")
        with pytest.raises(strict.Ambiguous):
            strict.responses(client.received)
    assert link.closed is not None
    gateway.check_quiet()


GOOD: list[tuple[str, bytes, list[bytes], int, bytes, bool]] = [
    # section, method, what comes, status, content, whether the backend's connection goes on
    ("9112 6.3", b"GET", [OK], 200, b"ok", True),
    ("9112 6.3", b"GET", [OK[:10], OK[10:-1], OK[-1:]], 200, b"ok", True),
    ("9112 6.3", b"GET", [answer(b"Content-Length: 0")], 200, b"", True),
    ("9112 7.1", b"GET", [answer(CHUNKED, content=b"2\r\nok\r\n0\r\n\r\n")], 200, b"ok", True),
    ("9112 7.1", b"GET", [answer(CHUNKED), b"0001;a=b\r\no\r\n1\r\nk\r\n", b"00\r\n\r\n"], 200, b"ok", True),
    ("9112 7.1", b"GET", [answer(CHUNKED, content=b"0\r\n\r\n")], 200, b"", True),
    ("9112 9.3", b"GET", [answer(b"Content-Length: 2", b"Connection: close", content=b"ok")], 200, b"ok", False),
    ("9112 9.3", b"GET", [answer(b"Content-Length: 2", content=b"ok", version=b"1.0")], 200, b"ok", False),
    (
        "9112 9.3",
        b"GET",
        [answer(b"Content-Length: 2", b"Connection: keep-alive", content=b"ok", version=b"1.0")],
        200,
        b"ok",
        True,
    ),
    ("9110 9.3.2", b"HEAD", [answer(b"Content-Length: 5")], 200, b"", True),
    ("9110 9.3.2", b"HEAD", [answer(CHUNKED)], 200, b"", True),
    ("9110 9.3.2", b"HEAD", [answer(b"X: 1")], 200, b"", True),
    ("9110 9.3.2", b"HEAD", [answer(b"Content-Length: 5", content=b"hello")], 200, b"", False),
    ("9110 15.3.5", b"GET", [answer(status=b"204 No Content")], 204, b"", True),
    ("9110 15.3.5", b"GET", [answer(b"Content-Length: 5", status=b"204 No Content")], 204, b"", True),
    ("9110 15.3.5", b"GET", [answer(b"Content-Length: 5", content=b"hello", status=b"204 N")], 204, b"", False),
    ("9110 15.4.5", b"GET", [answer(b"Content-Length: 5", status=b"304 Not Modified")], 304, b"", True),
    ("9110 15.4.5", b"GET", [answer(CHUNKED, status=b"304 Not Modified")], 304, b"", True),
    ("9112 9.2", b"GET", [OK + b"x"], 200, b"ok", False),
    ("9112 9.2", b"GET", [OK + OK], 200, b"ok", False),
    ("9112 9.2", b"GET", [OK[:-1], OK[-1:] + OK], 200, b"ok", False),
    ("9112 9.2", b"GET", [OK + answer(b"Connection: upgrade", b"Upgrade: a", status=b"101 X")], 200, b"ok", False),
    ("9112 9.2", b"GET", [answer(CHUNKED, content=b"2\r\nok\r\n0\r\n\r\nrest")], 200, b"ok", False),
    ("9112 9.2", b"GET", [OK, b"HTTP/1.1 408 Request Timeout\r\n\r\n"], 200, b"ok", False),
    ("9112 4", b"GET", [answer(b"Content-Length: 2", content=b"ok", status=b"299 ")], 299, b"ok", True),
    ("9110 15", b"GET", [answer(b"Content-Length: 2", content=b"no", status=b"404 Not Here")], 404, b"no", True),
    ("9110 15", b"GET", [answer(b"Content-Length: 2", content=b"no", status=b"599 X")], 599, b"no", True),
]


@pytest.mark.parametrize(("section", "method", "parts", "status", "content", "keeps"), GOOD)
@pytest.mark.parametrize("again", [False, True])
def test_good_answers(
    gateway: Harness,
    section: str,
    method: bytes,
    parts: list[bytes],
    status: int,
    content: bytes,
    keeps: bool,
    again: bool,
) -> None:
    """Status and content reach the client, in one reading; what is behind them never does, the second time too."""
    for _ in range(1 + again):
        client = ask(gateway, method)
        link = gateway.backend("orders").connection
        reply(gateway, *parts)
        (message,) = strict.responses(client.received, method)
        assert (message.status, message.content) == (status, content), section
        assert message.values(b"Connection") == []
        assert (link.closed is None) == keeps
        assert client.closed is None
        gateway.check_quiet()


@pytest.mark.parametrize(
    ("method", "head", "said"),
    [
        (b"HEAD", answer(b"Content-Length: 5"), [b"5"]),
        (b"HEAD", answer(CHUNKED), []),
        (b"HEAD", answer(), []),
        (b"GET", answer(b"Content-Length: 5", status=b"304 Not Modified"), [b"5"]),
        (b"GET", answer(status=b"304 Not Modified"), []),
        (b"GET", answer(b"Content-Length: 5", status=b"204 No Content"), []),
    ],
)
def test_the_length_of_content_that_is_not_sent(
    gateway: Harness, method: bytes, head: bytes, said: list[bytes]
) -> None:
    """RFC 9110 section 8.6: as the backend said, and not where it may not be said."""
    client = ask(gateway, method)
    reply(gateway, head)
    (message,) = strict.responses(client.received, method)
    assert message.values(b"Content-Length") == said


def test_content_until_the_end_of_the_connection(gateway: Harness) -> None:
    """RFC 9112 section 6.3 rule 8: to an HTTP/1.1 client in chunks, complete when the backend closed in good order."""
    client = ask(gateway)
    reply(gateway, answer(b"X: 1", content=b"abc"), b"d" * 100_000)
    assert not client.received.endswith(b"0\r\n\r\n")
    gateway.backend("orders").connection.close()
    gateway.network.pump()
    (message,) = strict.responses(client.received)
    assert message.content == b"abc" + b"d" * 100_000
    assert client.closed is None
    gateway.check_quiet()


@pytest.mark.parametrize(
    "parts",
    [
        [answer(CHUNKED, content=b"2\r\nok\r\n0\r\n\r\n")],
        [answer(CHUNKED), b"1\r\no\r\n1\r\nk\r\n0\r\nX-Sum: 1\r\n\r\n"],
    ],
)
def test_chunks_for_an_http_1_0_client_end_with_the_connection(gateway: Harness, parts: list[bytes]) -> None:
    """RFC 9112 section 6.1: it does not know chunks, though it would have kept the connection."""
    client = ask(gateway, b"GET", b"Connection: keep-alive", version=b"1.0")
    reply(gateway, *parts)
    assert client.closed is not None
    (message,) = strict.responses(client.received, closed=True)
    assert message.content == b"ok"
    assert message.values(b"Connection") == [b"close"]
    assert message.values(b"Transfer-Encoding") == []


EARLY = [
    b"",
    OK[:10],
    OK[:-2],
    OK[:-1],
    answer(CHUNKED),
    answer(CHUNKED, content=b"2\r\nok\r\n"),
    answer(CHUNKED, content=b"2\r\nok\r\n0\r\n"),
    answer(CHUNKED, content=b"2\r\nok\r\n0\r\nX-Sum: 1\r\n"),
    answer(b"Content-Length: 200000", content=b"x" * 199_999),
    answer(status=b"103 Early Hints"),
]


@pytest.mark.parametrize("data", EARLY)
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_answer_that_ends_early_is_never_complete(
    gateway: Harness, data: bytes, resets: bool, version: bytes
) -> None:
    """RFC 9112 section 8: a 502 while nothing is out; afterwards the client's connection is broken off."""
    client = ask(gateway, b"GET", b"Connection: keep-alive", b"X-A: 1", version=version)
    link = gateway.backend("orders").connection
    before = len(gateway.backend("orders").connections)
    reply(gateway, data)
    if resets:
        link.reset()
    else:
        link.close()
    gateway.network.pump()
    if data == b"" and len(gateway.backend("orders").connections) > before:
        reply(gateway, OK)  # the keep-alive race: asked once more, on a fresh connection
        assert strict.responses(client.received)[-1].content == b"ok"
        return
    if b"HTTP/1.1 502" in client.received:
        final = strict.responses(client.received)[-1]
        assert final.values(b"Gateway-Reason") == [b"upstream.reset"]
        assert client.closed is None
    else:
        assert client.closed is not None
        assert client.closed.check(ConnectionLost)
        if b"200 OK" in client.received and version == b"1.1":
            with pytest.raises(strict.Ambiguous):
                strict.responses(client.received)
    gateway.check_quiet()


@pytest.mark.parametrize("more", [b"zz\r\n", b"2\r\nokk\r\n", b"0\r\nX : 1\r\n\r\n", b"1;" + b"a" * 100_000])
def test_content_that_goes_wrong_breaks_the_client_off(gateway: Harness, more: bytes) -> None:
    """Its head was out: only a broken connection says that the content is not whole."""
    client = ask(gateway)
    link = gateway.backend("orders").connection
    reply(gateway, answer(CHUNKED, content=b"2\r\nok\r\n"), more)
    assert client.received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not client.received.endswith(b"0\r\n\r\n")
    assert client.closed is not None
    assert link.closed is not None
    gateway.check_quiet()


def test_octets_on_an_idle_connection_close_it(gateway: Harness) -> None:
    """RFC 9112 section 9.2: they answer nothing, above all not the next request."""
    link = gateway.backend("orders").connection
    link.send(answer(b"Content-Length: 8", content=b"poisoned"))
    gateway.network.pump()
    assert link.closed is not None
    gateway.backend("orders").answers(OK)
    assert gateway.get("/orders/2").body == b"ok"


def test_a_greeting_is_no_answer() -> None:
    """Octets that came before anything was asked are refused."""
    gateway = Harness("orders")
    gateway.backend("orders").greeting = b"220 mail ready\r\n"
    gateway.backend("orders").answers(OK)
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert strict.responses(client.received)[-1].status == 502


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ([b"X-B: 1", b"x-a: 2", b"X-B: 3"], [(b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3")]),
        ([b"Set-Cookie: a=1; Path=/", b"Set-Cookie: b=2"], [(b"Set-Cookie", b"a=1; Path=/"), (b"Set-Cookie", b"b=2")]),
        ([b"X:  a \t", b"Y:"], [(b"X", b"a"), (b"Y", b"")]),
        ([b"X: caf\xe9"], [(b"X", b"caf\xe9")]),
        ([b"Connection: X-Hop, close", b"X-Hop: 1", b"x-hop: 2", b"X-End: 3"], [(b"X-End", b"3")]),
        ([b"Keep-Alive: 5", b"Proxy-Connection: x", b"Upgrade: a", b"TE: b", b"X-End: 3"], [(b"X-End", b"3")]),
        ([b"Proxy-Authenticate: Basic", b"Transfer_Encoding: chunked", b"X-End: 3"], [(b"X-End", b"3")]),
        ([b"X-User-Id: 7", b"Server: s", b"Trailer: X"], [(b"X-User-Id", b"7"), (b"Server", b"s"), (b"Trailer", b"X")]),
    ],
)
@pytest.mark.parametrize("framing", [b"Content-Length: 2", CHUNKED])
def test_the_fields_of_an_answer(gateway: Harness, sent: list[bytes], got: Fields, framing: bytes) -> None:
    """RFC 9110 sections 5.3 and 7.6.1: order, case and repetition kept, what is for one hop dropped."""
    for _ in range(2):
        client = ask(gateway)
        reply(gateway, answer(*sent, framing, content=b"ok" if framing != CHUNKED else b"2\r\nok\r\n0\r\n\r\n"))
        (message,) = strict.responses(client.received)
        assert [field for field in message.fields if field[0].lower() not in ADDED] == got
        assert len(message.values(b"Date")) == len(message.values(b"Via")) == 1


def test_the_date_of_the_origin_stays(gateway: Harness) -> None:
    """RFC 9110 section 6.6.1."""
    client = ask(gateway)
    reply(gateway, answer(b"Date: Sun, 06 Nov 1994 08:49:37 GMT", b"Via: 1.0 inner", b"Content-Length: 0"))
    (message,) = strict.responses(client.received)
    assert message.values(b"Date") == [b"Sun, 06 Nov 1994 08:49:37 GMT"]
    assert message.values(b"Via") == [b"1.0 inner", b"1.1 gateway"]


def test_trailers_cross_but_for_those_that_a_head_must_carry(gateway: Harness) -> None:
    """RFC 9110 section 6.5.1."""
    client = ask(gateway)
    trailers = b"X-Sum: 1\r\nContent-Type: a\r\nSet-Cookie: a\r\nConnection: x-sum\r\nX-Sum: 2\r\n"
    reply(gateway, answer(CHUNKED, content=b"2\r\nok\r\n"), b"0\r\n" + trailers + b"\r\n")
    (message,) = strict.responses(client.received)
    assert message.trailers == [(b"X-Sum", b"1"), (b"X-Sum", b"2")]
