"""Backends at UNIX sockets, in memory: as any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.memory.backend import FakeBackend, ok
from gateway.testing import Harness

Make = Callable[..., Harness]

APP = "/run/app.sock"


def at_a_socket(make: Make, url: str = f"unix:{APP}", **upstream: Any) -> tuple[Harness, FakeBackend]:
    """A gateway with one backend at a socket, and that backend."""
    made = make("orders", upstreams=[{"name": "orders", "backends": [{"url": url}], **upstream}])
    return made, FakeBackend(made.network, APP, 0)


def test_it_is_asked_as_any_other(make: Make) -> None:
    """By the client's `Host`; the connection is kept, and the log and the metrics name the socket."""
    made, app = at_a_socket(make)

    assert [made.get("/orders/7").status for _ in range(2)] == [200, 200]
    assert (app.last.target, app.last.headers.get(b"host")) == (b"/orders/7", b"gateway.test")
    assert len(app.connections) == 1
    assert made.last_log["backend"] == f"unix:{APP}"
    assert made.metric("gateway_upstream_attempts_total", backend=f"unix:{APP}", outcome="ok") == 2


def test_its_own_name_is_localhost(make: Make) -> None:
    """As nginx and curl have it; what it says of itself is turned back, and requests go below its base."""
    made, app = at_a_socket(make, f"unix:{APP}:/v2/", host_header="backend", rewrite_responses=True)
    app.answers(ok(b"", (b"Location", b"http://localhost/v2/login")))

    assert made.get("/orders/7").headers.get(b"location") == b"http://gateway.test/login"
    assert (app.last.target, app.last.headers.get(b"host")) == (b"/v2/orders/7", b"localhost")


def test_checks_find_out_that_it_is_gone_and_that_it_is_back(make: Make) -> None:
    """At the same socket, below the same base."""
    made, app = at_a_socket(make, f"unix:{APP}:/v2", health_check={"interval": 1, "unhealthy_threshold": 1})
    made.advance(2)
    assert (app.last.target, app.last.headers.get(b"host")) == (b"/v2/health", b"localhost")

    app.refuse_connections()
    made.advance(2)
    assert made.get("/orders/").status == 503
    app.accept_connections()
    made.advance(4)
    assert made.get("/orders/").status == 200


def test_one_that_is_not_there_is_refused(make: Make) -> None:
    """A retry may go to another, at a port."""
    backends = [{"url": f"unix:{APP}"}, {"url": "http://127.0.0.1:9001"}]
    retry = {"attempts": 1, "on": ["refused"], "budget": 1, "backoff": 0}
    routes = [{"path": "/*", "upstream": "orders", "retry": retry}]
    made = make("orders", upstreams=[{"name": "orders", "backends": backends}], routes=routes)

    assert [made.get("/").status for _ in range(4)] == [200] * 4
    assert made.metric("gateway_upstream_attempts_total", backend=f"unix:{APP}", outcome="upstream.connect") == 4
