"""What is sent to a backend, and when it is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.resilience.retry import IDEMPOTENT
from gateway.testing import Harness


def sent(gateway: Harness, request: bytes) -> bytes:
    """Return the head that reached the backend, without the fields that differ from run to run."""
    gateway.send(request)
    head = gateway.backend("orders").connection.received.partition(b"\r\n\r\n")[0]
    return b"\n".join(line for line in head.split(b"\r\n") if not line.startswith((b"traceparent", b"X-Request-ID")))


FORWARDING = (
    b"X-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: h\nX-Real-IP: 192.0.2.1\nVia: 1.1 gateway"
)


@pytest.mark.parametrize(
    ("request_", "start", "end"),
    [
        (b"GET /orders/7?q HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /orders/7?q HTTP/1.1\nHost: h", b""),
        (b"GET http://h/orders/7 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /orders/7 HTTP/1.1\nHost: h", b""),
        (b"POST /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n", b"POST /orders/7 HTTP/1.1\nHost: h", b"Content-Length: 0"),
        (
            b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
            b"GET /orders/7 HTTP/1.1\nHost: h",
            b"Content-Length: 0",
        ),
        (
            b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\ncontent-length: 2\r\n\r\nab",
            b"PUT /orders/7 HTTP/1.1\nHost: h",
            b"Content-Length: 2",
        ),
        (
            b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"PUT /orders/7 HTTP/1.1\nHost: h",
            b"Transfer-Encoding: chunked",
        ),
        (
            b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nConnection: te\r\nTE: gzip\r\nTE: trailers\r\n\r\n",
            b"GET /orders/7 HTTP/1.1\nHost: h",
            b"Connection: TE\nTE: trailers",
        ),
        (
            b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n",
            b"GET /orders/7 HTTP/1.1\nHost: h",
            b"Connection: Upgrade\nUpgrade: chat",
        ),
        (
            b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nx-A: 1\r\nX-Drop: 1\r\nConnection: x-drop\r\nX-a: 2\r\n\r\n",
            b"GET /orders/7 HTTP/1.1\nHost: h\nx-A: 1\nX-a: 2",
            b"",
        ),
    ],
)
def test_the_head_is_written_anew(request_: bytes, start: bytes, end: bytes) -> None:
    """Request line and Host from the parsed request; then fields that pass, those of forwarding, those of framing."""
    wanted = b"\n".join(part for part in (start, FORWARDING, end) if part)

    assert sent(Harness("orders"), request_) == wanted


def test_fields_that_steps_add_are_sent() -> None:
    """After the client's own."""

    class Adds:
        name = "adds"

        def on_request(self, exchange: Any) -> None:
            exchange.headers_out.append((b"X-Added", b"1"))

    gateway = Harness("orders")
    gateway.insert("/orders/7", Adds())

    assert b"X-Added: 1" in sent(gateway, b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n")


@pytest.mark.parametrize("method", sorted(IDEMPOTENT | {b"POST", b"PATCH"}))
def test_what_is_sent_again(method: bytes) -> None:
    """RFC 9110 section 9.2.2: after the keep-alive race, once, where the method is idempotent."""
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "methods": ["GET", method.decode()]}
    gateway = Harness("orders", routes=[route])
    gateway.get("/orders/7")
    gateway.backend("orders").reset_on_data()
    gateway.send(method + b" /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n")

    assert gateway.last_log["attempts"] == (2 if method in IDEMPOTENT else 1)


def test_a_change_of_protocol_is_not_asked_for_twice() -> None:
    """The backend may have changed the protocol already."""
    gateway = Harness("orders")
    gateway.get("/orders/7")
    gateway.backend("orders").reset_on_data()
    gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")

    assert gateway.last_log["attempts"] == 1


def test_attempts_are_counted_by_their_outcome() -> None:
    """For each backend; cancelled ones count as neither success nor failure."""
    gateway = Harness("orders")
    gateway.get("/orders/7")
    backend = gateway.backend("orders")
    backend.stall()
    gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n").reset()
    gateway.network.pump()
    backend.refuse_connections()
    gateway.get("/orders/7")
    upstream = gateway.gateway.root.tree.upstreams["orders"]
    counted: list[tuple[str, str]] = []
    upstream.count = lambda name, outcome: counted.append((name, outcome))
    gateway.get("/orders/7")
    backend.accept_connections()
    backend.answer = lambda asked: b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"
    gateway.get("/orders/7")

    assert counted == [("http://127.0.0.1:9001", "upstream.connect"), ("http://127.0.0.1:9001", "ok")]


def test_via_on_answers_is_a_setting() -> None:
    """`forwarded.via`."""
    assert Harness("orders").get("/orders/7").headers.get(b"Via") == b"1.1 gateway"
    assert Harness("orders", forwarded={"via": False}).get("/orders/7").headers.get(b"Via") is None
