"""The access log as the configuration forms it, through a whole gateway."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.testing import Harness

Make = Callable[..., Harness]


def test_a_combined_line_that_a_client_tries_to_forge() -> None:
    """A quote and a backslash in a field stay in its place."""
    gateway = Harness("orders", access_log={"format": "combined"})

    gateway.get("/orders/7?api_key=s3cret", User_Agent='x" 200 5 "-" "\\')

    line = gateway.log.lines[-1]
    assert line.count(b'"') == 6
    assert line.endswith(rb'"-" "x\x22 200 5 \x22-\x22 \x22\x5C"' + b"\n")
    assert b'"GET /orders/7?api_key=REDACTED HTTP/1.1" 200 ' in line


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"\x16\x03\x01\r\n\r\n", b'"-" 400 '),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", b'"-" 400 '),
        (b"GET /a?b=c HTTP/1.1\r\nHost: a b\r\n\r\n", b'"- /a?b=c HTTP/1.1" 400 '),
    ],
)
def test_a_head_that_is_refused_has_the_line_that_could_be_read(head: bytes, line: bytes) -> None:
    """What is not known is a dash, as nginx and Apache have it, so that the columns stay where they are."""
    gateway = Harness("orders", access_log={"format": "combined"})

    gateway.send(head)

    assert line in gateway.log.lines[-1]


def test_a_template_is_changed_by_a_reload() -> None:
    """From the next exchange on."""
    gateway = Harness("orders", access_log={"format": "%{method} %{path}"})
    gateway.get("/orders/7")
    gateway.apply(access_log={"format": "%{status} %{route}"})
    gateway.get("/orders/7")

    assert [bytes(line) for line in gateway.log.lines] == [b"GET /orders/7\n", b"200 orders\n"]


def test_failures_are_written_and_all_are_counted(make: Make) -> None:
    """`sample: 0`: the log has what failed, the metric has every exchange."""
    gateway = make("orders", access_log={"sample": 0})
    for _ in range(5):
        gateway.get("/orders/7")
    gateway.get("/nowhere")
    gateway.backend("orders").answers(b"HTTP/1.1 503 Broken\r\nContent-Length: 0\r\n\r\n")
    gateway.get("/orders/8")

    assert [record["status_code"] for record in gateway.logs] == [404, 503]
    assert gateway.metric("gateway_requests_total", route="orders", status="200") == 5


def test_what_is_excluded_is_not_excluded_when_its_client_leaves(make: Make) -> None:
    """A client that went away is a failure."""
    gateway = make("orders", access_log={"exclude_paths": ["/orders/*"]})
    gateway.get("/orders/7")
    gateway.backend("orders").stall()
    gateway.send(b"GET /orders/8 HTTP/1.1\r\nHost: gateway.test\r\n\r\n").reset()
    gateway.advance(1)

    assert [record["status_code"] for record in gateway.logs] == [499]
