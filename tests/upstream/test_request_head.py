from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.exchange import Downstream, Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.http.fields import asks_for_connection, request_filter
from gateway.http.forwarded import DROPPED, ForwardedRules, NetworkSet
from gateway.message import Request
from gateway.peer import Forwarding, Peer
from gateway.upstream.request_head import Heading, authenticates

RULES = ForwardedRules(NetworkSet(["10.0.0.0/8"]))
PASSES = request_filter(DROPPED | {b"x-request-id"})
OTHERS = request_filter(DROPPED | {b"accept"})

Fields = list[tuple[bytes, bytes]]


def exchange(request: Request, forwarding: Forwarding, headers_out: Fields) -> Exchange:
    """Make the exchange of a request, with fields that steps have added."""
    made = Exchange(request, Downstream(), Peer("203.0.113.7", forwarding), 0.0, 1.0)
    made.headers_out.extend(headers_out)
    return made


def head(request: Request, heading: Heading, *headers_out: tuple[bytes, bytes]) -> bytes:
    """Write the head of a request."""
    asked = exchange(request, RULES.for_peer("203.0.113.7", b"http"), list(headers_out))
    return heading.encode(asked, PASSES)


def test_a_head_is_written_anew() -> None:
    """Line, Host, what passes, what steps added, forwarding, framing: in this order."""
    request = Request(
        b"POST", b"/a%20b?q=1", Headers([(b"Accept", b"*/*"), (b"Connection", b"x"), (b"X", b"1")]), b"a.example"
    )

    assert head(request, Heading(b"orders:80"), (b"X-Request-ID", b"7")) == (
        b"POST /a%20b?q=1 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Request-ID: 7\r\n"
        b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\n"
        b"X-Real-IP: 203.0.113.7\r\nVia: 1.1 gateway\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("host", "heading", "said"),
    [
        (b"a.example", Heading(b"orders:80"), b"GET / HTTP/1.1\r\nHost: a.example\r\n"),
        (b"", Heading(b"orders:80"), b"GET / HTTP/1.1\r\nHost: orders:80\r\n"),
        (
            b"a.example",
            Heading(b"o", b"100%b.example", b"/base%d"),
            b"GET /base%d/ HTTP/1.1\r\nHost: 100%b.example\r\n",
        ),
    ],
)
def test_a_backend_is_called_as_it_is_configured(host: bytes, heading: Heading, said: bytes) -> None:
    """The client's host, else the backend's own name; a base path and a host of its own are written as they are."""
    assert head(Request(b"GET", b"/", Headers(), host), heading).startswith(said)


@pytest.mark.parametrize(
    ("credential", "asks"),
    [
        (b"NTLM TlRM", True),
        (b"negotiate", True),
        (b" \tNegotiate x", True),
        (b", ntlm", True),
        (b"Bearer x, NTLM", False),
        (b"NTLMv2 x", False),
        (b"Basic bnRsbQ==", False),
        (b"nope", False),
        (b"", False),
    ],
)
def test_what_authenticates_a_connection(credential: bytes, asks: bool) -> None:
    """RFC 4559: the client's own credential, or one that a step has put there."""
    assert asks_for_connection(credential) is asks
    forwarding = RULES.for_peer("203.0.113.7", b"http")
    own = Request(b"GET", b"/", Headers([(b"Authorization", credential)]))
    assert authenticates(exchange(own, forwarding, [])) is asks
    bare = Request(b"GET", b"/", Headers())
    assert authenticates(exchange(bare, forwarding, [(b"authorizatioN", credential)])) is asks
    assert authenticates(exchange(bare, forwarding, [(b"authorizations", credential)])) is False


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Accept", b"X-A", b"Content-Length", b"TE", b"X-Forwarded-For", b"Authorization", b"X-User-Id"]
        ),
        st.sampled_from([b"", b"0", b"trailers", b"192.0.2.9", b"NTLM x"]),
    ),
    max_size=4,
)
REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([b"GET", b"POST", b"DELETE"]),
        st.sampled_from([b"/", b"/a?b"]),
        st.sampled_from([b"", b"a.example", b"b.example:81", b'q"']),
        st.sampled_from([b"1.1", b"1.0"]),
        st.sampled_from([None, "streams", 5]),
        st.sampled_from([None, b"websocket"]),
        FIELDS,
        FIELDS,
        st.booleans(),
    ),
    max_size=8,
)


@given(st.tuples(FIELDS, FIELDS), REQUESTS)
def test_what_was_sent_before_makes_no_difference(blocks: tuple[Fields, Fields], requests: list[Any]) -> None:
    """Heads that are known, on a connection that remembers, for routes with other filters: the same octets as anew."""
    warm, heading = RULES.for_peer("203.0.113.7", b"http"), Heading(b"orders:80")
    known = [HeaderBlock(Headers(fields)) for fields in blocks]
    for which, method, target, host, version, length, upgrade, own, out, other in requests:
        heads = []
        for headers, forwarding in (
            (Headers.over(known[which]), warm),
            (Headers(blocks[which]), RULES.for_peer("203.0.113.7", b"http")),
        ):
            for name, value in own:
                headers.add(name, value)
            body = None if length is None else Body(None, length if isinstance(length, int) else None)
            request = Request(method, target, headers, host, version, body, upgrade)
            asked = exchange(request, forwarding, out)
            heads.append((heading.encode(asked, OTHERS if other else PASSES), authenticates(asked)))
        assert heads[0] == heads[1]
