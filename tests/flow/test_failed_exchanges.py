"""The last exchanges that failed, with everything known of each."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.telemetry.failures import A_SECOND
from gateway.testing import Harness

BUSY = ok(b"busy", status=b"503 Service Unavailable")

JWT = {"jwt": {"default": {"algorithms": ["HS256"], "secret": "s" * 32}}}


def gateway(*names: str, upstream: dict[str, Any] | None = None, route: dict[str, Any] | None = None, **settings: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """One upstream `orders` with these backends, and its route."""
    names = names or ("a",)
    backends = [{"url": f"http://127.0.0.1:{9001 + n}"} for n in range(len(names))]
    return Harness(
        *names,
        upstreams=[{"name": "orders", "backends": backends, **(upstream or {})}],
        routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", **(route or {})}],
        **settings,
    )


def last(made: Harness) -> dict[str, Any]:
    """What is known of the newest."""
    failures = made.gateway.foundation.failures
    found = failures.find(failures.summaries()[0]["id"])
    assert found is not None
    return found


def test_a_backend_that_refuses_connections() -> None:
    """What was asked, what became of it, and what to do."""
    made = gateway()
    made.backend("a").refuse_connections()

    response = made.get("/orders/7?page=2&access_token=secret", User_Agent="probe/1")

    assert response.status == 502
    [summary] = made.gateway.foundation.failures.summaries()
    assert summary == {
        "id": response.headers.get(b"x-request-id").decode(),
        "time": summary["time"],
        "method": "GET",
        "host": "gateway.test",
        "path": "/orders/7",
        "client": "192.0.2.1",
        "principal": None,
        "route": "orders",
        "upstream": "orders",
        "backend": "http://127.0.0.1:9001",
        "status": 502,
        "grpc_status": None,
        "reason": "upstream.connect",
        "detail": summary["detail"],
        "attempts": 1,
        "duration_ms": summary["duration_ms"],
    }
    assert "refused" in summary["detail"]
    assert summary["time"].endswith("Z")
    whole = last(made)
    assert whole["query"] == "page=2&access_token=REDACTED"
    assert (whole["scheme"], whole["protocol"], whole["user_agent"]) == ("http", "1.1", "probe/1")
    assert (whole["pattern"], whole["source"]) == ("/orders/*", "upstream")
    assert whole["meaning"].startswith("The chosen backend did not accept a connection")
    assert whole["advice"].startswith("The backend is down")
    assert [one["reason"] for one in whole["attempts"]] == ["upstream.connect"]


def test_each_attempt_tells_what_its_backend_said() -> None:
    """The first refuses, the second is busy; the waits between them are a phase of their own."""
    made = gateway("a", "b", route={"retry": {"attempts": 1}})
    made.backend("a").refuse_connections()
    made.backend("b").answers(BUSY)

    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.advance(1)

    [answer] = client.responses()
    assert answer.status == 503
    found = last(made)
    assert (found["status"], found["reason"], found["source"]) == (503, None, "upstream")
    assert "passed it on" in found["meaning"]
    first, second = found["attempts"]
    assert (first["outcome"], first["reason"], first["status"], first["why"]) == (
        "failed",
        "upstream.connect",
        None,
        "",
    )
    assert (first["why"], first["reused"], first["protocol"]) == ("", None, None)
    assert (second["outcome"], second["status"], second["why"]) == ("answered", 503, "upstream.connect")
    assert (second["number"], second["reused"], second["protocol"]) == (2, False, "1.1")
    assert second["start_ms"] > first["start_ms"]
    assert "backoff" in [phase["name"] for phase in found["phases"]]


def test_an_attempt_that_is_out_of_time() -> None:
    """The wait for its answer is where the time went."""
    made = gateway(route={"timeout": 2})
    made.backend("a").stall()

    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.advance(3)

    found = last(made)
    assert (found["status"], found["reason"]) == (504, "upstream.timeout")
    longest = max(found["phases"], key=lambda phase: phase["ms"])
    assert (longest["name"], longest["attempt"]) == ("wait", 1)
    assert longest["ms"] == pytest.approx(2000, abs=150)


def test_an_answer_that_breaks_off() -> None:
    """The client has its 200; the exchange failed all the same, and its phases tell how far it came."""
    made = gateway()
    backend = made.backend("a")
    backend.stall()
    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.advance(1)
    backend.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
    made.network.pump()
    made.advance(2)
    backend.connection.transport.abortConnection()
    made.network.pump()

    found = last(made)
    assert (found["status"], found["reason"]) == (200, "upstream.reset")
    [attempt] = found["attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("failed", 200)
    took = {phase["name"]: phase["ms"] for phase in found["phases"]}
    assert took["wait"] == pytest.approx(1000, abs=150)
    assert took["answer"] == pytest.approx(2000, abs=150)


def test_a_client_that_left() -> None:
    """Its attempt was cancelled; nobody is blamed."""
    made = gateway()
    made.backend("a").stall()
    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.advance(1)

    client.reset()
    made.network.pump()

    found = last(made)
    assert (found["status"], found["reason"], found["source"]) == (499, "request.aborted", "downstream")
    [attempt] = found["attempts"]
    assert (attempt["outcome"], attempt["reason"]) == ("cancelled", None)


def test_the_step_that_refused_is_named() -> None:
    """A caller without a credential, and one who has used up a limit, with how that stood."""
    made = gateway(
        auth=JWT,
        rate_limits=[{"scope": "ip", "limit": 1, "window": "60s"}],
        route={"auth": {"type": "jwt"}},
    )

    made.get("/orders/7")
    found = last(made)
    assert found["reason"] == "auth.missing"
    assert [(step["outcome"], step["hook"]) for step in found["steps"]] == [("auth.missing", "on_request")]

    made.get("/orders/7")
    found = last(made)
    assert found["reason"] == "limit.exceeded"
    assert found["steps"][0]["step"] == "ratelimit:pre"
    assert found["limit"]["remaining"] == 0
    assert found["limit"]["allowed"] is False


def test_a_request_that_no_route_takes() -> None:
    """It is kept without a route."""
    made = gateway()

    made.get("/nothing")

    found = last(made)
    assert (found["status"], found["reason"], found["route"], found["attempts"]) == (404, "route.none", None, [])
    assert [phase["name"] for phase in found["phases"]] in ([], ["gateway"])


def test_what_went_well_is_not_kept() -> None:
    """Nor is what a backend says to the client's address: a 404 of its own."""
    made = gateway()
    made.backend("a").answers(ok(b"none", status=b"404 Not Found"), ok(b"fine"))

    assert made.get("/orders/7").status == 404
    assert made.get("/orders/7").status == 200
    assert made.gateway.foundation.failures.summaries() == []


def test_a_flood_of_one_kind_leaves_the_others() -> None:
    """A hundred at most, twenty of a kind in a second; those that there is most of make room."""
    made = gateway()
    made.backend("a").refuse_connections()
    made.get("/orders/7")
    for _ in range(8):
        for _ in range(A_SECOND + 30):
            made.get("/nothing")
        made.advance(2.0)

    kept = made.gateway.foundation.failures.summaries()

    assert len(kept) == 100
    assert [one["reason"] for one in kept].count("upstream.connect") == 1
    assert made.gateway.foundation.failures.count == 1 + 8 * A_SECOND  # what came besides was not looked at


def test_they_outlive_a_change_of_the_configuration() -> None:
    """And each is without what was to be redacted when it failed."""
    made = gateway(access_log={"redact_query": ["page"]})
    made.get("/nothing?page=2&size=3")
    made.apply(access_log={"redact_query": ["size"]})
    made.get("/nothing?page=2&size=3")

    failures = made.gateway.foundation.failures
    queries = [failures.find(one["id"])["query"] for one in failures.summaries()]

    assert queries == ["page=2&size=REDACTED", "page=REDACTED&size=3"]


def test_waits_are_told_of_where_they_are_traced() -> None:
    """With tracing the steps have times."""
    made = gateway(
        auth=JWT,
        route={"auth": {"type": "jwt"}},
        tracing={"exporter": "console"},
    )

    made.get("/orders/7")

    [step] = last(made)["steps"]
    assert (step["outcome"], step["failed"]) == ("auth.missing", True)
    assert step["start_ms"] is not None


def test_the_attempts_of_a_fetch_are_told_of() -> None:
    """The cache asks in the exchange's place."""
    made = gateway(route={"cache": {"ttl": 60}})
    made.backend("a").refuse_connections()

    made.get("/orders/7")

    assert [one["reason"] for one in last(made)["attempts"]] == ["upstream.connect"]


def test_the_attempts_of_parts_are_told_of() -> None:
    """Each is of an exchange of its own: one that failed, and one that nobody wanted any more."""
    parts = [{"name": name, "upstream": name, "path": f"/{name}", "timeout": "1s"} for name in ("a", "b")]
    made = Harness("a", "b", routes=[{"name": "both", "path": "/both", "aggregate": {"parts": parts}}])
    made.backend("b").refuse_connections()

    assert made.get("/both").status == 502

    told = [(one["upstream"], one["outcome"], one["reason"]) for one in last(made)["attempts"]]
    assert told == [("a", "cancelled", None), ("b", "failed", "upstream.connect")]


def test_nothing_is_loaded_before_something_fails() -> None:
    """A gateway in which all goes well does without the modules that remember."""
    loads = (
        "import sys; from gateway.testing import Harness; made = Harness(); assert made.get('/orders/7').status == 200;"
        "late = {'gateway.telemetry.failures', 'gateway.telemetry.failed_exchange', 'gateway.forwarding.noted'};"
        "assert not late & set(sys.modules); made.get('/nothing'); assert 'gateway.telemetry.failures' in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
