"""Answers that are compressed for clients that accept it, and those that stay as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest

from gateway.http.codings import undo
from gateway.http.encodings import LONGEST
from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.middleware.compression import Compression
from gateway.testing import Harness

Make = Callable[..., Harness]

TEXT = b'{"orders": [' + b", ".join(b'{"id": %d, "state": "sent"}' % number for number in range(100)) + b"]}"
JSON = (b"Content-Type", b"application/json")
Field = tuple[bytes, bytes]


def gateway(make: Make, *fields: Field, body: bytes = TEXT, said: Any = None, **route: Any) -> Harness:
    """A route whose answers are compressed."""
    settings = {"path": "/orders/*", "upstream": "orders", "compression": {} if said is None else said}
    made = make("orders", routes=[settings | route])
    made.backend("orders").answer = lambda asked: ok(body, *(fields or (JSON,)))
    return made


def get(made: Harness, accept: str | None = "gzip", method: str = "GET") -> Received:
    """Make a request."""
    return made.request(method, "/orders/7", {} if accept is None else {"Accept-Encoding": accept})


def is_compressed(answer: Received) -> bool:
    """Whether an answer is, whole and true."""
    coding = answer.headers.get(b"content-encoding")
    if coding is None:
        return False
    assert answer.complete
    assert answer.headers.get(b"content-length") in (None, b"%d" % len(answer.body))
    assert undo(answer.body, coding, 100_000) == TEXT
    assert len(answer.body) < len(TEXT) / 4
    return True


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate, br, zstd", b"zstd"),
        ("gzip, br", b"br"),
        ("gzip", b"gzip"),
        ("gzip;q=1, zstd;q=0.5", b"gzip"),
        ("identity", None),
        ("deflate", None),
        (None, None),
    ],
)
def test_a_coding_is_agreed_on(make: Make, accept: str | None, coding: bytes | None) -> None:
    """And `Vary` says so to everybody."""
    made = gateway(make)
    answer = get(made, accept)

    assert answer.headers.get(b"content-encoding") == coding
    assert is_compressed(answer) is (coding is not None)
    assert coding is not None or answer.body == TEXT
    assert answer.headers.get(b"vary") == b"Accept-Encoding"


@pytest.mark.parametrize(
    ("fields", "compressed"),
    [
        ((JSON,), True),
        (((b"Content-Type", b"TEXT/HTML; charset=utf-8"),), True),
        (((b"Content-Type", b"application/problem+json"),), True),
        (((b"Content-Type", b"text/event-stream"),), True),
        (((b"Content-Type", b"image/png"),), False),
        (((b"Content-Type", b"application/octet-stream"),), False),
        (((b"Content-Type", b"application/jsonlines"),), False),
        (((b"X-Type", b"application/json"),), False),
        ((JSON, (b"Content-Encoding", b"br")), False),
        ((JSON, (b"Cache-Control", b"max-age=60, no-transform")), False),
        ((JSON, (b"Cache-Control", b"max-age=60")), True),
    ],
)
def test_what_is_compressed(make: Make, fields: tuple[Field, ...], compressed: bool) -> None:
    """By its type, and where nothing says that it must stay as it is."""
    made = gateway(make, *fields)
    answer = get(made)

    if compressed:
        assert is_compressed(answer)
    else:
        assert answer.body == TEXT
        assert b"vary" not in answer.headers
        assert answer.headers.get(b"content-encoding") == dict(fields).get(b"Content-Encoding")


def test_what_is_short_stays_as_it_is(make: Make) -> None:
    """It would become longer, or fit into one packet anyway."""
    body = b"x" * 1023
    assert get(gateway(make, body=body)).body == body
    assert get(gateway(make, body=body + b"x")).headers.get(b"content-encoding") == b"gzip"
    assert get(gateway(make, body=b"xyz", said={"min_size": 3})).headers.get(b"content-encoding") == b"gzip"


def test_a_part_stays_a_part(make: Make) -> None:
    """Its octets are those of the whole that the backend has."""
    made = gateway(make)
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1999/9000\r\n"
    made.backend("orders").answer = lambda asked: head + b"Content-Length: 2000\r\n\r\n" + b"x" * 2000
    answer = get(made)

    assert (answer.status, answer.body) == (206, b"x" * 2000)
    assert b"content-encoding" not in answer.headers


def test_fields_stay_true(make: Make) -> None:
    """What is said of octets goes; an entity tag becomes a weak one."""
    untrue = [b"Content-MD5", b"Digest", b"Content-Digest", b"Repr-Digest", b"Accept-Ranges"]
    fields = [(name, b"x") for name in untrue]
    made = gateway(make, JSON, (b"ETag", b'"a"'), (b"Last-Modified", b"now"), (b"Vary", b"Accept"), *fields)
    answer = get(made)

    assert is_compressed(answer)
    assert answer.headers.get(b"etag") == b'W/"a"'
    assert answer.headers.get(b"last-modified") == b"now"
    assert answer.headers.get_all(b"vary") == [b"Accept", b"Accept-Encoding"]
    assert not [name for name in untrue if name in answer.headers]

    plain = get(made, None)
    assert plain.headers.get(b"etag") == b'"a"'
    assert plain.headers.get(b"accept-ranges") == b"x"
    assert plain.headers.get(b"content-length") == b"%d" % len(TEXT)


def test_a_304_fits_the_answer_that_was_kept(make: Make) -> None:
    """A cache finds it by the weak tag, and by what the answer was chosen by; it says nothing of other octets."""
    made = gateway(make)
    says = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 2400\r\nContent-Digest: x\r\n\r\n'
    made.backend("orders").answer = lambda asked: says
    compressed, plain = get(made), get(made, None)

    assert compressed.headers.get(b"etag") == b'W/"a"'
    assert plain.headers.get(b"etag") == b'"a"'
    assert [one.headers.get(b"vary") for one in (compressed, plain)] == [b"Accept-Encoding"] * 2
    assert [one.headers.get(b"content-length") for one in (compressed, plain)] == [None, b"2400"]
    assert [one.headers.get(b"content-digest") for one in (compressed, plain)] == [None, b"x"]


def test_head_is_as_get(make: Make) -> None:
    """But for what says how the content is framed."""
    made = gateway(make)
    whole = ok(TEXT, JSON, (b"ETag", b'"a"'))
    made.backend("orders").answer = lambda asked: whole.partition(TEXT)[0] if asked.method == b"HEAD" else whole
    own = (b"date", b"x-request-id", b"content-length", b"transfer-encoding")
    said = [
        [(name.lower(), value) for name, value in get(made, method=method).headers if name.lower() not in own]
        for method in ("GET", "HEAD")
    ]

    assert said[0] == said[1]
    assert (b"content-encoding", b"gzip") in said[1]
    assert get(made, method="HEAD").headers.get(b"content-length") is None


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
def test_what_came_at_once_goes_at_once(make: Make, coding: str) -> None:
    """With its length, in one piece; what comes in parts has the same content, and its length is known at its end."""
    made = gateway(make)
    whole = get(made, coding)
    assert is_compressed(whole)
    assert whole.headers.get(b"content-length") == b"%d" % len(whole.body)

    backend = made.backend("orders")
    backend.answer = lambda asked: ok(TEXT, JSON)[:-100]
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %b\r\n\r\n" % coding.encode())
    backend.requests[-1].connection.send(TEXT[-100:])
    made.network.pump()
    (in_parts,) = client.responses(b"GET")
    assert is_compressed(in_parts)
    assert in_parts.headers.get(b"content-length") is None


def test_trailers_follow_what_came_at_once(make: Make) -> None:
    """But for those that say something of other octets."""
    made = gateway(make)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
    end = b"0\r\nX-Sum: 1\r\nContent-Digest: x\r\n\r\n"
    made.backend("orders").answer = lambda asked: head + b"%x\r\n%b\r\n" % (len(TEXT), TEXT) + end
    answer = made.request("GET", "/orders/7", {"Accept-Encoding": "gzip", "TE": "trailers"})

    assert is_compressed(answer)
    assert answer.trailers.get_all(b"x-sum") == [b"1"]
    assert b"content-digest" not in answer.trailers.index


def test_a_stream_is_readable_as_it_comes(make: Make) -> None:
    """Each event, before the next one is there."""
    made = gateway(make)
    backend = made.backend("orders")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    backend.answer = lambda asked: head + b"9\r\ndata: 1\n\n\r\n"
    client = made.send(b"GET /orders/7 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n")
    decoder = brotli.Decompressor()
    (begun,) = client.responses(b"GET")
    assert decoder.process(begun.body) == b"data: 1\n\n"
    backend.requests[-1].connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
    made.network.pump()
    (whole,) = client.responses(b"GET")
    assert decoder.process(whole.body[len(begun.body) :]) == b"data: 2\n\n"
    assert whole.complete


def test_errors_of_the_gateway_are_answers_too(make: Make) -> None:
    """Long enough, they are compressed."""
    made = gateway(make, said={"min_size": 1})
    made.network.close("127.0.0.1", 9001)
    answer = get(made)

    assert answer.status == 502
    assert b"upstream.connect" in (undo(answer.body, answer.headers.get(b"content-encoding") or b"", 10_000) or b"")


def test_nothing_is_remembered_of_a_long_value() -> None:
    """Clients choose it, and it may be as long as a head."""
    step = Compression(["gzip"], 1024, ["text/*"])
    usual, long = bytes(bytearray(b"gzip, br")), b"gzip," + b" " * LONGEST
    before = sys.getrefcount(usual), sys.getrefcount(long)

    assert (step.agreed(usual), step.agreed(long)) == (b"gzip", None)
    assert (sys.getrefcount(usual), sys.getrefcount(long)) == (before[0] + 1, before[1])


def test_what_is_sent_plain_stays_plain(make: Make) -> None:
    """Also where the same answer has gone out compressed before."""
    made = make(
        "orders",
        routes=[{"path": "/*", "respond": {"body": "x" * 2000, "content_type": "text/plain"}, "compression": {}}],
    )
    for _ in range(2):
        assert get(made, "gzip").headers.get(b"content-encoding") == b"gzip"
        plain = get(made, None)
        assert (plain.body, plain.headers.get(b"content-encoding")) == (b"x" * 2000, None)
        assert plain.headers.get_all(b"vary") == [b"Accept-Encoding"]


@pytest.mark.parametrize(("top", "route", "compressed"), [
    (None, None, False),
    ({}, None, True),
    ({}, "off", False),
    (None, {}, True),
    ({"types": ["text/css"]}, {}, True),
    ({}, {"types": ["text/css"]}, False),
])  # fmt: skip
def test_for_all_routes_or_for_one(make: Make, top: Any, route: Any, compressed: bool) -> None:
    """A route's own word counts; `off` is one."""
    own = {} if route is None else {"compression": route}
    made = make(
        "orders",
        routes=[{"path": "/orders/*", "upstream": "orders", **own}],
        **({} if top is None else {"compression": top}),
    )
    made.backend("orders").answer = lambda asked: ok(TEXT, JSON)

    assert is_compressed(get(made)) is compressed
