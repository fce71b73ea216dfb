"""Pages that make calls of gRPC: in octets and in text, and every outcome as their libraries read it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest

from gateway.headers import Headers
from gateway.http.grpc_web import trailers_frame
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.http2.server import Asked2, Http2Backend

Make = Callable[..., Harness]

MESSAGE = b"\0\0\0\0\1x"
ANSWER = b"\0\0\0\0\2yz"
PAGE = "https://app.example.com"


class World:
    """A gateway that lets pages make calls, in front of a backend of HTTP/2."""

    def __init__(self, make: Make, url: str = "h2c://127.0.0.1:9101", **route: Any) -> None:
        self.gateway = make(
            "orders",
            upstreams=[{"name": "orders", "backends": [{"url": url}]}],
            routes=[{"path": "/shop.Orders/*", "upstream": "orders", "grpc_web": True, **route}],
        )
        self.backend = Http2Backend(self.gateway.network, "127.0.0.1", 9101)
        self.backend.on_whole = self.answer

    @staticmethod
    def answer(asked: Asked2) -> None:
        """Say that all is well."""
        kind = asked.headers.get(b"content-type") or b""
        fields = [("content-type", kind.decode()), ("x-from", "b")]
        asked.connection.answer(asked, ANSWER, fields, trailers=[("grpc-status", "0"), ("x-sum", "2")])

    def call(self, kind: str = "application/grpc-web+proto", body: bytes = MESSAGE, **fields: str) -> Received:
        """Make a call."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.gateway.request("POST", "/shop.Orders/Get", {"Content-Type": kind, **named}, body)


TRAILERS = trailers_frame(Headers([(b"grpc-status", b"0"), (b"x-sum", b"2")]))


def test_a_call(make: Make) -> None:
    """The backend sees one of gRPC; the page gets the trailers behind the content."""
    world = World(make)
    answer = world.call(Accept="application/grpc-web+proto", X_Grpc_Web="1", X_User_Agent="grpc-web-javascript/0.1")
    asked = world.backend.last

    assert asked.headers.get(b"content-type") == b"application/grpc+proto"
    assert asked.headers.get(b"te") == b"trailers"
    assert b"x-grpc-web" not in asked.headers
    assert b"accept" not in asked.headers
    assert bytes(asked.body) == MESSAGE

    assert answer.status == 200
    assert answer.headers.get(b"content-type") == b"application/grpc-web+proto"
    assert answer.headers.get(b"x-from") == b"b"
    assert answer.body == ANSWER + TRAILERS
    assert not answer.trailers


def test_a_call_in_text(make: Make) -> None:
    """Base64 both ways."""
    world = World(make)
    kind = "application/grpc-web-text"
    answer = world.call(kind, b64encode(MESSAGE[:2]) + b64encode(MESSAGE[2:]), Accept=kind)

    assert bytes(world.backend.last.body) == MESSAGE
    assert world.backend.last.headers.get(b"content-length") is None
    assert answer.headers.get(b"content-type") == b"application/grpc-web-text+proto"
    assert answer.body == b64encode(ANSWER) + b64encode(TRAILERS)


def test_text_that_is_none(make: Make) -> None:
    """The outcome says so, and no answer is invented."""
    world = World(make)
    answer = world.call("application/grpc-web-text", b"AAAA*AAA")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get(b"grpc-status") == b"13"
    assert answer.headers.get(b"gateway-reason") == b"request.malformed"
    assert answer.headers.get(b"content-type") == b"application/grpc-web-text+proto"


def test_messages_come_one_by_one(make: Make) -> None:
    """A page reads each as soon as the service has sent it."""
    world = World(make)
    kind = "application/grpc-web-text"
    begun: list[Asked2] = []

    def begin(asked: Asked2) -> None:
        begun.append(asked)
        asked.connection.head(asked, [("content-type", "application/grpc")])
        asked.connection.data(asked, ANSWER, end=False)

    world.backend.on_whole = begin
    body = b64encode(MESSAGE)
    head = f"POST /shop.Orders/Watch HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    client = world.gateway.send(head.encode() + body)
    assert b64encode(ANSWER) in client.received
    begun[0].connection.data(begun[0], ANSWER, trailers=[("grpc-status", "14")])
    world.gateway.network.pump()

    (answer,) = client.responses(b"POST")
    frames = b"".join(b64decode(part) for part in split_text(answer.body))
    assert frames == ANSWER + ANSWER + trailers_frame(Headers([(b"grpc-status", b"14")]))
    assert answer.complete


def split_text(text: bytes) -> list[bytes]:
    """Split base64 behind each padding."""
    groups = [text[place : place + 4] for place in range(0, len(text), 4)]
    parts = [b""]
    for group in groups:
        parts[-1] += group
        if group.endswith(b"="):
            parts.append(b"")
    return parts


def test_an_outcome_without_content(make: Make) -> None:
    """Stays in the head, where the libraries look for it."""
    world = World(make)
    fields = [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "no such order")]
    world.backend.on_whole = lambda asked: asked.connection.head(asked, fields, end=True)
    answer = world.call()

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get(b"content-type") == b"application/grpc-web+proto"
    assert answer.headers.get(b"grpc-status") == b"5"


def test_what_the_gateway_says_itself(make: Make) -> None:
    """A limit, and a backend that is gone."""
    limited = World(make, rate_limit={"requests": 1, "window": "60s", "scope": "ip"})
    assert limited.call().status == 200
    answer = limited.call()
    assert (answer.status, answer.headers.get(b"grpc-status")) == (200, b"8")
    assert answer.headers.get(b"gateway-reason") == b"limit.exceeded"
    assert answer.headers.get(b"content-type") == b"application/grpc-web+proto"

    gone = World(make, "h2c://127.0.0.1:9102")
    answer = gone.call()
    assert (answer.status, answer.headers.get(b"grpc-status")) == (200, b"14")


def test_an_answer_that_is_none_of_grpc(make: Make) -> None:
    """Somebody's page about an error: the page sees its status."""
    world = World(make)
    world.backend.on_whole = lambda asked: asked.connection.answer(
        asked, b"<p>sorry", [("content-type", "text/html")], status=503
    )
    answer = world.call()

    assert (answer.status, answer.body) == (503, b"<p>sorry")
    assert answer.headers.get(b"content-type") == b"text/html"


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto", "application/json"])
def test_what_is_no_such_call_is_not_touched(make: Make, kind: str) -> None:
    """Calls of gRPC proper, and anything else."""
    world = World(make)
    answer = world.call(kind, Accept="text/plain")

    assert world.backend.last.headers.get(b"content-type") == kind.encode()
    assert world.backend.last.headers.get(b"accept") == b"text/plain"
    assert answer.body == ANSWER
    assert answer.headers.get(b"content-type") == kind.encode()


def test_without_the_key_nothing_is_done(make: Make) -> None:
    """The media type passes as any other."""
    world = World(make, grpc_web=False)
    answer = world.call()

    assert world.backend.last.headers.get(b"content-type") == b"application/grpc-web+proto"
    assert answer.body == ANSWER


def test_with_cors(make: Make) -> None:
    """What libraries send and read is allowed without being listed."""
    world = World(make, cors={"allowed_origins": [PAGE], "exposed_headers": ["grpc-status", "X-From"]})
    asked = world.gateway.request(
        "OPTIONS",
        "/shop.Orders/Get",
        {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,grpc-timeout,x-grpc-web,x-user-agent",
        },
    )
    assert asked.status == 204
    answer = world.call(Origin=PAGE)
    assert answer.headers.get(b"access-control-allow-origin") == PAGE.encode()
    assert (
        answer.headers.get(b"access-control-expose-headers")
        == b"grpc-status, X-From, Grpc-Message, Grpc-Status-Details-Bin"
    )


@pytest.mark.parametrize("kind", ["application/grpc-web", "application/grpc-web-text"])
def test_the_log_tells_the_outcome(make: Make, kind: str) -> None:
    """Of trailers that the page gets in the content, too."""
    world = World(make)
    world.gateway.apply(access_log={"fields": ["request_id", "grpc_status"]})
    world.call(kind, b64encode(MESSAGE))

    assert world.gateway.last_log["grpc_status"] == 0
