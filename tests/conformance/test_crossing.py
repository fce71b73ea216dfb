"""What of a request crosses to the backend, and what the gateway says in its place."""

from __future__ import annotations

import pytest

from gateway.testing import FakeClient, Harness
from tests.conformance import strict

Fields = list[tuple[bytes, bytes]]
REMADE = {b"host", b"x-request-id", b"traceparent", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host",
          b"x-real-ip", b"via", b"content-length", b"transfer-encoding"}  # fmt: skip
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture
def gateway() -> Harness:
    """A gateway with one route and a backend that answers."""
    return Harness("orders")


def forwarded(
    gateway: Harness, *fields: bytes, line: bytes = b"GET /orders/1 HTTP/1.1", content: bytes = b""
) -> strict.Message:
    """Send a request and return what the backend got."""
    gateway.send(line + b"\r\nHost: h\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + content)
    return strict.requests(gateway.backend("orders").connection.received)[-1]


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ([b"X-B: 1", b"x-a: 2", b"X-B: 3"], [(b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3")]),
        ([b"Cookie: a", b"Cookie: b"], [(b"Cookie", b"a"), (b"Cookie", b"b")]),
        ([b"X:   a\t ", b"Y:"], [(b"X", b"a"), (b"Y", b"")]),
        ([b"X: caf\xe9"], [(b"X", b"caf\xe9")]),
        # RFC 9110 section 7.6.1
        ([b"Connection: X-Hop, keep-alive", b"X-Hop: 1", b"x-hop: 2", b"X-End: 3"], [(b"X-End", b"3")]),
        ([b"Connection: X-Hop", b"Connection: X-Other", b"X-Hop: 1", b"X-Other: 2"], []),
        ([b"Keep-Alive: 5", b"Proxy-Connection: keep-alive", b"Upgrade: a", b"X-End: 3"], [(b"X-End", b"3")]),
        ([b"Proxy-Authorization: Basic eDp5", b"Authorization: Basic eDp5"], [(b"Authorization", b"Basic eDp5")]),
        ([b"TE: gzip"], []),
        ([b"TE: trailers, deflate;q=0.5"], [(b"Connection", b"TE"), (b"TE", b"trailers")]),
        ([b"HTTP2-Settings: AAMA", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"], []),
        ([b"Transfer_Encoding: chunked", b"Content_Length: 9", b"Content.Length: 9"], []),
        # Naming what the gateway says itself unsets none of it.
        ([b"Connection: Host, X-Forwarded-For, X-Real-IP, Via, X-Request-ID, traceparent, Content-Length"], []),
        # Identity is for the gateway to say.
        (
            [b"X-User-ID: 1", b"x-user-roles: admin", b"X_User_Id: 1", b"X-User_Id: 1", b"X.User.Id: 1", b"X-USER-: 1"],
            [],
        ),
        ([b"X-Users: 1", b"User-Agent: x"], [(b"X-Users", b"1"), (b"User-Agent", b"x")]),
        # Forwarding and request ids in other spellings.
        ([b"X_Forwarded_For: 203.0.113.9", b"X.Real.IP: 203.0.113.9", b"X_Request_ID: 5"], []),
        ([b"Expect: 100-continue"], [(b"Expect", b"100-continue")]),
    ],
)
def test_the_fields_of_a_request(gateway: Harness, sent: list[bytes], got: Fields) -> None:
    """Order, case and repetition kept; what is for one hop, or not for clients to say, dropped. Known heads too."""
    for _ in range(3):
        message = forwarded(gateway, *sent)
        assert [field for field in message.fields if field[0].lower() not in REMADE] == got
        for name in (
            b"X-Forwarded-For",
            b"X-Forwarded-Proto",
            b"X-Forwarded-Host",
            b"X-Real-IP",
            b"Via",
            b"X-Request-ID",
        ):
            assert len(message.values(name)) == 1, name
        assert message.values(b"Host") == [b"h"]
        assert message.values(b"X-Real-IP") == [b"192.0.2.1"]


@pytest.mark.parametrize(
    ("trusted", "sent", "name", "got"),
    [
        ([], [b"X-Forwarded-For: 203.0.113.9"], b"X-Forwarded-For", [b"203.0.113.9, 192.0.2.1"]),
        ([], [b"X-Forwarded-For: a", b"x-forwarded-for: b"], b"X-Forwarded-For", [b"a, b, 192.0.2.1"]),
        ([], [b"X-Forwarded-Proto: https"], b"X-Forwarded-Proto", [b"http"]),
        ([], [b"X-Forwarded-Host: bank.test"], b"X-Forwarded-Host", [b"h"]),
        ([], [b"X-Real-IP: 203.0.113.9"], b"X-Real-IP", [b"192.0.2.1"]),
        ([], [b"X-Request-ID: mine"], b"X-Request-ID", None),
        (["192.0.2.0/24"], [b"X-Forwarded-For: 203.0.113.9"], b"X-Real-IP", [b"203.0.113.9"]),
        (["192.0.2.0/24"], [b"X-Forwarded-Proto: https"], b"X-Forwarded-Proto", [b"https"]),
        (["192.0.2.0/24"], [b"X-Request-ID: theirs"], b"X-Request-ID", [b"theirs"]),
        ([], [b"Via: 1.0 outer"], b"Via", [b"1.0 outer, 1.1 gateway"]),
    ],
)
def test_who_forwards_for_whom(trusted: list[str], sent: list[bytes], name: bytes, got: list[bytes] | None) -> None:
    """`trusted_proxies` are believed, others are only quoted."""
    gateway = Harness("orders", trusted_proxies=trusted)
    values = forwarded(gateway, *sent).values(name)
    if got is None:
        assert len(values) == 1
        assert values != [b"mine"]
    else:
        assert b", ".join(values) == b", ".join(got)


def test_a_request_without_a_host_gets_the_name_of_its_backend(gateway: Harness) -> None:
    """A client of HTTP/1.0 need not name one, and servers refuse an empty one; the backend is not told of another."""
    gateway.send(b"GET /orders/1 HTTP/1.0\r\n\r\n")
    (message,) = strict.requests(gateway.backend("orders").connection.received)
    (url,) = [backend["url"] for upstream in gateway.configuration["upstreams"] for backend in upstream["backends"]]
    assert message.values(b"Host") == [url.partition("://")[2].encode()]
    assert message.values(b"X-Forwarded-Host") == []


def test_via_names_the_version_that_was_spoken(gateway: Harness) -> None:
    """RFC 9110 section 7.6.3; the backend is always spoken to in HTTP/1.1."""
    message = forwarded(gateway, line=b"GET /orders/1 HTTP/1.0")
    assert message.values(b"Via") == [b"1.0 gateway"]


@pytest.mark.parametrize(
    ("line", "fields", "content", "framing"),
    [
        (b"GET /orders/1 HTTP/1.1", [], b"", []),
        (b"POST /orders/1 HTTP/1.1", [], b"", [(b"Content-Length", b"0")]),
        (b"POST /orders/1 HTTP/1.1", [b"Content-Length: 003"], b"abc", [(b"Content-Length", b"3")]),
        (b"GET /orders/1 HTTP/1.1", [b"Content-Length: 3"], b"abc", [(b"Content-Length", b"3")]),
        (
            b"PUT /orders/1 HTTP/1.1",
            [b"Transfer-Encoding: chunked"],
            b"3;x\r\nabc\r\n0\r\n\r\n",
            [(b"Transfer-Encoding", b"chunked")],
        ),
        (b"DELETE /orders/1 HTTP/1.1", [b"Content-Length: 0"], b"", [(b"Content-Length", b"0")]),
    ],
)
def test_framing_is_written_anew(
    gateway: Harness, line: bytes, fields: list[bytes], content: bytes, framing: Fields
) -> None:
    """RFC 9112 section 6: from what was understood, never copied."""
    message = forwarded(gateway, *fields, line=line, content=content)
    assert [field for field in message.fields if field[0] in (b"Content-Length", b"Transfer-Encoding")] == framing
    assert message.content == (b"abc" if content else b"")


def test_request_trailers_cross_but_for_those_that_a_head_must_carry(gateway: Harness) -> None:
    """RFC 9110 section 6.5.1; nor do identity and forwarding come in by this door."""
    trailers = [b"X-Sum: 1", b"Host: x", b"X-User-Id: 1", b"X_User_Id: 1", b"X-Forwarded-For: 203.0.113.9",
                b"If-Match: 5", b"Authorization: x", b"X-Sum: 2"]  # fmt: skip
    content = b"3\r\nabc\r\n0\r\n" + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"
    message = forwarded(gateway, b"Transfer-Encoding: chunked", line=b"POST /orders/1 HTTP/1.1", content=content)
    assert message.trailers == [(b"X-Sum", b"1"), (b"X-Sum", b"2")]


# -- interim responses


def expect(gateway: Harness, version: bytes = b"1.1") -> FakeClient:
    """Announce content and wait to be told to go on."""
    gateway.backend("orders").stall()
    return gateway.send(
        b"POST /orders/1 HTTP/%b\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n" % version
    )


def test_a_backend_tells_the_client_to_go_on(gateway: Harness) -> None:
    """RFC 9110 section 10.1.1: the expectation and the 100 both cross, then the content and the answer."""
    client = expect(gateway)
    link = gateway.backend("orders").connection
    assert b"Expect: 100-continue\r\n" in link.received
    link.send(CONTINUE)
    gateway.network.pump()
    assert client.received == CONTINUE
    gateway.send(b"abc", client)
    assert strict.requests(link.received)[-1].content == b"abc"
    link.send(OK)
    gateway.network.pump()
    assert [response.status for response in strict.responses(client.received)] == [100, 200]
    assert client.closed is None
    gateway.check_quiet()


def test_a_backend_answers_without_the_content(gateway: Harness) -> None:
    """The client may send it or not: its connection ends, and what it sends is no request."""
    client = expect(gateway)
    link = gateway.backend("orders").connection
    link.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
    gateway.network.pump()
    (response,) = strict.responses(client.received)
    assert (response.status, response.values(b"Connection")) == (417, [b"close"])
    gateway.send(b"GET /orders/smuggled HTTP/1.1\r\nHost: h\r\n\r\n", client)
    assert [asked.target for asked in gateway.backend("orders").requests] == [b"/orders/1"]
    gateway.advance(31)
    assert client.closed is not None
    gateway.check_quiet()


def test_an_http_1_0_client_gets_no_interim_response(gateway: Harness) -> None:
    """RFC 9110 section 15.2."""
    client = expect(gateway, b"1.0")
    link = gateway.backend("orders").connection
    link.send(CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    gateway.network.pump()
    assert client.received == b""
    gateway.send(b"abc", client)
    link.send(OK)
    gateway.network.pump()
    (response,) = strict.responses(client.received)
    assert response.content == b"ok"


def test_interim_responses_cross_with_their_fields(gateway: Harness) -> None:
    """RFC 8297; what is for one hop, and framing, do not."""
    gateway.backend("orders").stall()
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: h\r\n\r\n")
    link = gateway.backend("orders").connection
    link.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n" + OK)
    gateway.network.pump()
    hints, final = strict.responses(client.received)
    assert (hints.status, hints.fields) == (103, [(b"Link", b"</a>")])
    assert final.content == b"ok"


# -- a change of protocol


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX: 1\r\n\r\n"


def test_a_change_of_protocol_crosses(gateway: Harness) -> None:
    """RFC 9110 section 7.8: asked anew, answered anew, and then every octet both ways."""
    gateway.backend("orders").answer = lambda asked: None
    client = gateway.send(
        b"GET /orders/1 HTTP/1.1\r\nHost: h\r\nConnection: x-hop, Upgrade\r\nX-Hop: 1\r\n"
        b"Upgrade: websocket\r\n\r\nearly"
    )
    link = gateway.backend("orders").connection
    head = strict.requests(link.received)[-1]
    assert (head.values(b"Connection"), head.values(b"Upgrade"), head.values(b"X-Hop")) == (
        [b"Upgrade"],
        [b"websocket"],
        [],
    )
    link.raw_mode = True
    link.send(SWITCH + b"hello")
    gateway.network.pump()
    response, _, octets = client.received.partition(b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 101 ")
    assert b"Upgrade: websocket" in response
    assert octets == b"hello"
    gateway.send(b"\0\r\nGET / HTTP/1.1\r\n\r\n", client)
    assert link.received.endswith(b"early\0\r\nGET / HTTP/1.1\r\n\r\n")
    client.close()
    gateway.network.pump()
    assert link.closed is not None
    gateway.check_quiet()


def test_a_change_of_protocol_that_is_declined(gateway: Harness) -> None:
    """What the client sent meanwhile is its next request."""
    gateway.backend("orders").stall()
    client = gateway.send(
        b"GET /orders/1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        b"GET /orders/2 HTTP/1.1\r\nHost: h\r\n\r\n"
    )
    link = gateway.backend("orders").connection
    for asked in (1, 2):
        assert len(strict.requests(link.received)) == asked
        link.send(OK)
        gateway.network.pump()
    assert [message.start[1] for message in strict.requests(link.received)] == [b"/orders/1", b"/orders/2"]
    assert [response.status for response in strict.responses(client.received)] == [200, 200]


@pytest.mark.parametrize("protocol", [b"h2c", b"HTTP/2.0", b"websocket, h2c", b"TLS/1.2"])
def test_a_backend_never_hears_of_another_http(gateway: Harness, protocol: bytes) -> None:
    """Past every rule of the gateway it would lead: the request goes on without."""
    message = forwarded(
        gateway, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + protocol, b"HTTP2-Settings: AAMA"
    )
    assert message.values(b"Upgrade") + message.values(b"Connection") + message.values(b"HTTP2-Settings") == []


# -- the client's connection


@pytest.mark.parametrize(
    ("version", "connection", "said", "kept"),
    [
        (b"1.1", b"", [], True),
        (b"1.1", b"Connection: keep-alive\r\n", [], True),
        (b"1.1", b"Connection: close\r\n", [b"close"], False),
        (b"1.1", b"Connection: x\r\nConnection: CLOSE\r\n", [b"close"], False),
        (b"1.0", b"", [b"close"], False),
        (b"1.0", b"Connection: keep-alive\r\n", [b"keep-alive"], True),
        (b"1.0", b"Connection: keep-alive, close\r\n", [b"close"], False),
    ],
)
def test_whether_the_connection_goes_on(
    gateway: Harness, version: bytes, connection: bytes, said: list[bytes], kept: bool
) -> None:
    """RFC 9112 section 9.3; and what is said is what is done."""
    client = gateway.send(b"GET /orders/1 HTTP/%b\r\nHost: h\r\n%b\r\n" % (version, connection))
    (response,) = strict.responses(client.received)
    assert response.values(b"Connection") == said
    assert (client.closed is None) == kept


def test_errors_do_not_end_a_connection_that_was_read_to_its_end(gateway: Harness) -> None:
    """A 404 is an answer like others."""
    client = gateway.send(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n")
    gateway.send(b"HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", client)
    gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: h\r\n\r\n", client)
    responses = strict.responses(client.received, b"GET", b"HEAD")
    assert [response.status for response in responses] == [404, 404, 200]
    assert responses[1].values(b"Content-Length") == responses[0].values(b"Content-Length")
