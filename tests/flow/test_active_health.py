"""Active checks in a whole gateway: a backend that fails them gets no traffic until it passes again."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import Harness


def gateway(*names: str, **check: Any) -> Harness:
    """One upstream with health checks, used by two routes."""
    return Harness(
        *names,
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": f"http://127.0.0.1:{9001 + n}"} for n in range(len(names))],
                "health_check": check,
            }
        ],
        routes=[
            {"name": "orders", "path": "/*", "upstream": "orders"},
            {"name": "more", "path": "/more/*", "upstream": "orders"},
        ],
    )


def checks(made: Harness, name: str) -> list[Asked]:
    """The checks that a backend got."""
    return [
        asked for asked in made.backend(name).requests if asked.headers.get(b"user-agent") == b"gateway-health-check"
    ]


def unwell(asked: Asked) -> bytes:
    """Fail checks, and answer everything else."""
    return ok(status=b"503 Busy") if asked.target == b"/health" else ok()


def test_who_fails_its_checks_gets_no_traffic_and_gets_it_back() -> None:
    """After three failures and two successes; the admin listener and the metrics show it."""
    made = gateway("a", "b")
    made.backend("a").answer = unwell
    made.advance(25)
    made.backend("a").requests.clear()
    assert [made.get("/").status for _ in range(10)] == [200] * 10
    assert [asked for asked in made.backend("a").requests if asked not in checks(made, "a")] == []
    assert made.metric("gateway_backend_healthy", backend="http://127.0.0.1:9001") == 0
    [shown] = made.gateway.figures.view()
    assert not shown["backends"][0]["health"]["healthy"]
    assert shown["backends"][0]["last_errors"][-1]["what"] == "health check: status 503, wanted 200-399"

    made.backend("a").answer = lambda asked: ok()
    made.advance(25)
    made.backend("a").requests.clear()
    for _ in range(10):
        made.get("/")
    assert len(made.backend("a").requests) - len(checks(made, "a")) == 5
    assert made.metric("gateway_backend_health_changes_total", to="healthy") == 1


def test_with_none_healthy_it_is_503() -> None:
    """At once, with the reason and Retry-After."""
    made = gateway("a")
    made.backend("a").refuse_connections()
    made.advance(25)

    response = made.get("/")

    assert response.status == 503
    assert response.headers.get(b"gateway-reason") == b"upstream.no_backend"
    assert response.headers.get(b"retry-after") is not None


def test_routes_and_reloads_share_the_checks() -> None:
    """One check each 10 s, whatever number of routes and reloads."""
    made = gateway("a")
    made.advance(20)
    made.apply(trusted_proxies=["192.0.2.0/24"])
    made.advance(20)

    assert 4 <= len(checks(made, "a")) <= 5


def test_a_backend_that_leaves_is_checked_no_more() -> None:
    """Nor is one whose upstream has no checks any more."""
    made = gateway("a", "b")
    made.advance(1.1)
    upstream = made.configuration["upstreams"][0]
    made.apply(upstreams=[{**upstream, "backends": upstream["backends"][:1]}])
    made.advance(30)
    assert len(checks(made, "b")) == 1

    before = len(checks(made, "a"))
    made.apply(upstreams=[{key: value for key, value in upstream.items() if key != "health_check"}])
    made.advance(30)
    assert len(checks(made, "a")) == before


def test_a_check_is_no_traffic() -> None:
    """No count has it, and it takes no connection from the pool."""
    made = gateway("a")
    made.advance(30)

    assert made.logs == []
    assert made.metric("gateway_upstream_attempts_total") == 0
    assert made.metric("gateway_pool_connections") == 0


@pytest.mark.parametrize(
    ("check", "answer", "well"),
    [
        ({"path": "/up?deep=1"}, ok(), True),
        ({}, ok(status=b"204 No Content"), True),
        ({}, ok(status=b"404 Not Found"), False),
        ({"expected_status": [404]}, ok(status=b"404 Not Found"), True),
        ({"expected_body": "UP"}, ok(b'{"status": "UP"}'), True),
        ({"expected_body": "UP"}, ok(b'{"status": "DOWN"}'), False),
        ({"expected_body": "~^(UP|OK)$"}, ok(b"OK"), True),
        ({"expected_body": "UP"}, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nUP", None),
        ({"expected_headers": {"X-Role": "primary"}}, ok(b"", (b"X-Role", b"primary")), True),
        ({"expected_headers": {"X-Role": "primary"}}, ok(b"", (b"X-Role", b"replica")), False),
        ({}, b"SSH-2.0-OpenSSH_9.2\r\n", False),
        ({}, b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 70_000, False),
        ({}, b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", False),
        ({"type": "tcp"}, ok(status=b"500 No"), True),
    ],
)
def test_what_is_well(check: dict[str, Any], answer: bytes, well: bool | None) -> None:
    """By status, fields and content; an answer that is not HTTP fails, and content is read up to a bound."""
    made = gateway("a", **check)
    made.backend("a").answers(answer)
    if well is None:  # content that ends with the connection

        def close(asked: Asked) -> None:
            asked.connection.send(answer)
            asked.connection.close()

        made.backend("a").answer = close
        well = True
    made.advance(40)

    assert made.metric("gateway_backend_healthy") == float(well)


def test_what_is_sent() -> None:
    """Path, host and further fields as configured."""
    made = gateway("a", path="/up", headers={"Host": "orders.internal", "X-Probe": "1"}, port=9001)
    made.advance(1.1)
    [asked] = made.backend("a").requests

    assert asked.target == b"/up"
    assert asked.headers.get(b"host") == b"orders.internal"
    assert asked.headers.get(b"x-probe") == b"1"


def test_a_backend_that_hangs_fails() -> None:
    """Whether it accepts no connection, is silent, or stops in the head or in the content."""
    for way in ("swallow", "stall", "head", "content"):
        made = gateway("a")
        if way == "swallow":
            made.backend("a").swallow_connections()
        elif way == "stall":
            made.backend("a").stall()
        elif way == "head":
            made.backend("a").answers(b"HTTP/1.1 200 OK\r\nX")
        else:
            made.backend("a").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
        made.advance(31)

        assert made.metric("gateway_backend_healthy") == 0, way


def test_an_answer_that_breaks_off_is_not_well() -> None:
    """Its head was right, but the announced content does not come."""
    made = gateway("a")
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"

    def break_off(asked: Asked) -> None:
        asked.connection.send(half)
        asked.connection.close()

    made.backend("a").answer = break_off
    made.advance(31)

    assert made.metric("gateway_backend_healthy") == 0


def test_a_long_answer_is_read_in_part() -> None:
    """Its first 64 KiB are judged, and the rest is left."""
    made = gateway("a", expected_body="UP")
    made.backend("a").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nUP" + b"x" * 70_000)
    made.advance(31)

    assert made.metric("gateway_backend_healthy") == 1
    assert all(connection.closed is not None for connection in made.backend("a").connections)
