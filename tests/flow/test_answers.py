"""What every answer of the gateway has in common, wherever it was made."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"


def forwarded(gateway: Harness) -> bytes:
    """From a backend."""
    return GET


def unknown(gateway: Harness) -> bytes:
    """No route."""
    return GET.replace(b"orders", b"nowhere")


def wrong_method(gateway: Harness) -> bytes:
    """No route with that method."""
    gateway.apply(routes=[{"name": "orders", "path": "/orders/*", "methods": ["PUT"], "upstream": "orders"}])
    return GET


def refused(gateway: Harness) -> bytes:
    """No connection."""
    gateway.backend("orders").refuse_connections()
    return GET


def malformed(gateway: Harness) -> bytes:
    """Not a request."""
    return b"GET /orders/7 HTTP/1.1\r\nHost : h\r\n\r\n"


def too_large(gateway: Harness) -> bytes:
    """A head over the limit."""
    return GET[:-2] + b"X: " + b"x" * 40_000 + b"\r\n\r\n"


def health(gateway: Harness) -> bytes:
    """Made by the gateway itself."""
    return b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    ("case", "status"),
    [
        (forwarded, 200),
        (unknown, 404),
        (wrong_method, 405),
        (refused, 502),
        (malformed, 400),
        (too_large, 431),
        (health, 200),
    ],
)
def test_every_answer_names_its_exchange(gateway: Harness, case: Callable[[Harness], bytes], status: int) -> None:
    """`X-Request-ID`, once, as in the record; and a Date."""
    client = gateway.send(case(gateway))
    (response,) = client.responses()

    assert response.status == status
    (request_id,) = response.headers.get_all(b"X-Request-ID")
    assert len(response.headers.get_all(b"Date")) == 1
    if case is not health:
        (record,) = gateway.logs
        assert (record["request_id"], record["status_code"]) == (request_id.decode(), status)


@pytest.mark.parametrize("case", [unknown, wrong_method, refused, malformed, too_large])
def test_a_problem_says_what_is_wrong_and_nothing_else(gateway: Harness, case: Callable[[Harness], bytes]) -> None:
    """RFC 9457; one reason in the body, the field and the record; no address, no traceback."""
    client = gateway.send(case(gateway))
    (response,) = client.responses()
    document = json.loads(response.body)

    assert response.headers.get(b"Content-Type") == b"application/problem+json"
    assert sorted(document) == ["detail", "request_id", "status", "title", "type"]
    assert document["type"].endswith(":" + gateway.last_log["reason"])
    assert (response.headers.get(b"Gateway-Reason") or b"").decode() == gateway.last_log["reason"]
    assert document["status"] == response.status
    for secret in (b"127.0.0.1", b"9001", b"Traceback", b"gateway."):
        assert secret not in response.body


def test_head_gets_the_head_of_a_problem(gateway: Harness) -> None:
    """And none of its content, so that the next answer is where it is expected."""
    client = gateway.send(b"HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n" + GET)

    head, answer = client.responses(b"HEAD")
    assert (head.status, head.body, answer.status, answer.body) == (404, b"", 200, b"ok")
    assert int(head.headers.get(b"Content-Length") or 0) > 0


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_content_leave_the_connection(gateway: Harness, status: bytes) -> None:
    """RFC 9112 section 6.3."""
    gateway.backend("orders").answers(b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n", ok(b"next"))
    client = gateway.send(GET + GET)

    assert [response.body for response in client.responses()] == [b"", b"next"]
    assert len(gateway.backend("orders").connections) == 1


def test_an_answer_to_head_has_no_content(gateway: Harness) -> None:
    """Its length is that of the content it stands for."""
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", ok(b"next"))
    client = gateway.send(b"HEAD /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n" + GET)

    head, answer = client.responses(b"HEAD")
    assert head.headers.get(b"Content-Length") == b"1000"
    assert answer.body == b"next"
    assert len(gateway.backend("orders").connections) == 1


def test_a_status_that_nobody_has_registered_passes_with_its_number(gateway: Harness) -> None:
    """600 to 999 too; the log and the metrics have it as it is."""
    gateway.backend("orders").answers(ok(b"odd", status=b"799 Odd"))
    response = gateway.get("/orders/7")
    assert (response.status, response.reason, response.body) == (799, b"Odd", b"odd")
    assert gateway.last_log["status_code"] == 799
    assert gateway.metric("gateway_requests_total", route="orders") == 1
