"""A second attempt beside a slow first one."""

from __future__ import annotations

from typing import Any

from gateway.memory.backend import ok
from gateway.testing import FakeClient, Harness

FAILS = ok(b"no", status=b"500 Internal Server Error")
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def gateway(**hedge: Any) -> Harness:
    """A route whose two backends are known to answer at once, so that 0.1 s is slow."""
    made = Harness(
        "a",
        "b",
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)],
                "circuit_breaker": {},
            }
        ],
        routes=[
            {
                "name": "orders",
                "path": "/*",
                "upstream": "orders",
                "hedge": {"min_delay": 0.1, "budget": 1, **hedge},
                "retry": {},
            }
        ],
    )
    for _ in range(32):
        made.get("/")
    for name in ("a", "b"):
        made.backend(name).requests.clear()
    return made


def statuses(client: FakeClient) -> list[int]:
    """The statuses of the responses so far."""
    return [response.status for response in client.responses()]


def test_the_second_answers_for_a_first_that_hangs() -> None:
    """The client waits for the usual time only; the first attempt is cancelled."""
    made = gateway()
    made.backend("a").stall()
    client = made.send(GET)
    made.advance(0.05)
    assert statuses(client) == []
    made.advance(0.1)

    assert statuses(client) == [200]
    assert made.backend("a").requests[0].connection.closed is not None
    assert made.last_log["attempts"] == 2
    assert made.last_log["backend"] == "http://127.0.0.1:9002"
    assert made.metric("gateway_hedges_total", outcome="won") == 1
    made.check_quiet()


def test_the_first_may_still_win() -> None:
    """The second attempt is cancelled then."""
    made = gateway()
    made.backend("a").stall()
    made.backend("b").stall()
    client = made.send(GET)
    made.advance(0.2)
    made.backend("a").requests[0].connection.send(ok(b"first"))
    made.network.pump()

    assert client.responses()[0].body == b"first"
    assert made.backend("b").requests[0].connection.closed is not None
    assert made.metric("gateway_hedges_total", outcome="lost") == 1
    made.check_quiet()


def test_a_failure_of_one_leaves_the_exchange_to_the_other() -> None:
    """Whether it breaks off or answers 5xx; the client gets an error only when both fail."""
    for failure in (lambda asked: asked.connection.reset(), lambda asked: asked.connection.send(FAILS)):
        made = gateway()
        made.backend("a").stall()
        made.backend("b").stall()
        client = made.send(GET)
        made.advance(0.2)
        failure(made.backend("a").requests[0])
        made.network.pump()
        assert statuses(client) == []

        made.backend("b").requests[0].connection.send(ok(b"second"))
        made.network.pump()
        assert client.responses()[0].body == b"second"
        made.check_quiet()


def test_when_both_fail_it_is_the_last_one_that_counts() -> None:
    """The client gets the answer of the attempt that ran on."""
    made = gateway()
    made.backend("a").stall()
    made.backend("b").stall()
    client = made.send(GET)
    made.advance(0.2)
    for name in ("a", "b"):
        made.backend(name).requests[0].connection.send(FAILS)
        made.network.pump()

    assert statuses(client) == [500]
    made.check_quiet()


def test_what_must_not_be_sent_twice_is_not() -> None:
    """A POST waits for the one backend that it was sent to."""
    made = gateway()
    made.backend("a").stall()
    client = made.send(b"POST / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(1)

    assert statuses(client) == []
    assert made.backend("b").requests == []


def test_a_client_that_leaves_ends_both() -> None:
    """And no count of exchanges in flight stays behind."""
    made = gateway()
    made.backend("a").stall()
    made.backend("b").stall()
    client = made.send(GET)
    made.advance(0.2)
    client.reset()
    made.network.pump()

    assert all(made.backend(name).requests[0].connection.closed is not None for name in ("a", "b"))
    made.check_quiet()


def test_no_more_than_the_budget() -> None:
    """An upstream that is slow as a whole does not get twice the load."""
    made = gateway(budget=0.1)
    made.backend("a").stall()
    made.backend("b").stall()
    for _ in range(60):
        made.send(GET)
    made.advance(0.2)

    # A tenth of these and of the 32 that came first.
    assert sum(len(made.backend(name).requests) for name in ("a", "b")) == 60 + 9
    assert made.metric("gateway_hedges_total", outcome="budget") == 51


def test_an_open_breaker_of_the_upstream_stops_hedges_too() -> None:
    """The breaker opens after the first attempt was sent: no second one follows."""
    made = gateway()
    made.backend("a").stall()
    made.send(GET)
    [upstream] = made.gateway.root.tree.upstreams.values()
    assert upstream.breaker is not None
    for _ in range(40):
        upstream.breaker.failed(made.now(), upstream.breaker.admit(made.now()))
    made.advance(1)

    assert made.backend("b").requests == []


def test_nothing_is_hedged_before_it_is_known_what_is_usual() -> None:
    """A gateway that has just started has no percentile yet."""
    made = Harness(
        "a",
        "b",
        upstreams=[
            {"name": "orders", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)]},
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders", "hedge": {}}],
    )
    made.backend("a").stall()
    made.send(GET)
    made.advance(5)

    assert made.backend("b").requests == []
