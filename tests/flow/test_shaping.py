"""`rate_limit_queue`: over a limit, requests wait in place of 429."""

from __future__ import annotations

from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"


def gateway() -> Harness:
    """One request every 100 ms; two may wait for up to half a second."""
    route = {
        "name": "orders",
        "path": "/orders/*",
        "upstream": "orders",
        "rate_limit": {"requests": 10, "window": "1s", "burst": 1},
        "rate_limit_queue": {"size": 2, "timeout": "500ms"},
    }
    return Harness("orders", routes=[route])


def test_they_are_served_in_their_turn() -> None:
    """With the limit's fields; when the queue is full it is 429."""
    made = gateway()
    clients = [made.send(GET) for _ in range(4)]

    def statuses() -> list[int]:
        return [response.status for client in clients for response in client.responses()]

    assert statuses() == [200, 429]
    assert len(made.backend("orders").requests) == 1
    made.advance(0.101)
    assert statuses() == [200, 200, 429]
    made.advance(0.101)
    assert statuses() == [200, 200, 200, 429]
    (last,) = clients[2].responses()
    assert last.headers.get(b"x-ratelimit-remaining") == b"0"
    assert made.metric("gateway_rate_limit_queued_total", route="orders") == 2
    assert made.metric("gateway_rate_limit_violations_total", route="orders") == 1
    made.check_quiet()


def test_a_client_that_leaves_takes_nobodys_turn() -> None:
    """The next request is served in its place."""
    made = gateway()
    made.send(GET)
    gone, stays = made.send(GET), made.send(GET)
    gone.reset()
    made.network.pump()

    made.advance(0.101)

    assert [response.status for response in stays.responses()] == [200]
    made.check_quiet()
