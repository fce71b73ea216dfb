"""Calls of gRPC are exchanges like others: what stands before their backends holds for them, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.testing import Harness
from tests.flow.test_grpc import CALL
from tests.flow.test_http2 import connect
from tests.http2.client import Http2Answer
from tests.http2.server import Asked2, Http2Backend
from tests.tokens import SECRET, said, sign

Make = Callable[..., Harness]
MESSAGE = b"\0\0\0\0\1x"


class World:
    """A gateway with one server of gRPC, and the routes that the test wants."""

    def __init__(self, make: Make, *routes: dict[str, Any], **settings: Any) -> None:
        self.gateway = make(
            "orders",
            upstreams=[{"name": "orders", "backends": [{"url": "h2c://127.0.0.1:9101"}]}],
            routes=[{"path": "/shop.Orders/*", "upstream": "orders"} | route for route in routes or [{}]],
            **settings,
        )
        self.backend = Http2Backend(self.gateway.network, "127.0.0.1", 9101)
        self.backend.on_whole = self.answer

    @staticmethod
    def answer(asked: Asked2) -> None:
        """Say that all is well."""
        fields = [("content-type", "application/grpc"), ("grpc-encoding", "gzip")]
        asked.connection.answer(asked, b"\1\0\0\0\1y" * 2000, fields, trailers=[("grpc-status", "0")])

    def call(self, method: str = "Get", body: bytes = MESSAGE, **metadata: str) -> Http2Answer:
        """Make a call."""
        fields = {**CALL, **{name.replace("_", "-"): value for name, value in metadata.items()}}
        answer = connect(self.gateway).request("POST", f"/shop.Orders/{method}", fields, body)
        self.gateway.network.pump()
        return answer


def outcome(answer: Http2Answer) -> tuple[int, bytes | None, bytes | None]:
    """What a client of gRPC makes of an answer, and why."""
    found = answer.trailers.get(b"grpc-status") or answer.headers.get(b"grpc-status")
    return answer.status, found, answer.headers.get(b"gateway-reason")


def test_a_token_in_the_metadata(make: Make) -> None:
    """UNAUTHENTICATED without one, PERMISSION_DENIED where it does not say enough; the service is told who calls."""
    world = World(
        make,
        {"auth": {"type": "jwt", "scopes": ["read"]}},
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )
    assert outcome(world.call()) == (200, b"16", b"auth.missing")
    assert outcome(world.call(authorization="Bearer x")) == (200, b"16", b"auth.invalid")
    poor = sign(SECRET, "HS256", said(scope="other"))
    assert outcome(world.call(authorization=f"Bearer {poor}")) == (200, b"7", b"auth.forbidden")
    assert world.backend.requests == []
    good = sign(SECRET, "HS256", said(sub="me"))
    assert outcome(world.call(authorization=f"Bearer {good}")) == (200, b"0", None)

    assert world.backend.last.headers.get(b"x-user-id") == b"me"
    assert b"authorization" not in world.backend.last.headers


def test_a_limit_by_the_metadata(make: Make) -> None:
    """RESOURCE_EXHAUSTED, and when to come back; others have their own."""
    limit = {"requests": 2, "window": "60s", "scope": "header:x-tenant"}
    world = World(make, {"rate_limit": limit})
    assert [outcome(world.call(x_tenant="a"))[1] for _ in range(2)] == [b"0", b"0"]
    refused = world.call(x_tenant="a")

    assert outcome(refused) == (200, b"8", b"limit.exceeded")
    assert refused.headers.get(b"retry-after")
    assert outcome(world.call(x_tenant="b"))[1] == b"0"


@pytest.mark.parametrize("known", [True, False])
def test_a_message_over_the_limit(make: Make, known: bool) -> None:
    """RESOURCE_EXHAUSTED, whether its length was said or not."""
    world = World(make, {"request_body": "1KiB"})
    large = b"\0" + (2000).to_bytes(4) + bytes(2000)
    length = {"content_length": "2005"} if known else {}

    assert outcome(world.call(body=large, **length)) == (200, b"8", b"request.too_large")
    assert outcome(world.call())[1] == b"0"
    assert not any(asked.complete and len(asked.body) > 1024 for asked in world.backend.requests)


def test_a_route_for_a_method(make: Make) -> None:
    """Services and methods are paths."""
    world = World(make, {"path": "/shop.Orders/Drop", "rate_limit": {"requests": 1, "window": "60s"}}, {})
    dropped = [outcome(world.call("Drop"))[1] for _ in range(2)]

    assert dropped == [b"0", b"8"]
    assert outcome(world.call("Get"))[1] == b"0"
    assert [asked.target for asked in world.backend.requests] == [b"/shop.Orders/Drop", b"/shop.Orders/Get"]


def test_compression_is_the_services_own(make: Make) -> None:
    """Messages are not compressed as a whole, whatever the route does, and what says how they are passes."""
    world = World(make, {"compression": {"min_size": "1KiB", "types": ["application/*"]}})
    answer = world.call(grpc_encoding="gzip", grpc_accept_encoding="gzip,identity", accept_encoding="gzip, br")

    assert world.backend.last.headers.get(b"grpc-encoding") == b"gzip"
    assert world.backend.last.headers.get(b"grpc-accept-encoding") == b"gzip,identity"
    assert bytes(world.backend.last.body) == MESSAGE
    assert answer.headers.get(b"grpc-encoding") == b"gzip"
    assert b"content-encoding" not in answer.headers
    assert answer.body == b"\1\0\0\0\1y" * 2000
