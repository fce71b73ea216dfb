"""Attempts that are made again: which, on which backend, when, and at what cost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import FakeClient, Harness

BUSY = ok(b"busy", status=b"503 Service Unavailable")
FAILS = ok(b"no", status=b"500 Internal Server Error")


def gateway(*names: str, retry: Any = None, timeout: float = 30, **upstream: Any) -> Harness:
    """One upstream `orders` with these backends, and a route that retries."""
    names = names or ("a", "b")
    return Harness(
        *names,
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": f"http://127.0.0.1:{9001 + n}"} for n in range(len(names))],
                **upstream,
            }
        ],
        routes=[
            {
                "name": "orders",
                "path": "/*",
                "upstream": "orders",
                "timeout": timeout,
                "retry": {} if retry is None else retry,
            }
        ],
    )


def ask(made: Harness, method: str = "GET", body: bytes | None = None, **headers: str) -> FakeClient:
    """Make a request, and let the waits between attempts pass."""
    client = made.client()
    made.request(method, "/", {name.replace("_", "-"): value for name, value in headers.items()}, body, client)
    made.advance(1)
    return client


def status(client: FakeClient) -> int:
    """The status of the one response."""
    [response] = client.responses()
    return response.status


def heard(made: Harness, *names: str) -> list[int]:
    """How many requests each backend got."""
    return [len(made.backend(name).requests) for name in names]


def test_another_backend_takes_over() -> None:
    """The first refuses the connection, the second answers; the client notices nothing."""
    made = gateway()
    made.backend("a").refuse_connections()

    assert status(ask(made)) == 200
    assert made.last_log["attempts"] == 2
    assert made.metric("gateway_retries_total", reason="upstream.connect", outcome="ok") == 1
    made.check_quiet()


def test_a_status_that_is_named_is_tried_again() -> None:
    """503 is in the default list, 500 is not."""
    made = gateway()
    made.backend("a").answers(BUSY)
    assert status(ask(made)) == 200

    made = gateway()
    made.backend("a").answers(FAILS)
    assert status(ask(made)) == 500


def test_when_nothing_helps_the_last_answer_is_the_answer() -> None:
    """Three attempts in all, then the client has the status of the backend."""
    made = gateway()
    for name in ("a", "b"):
        made.backend(name).answers(BUSY)

    client = ask(made)

    assert (status(client), client.responses()[0].body) == (503, b"busy")
    assert sum(heard(made, "a", "b")) == 3
    assert made.metric("gateway_retries_total", reason="status_503", outcome="failed") == 2


def test_a_single_backend_is_tried_again() -> None:
    """Where the upstream has no other."""
    made = gateway("a")
    made.backend("a").answers(BUSY, ok())

    assert status(ask(made)) == 200


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_acted_upon_is_not_sent_twice(method: str) -> None:
    """The backend had the request and broke off: 502, and no other backend gets it."""
    made = gateway()
    for name in ("a", "b"):
        made.backend(name).reset_on_data()

    assert status(ask(made, method, b"x")) == 502
    assert sum(len(made.backend(name).connections) for name in ("a", "b")) == 1


def test_what_was_never_sent_may_go_anywhere() -> None:
    """With any method: over a refused connection nothing was sent."""
    made = gateway()
    made.backend("a").refuse_connections()

    assert status(ask(made, "POST", b"content")) == 200
    assert made.backend("b").last.body == b"content"


def test_an_idempotency_key_lets_a_post_be_repeated_where_the_route_says_so() -> None:
    """On other routes it is not repeated."""
    for allowed, expected in ((True, 200), (False, 503)):
        made = gateway(retry={"idempotency_key": allowed})
        made.backend("a").answers(BUSY)
        assert status(ask(made, "POST", b"x", Idempotency_Key="1")) == expected


def test_content_is_sent_again_from_the_start() -> None:
    """A PUT whose backend breaks off reaches the next one whole."""
    made = gateway()
    made.backend("a").reset_on_data()

    assert status(ask(made, "PUT", b"0123456789")) == 200
    assert made.backend("b").last.body == b"0123456789"


def test_content_that_still_comes_goes_to_the_second_backend_whole() -> None:
    """Though half of it went to the first."""
    made = gateway()
    made.backend("a").reset_on_data()
    client = made.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n01234")
    made.advance(1)
    made.send(b"56789", client)
    made.advance(1)

    assert status(client) == 200
    assert made.backend("b").last.body == b"0123456789"
    made.check_quiet()


def test_more_content_than_is_kept_is_sent_once() -> None:
    """Memory is bounded: past `buffer` there is no second attempt."""
    made = gateway(retry={"buffer": 8})
    for name in ("a", "b"):
        made.backend(name).reset_on_data()

    assert status(ask(made, "PUT", b"0123456789")) == 502
    assert sum(len(made.backend(name).connections) for name in ("a", "b")) == 1


@pytest.mark.parametrize(("fault", "reason"), [("resets", "upstream.reset"), ("is busy", "upstream.reset")])
def test_what_comes_during_the_wait_may_be_more_than_is_kept(fault: str, reason: str) -> None:
    """Then there is no further attempt: the first has taken what would be missing."""
    made = gateway("a", retry={"buffer": 50, "backoff": 0.5, "on": ["reset", 503]})
    backend = made.backend("a")
    backend.stall()
    client = made.client()
    client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + bytes(32) + b"\r\n")
    made.network.pump()
    if fault == "resets":
        backend.connection.reset()
    else:
        backend.connection.send(BUSY)
    made.network.pump()
    client.send(b"40\r\n" + bytes(64) + b"\r\n")
    made.network.pump()
    made.advance(2)

    [response] = client.responses()
    assert (response.status, response.headers.get(b"gateway-reason")) == (502, reason.encode())
    assert len(backend.connections) == 1
    client.close()
    made.network.pump()
    made.check_quiet()


def test_the_wait_grows_and_is_drawn() -> None:
    """Full jitter: a random wait of up to 25 ms, then of up to 50 ms."""
    made = gateway("a", retry={"attempts": 5, "backoff": 2, "max_backoff": 8}, timeout=1000)
    made.apply(timeouts={"request": 1000})
    made.backend("a").answers(BUSY)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    times: list[float] = []
    for _ in range(400):
        if heard(made, "a")[0] > len(times):
            times.append(made.clock.seconds())
        made.advance(0.1)

    waits = [after - before for before, after in pairwise(times)]
    assert len(waits) == 5
    assert all(wait <= most + 0.11 for wait, most in zip(waits, (2, 4, 8, 8, 8), strict=True))
    assert status(client) == 503


def test_all_attempts_together_have_the_routes_timeout() -> None:
    """One backend hangs and another would answer: the client does not wait longer than `timeout`."""
    made = gateway(retry={"on": ["timeout"], "per_try_timeout": 4}, timeout=6)
    for name in ("a", "b"):
        made.backend(name).stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(5.9)
    assert client.responses() == []
    made.advance(0.5)

    assert status(client) == 504
    assert heard(made, "a", "b") == [1, 1]


def test_one_attempt_has_its_own_timeout() -> None:
    """The backend that hangs is left for another after `per_try_timeout`."""
    made = gateway(retry={"per_try_timeout": 2})
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(3)

    assert status(client) == 200


def test_a_budget_bounds_the_retries() -> None:
    """When everything fails, no more than a fifth (and three a second) is tried again."""
    made = gateway("a", retry={"budget": 0.2, "min_per_second": 0, "backoff": 0})
    made.backend("a").answers(BUSY)
    for _ in range(100):
        made.get("/")
        made.network.pump()
        made.clock.advance(0)
        made.network.pump()

    assert 100 <= heard(made, "a")[0] <= 121
    assert made.metric("gateway_retries_total", outcome="budget") >= 80
    assert made.metric("gateway_retry_budget", route="orders") < 1


def test_a_client_that_leaves_between_attempts_ends_it() -> None:
    """Nothing more is sent for it."""
    made = gateway("a", retry={"backoff": 10, "max_backoff": 10})
    made.backend("a").answers(BUSY)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    client.reset()
    made.advance(12)

    assert heard(made, "a") == [1]
    made.check_quiet()


def test_the_service_is_judged_by_what_its_clients_see() -> None:
    """A retry that succeeds is no failure of the upstream, though the breaker of one backend opens."""
    breaker = {"failure_threshold": 3, "error_rate": {"min_requests": 4, "ratio": 0.3}}
    made = gateway(circuit_breaker=breaker)
    made.backend("a").reset_on_data()
    for _ in range(12):
        assert status(ask(made)) == 200

    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 0
    assert made.metric("gateway_circuit_breaker_state", scope="backend", backend="http://127.0.0.1:9001") == 1


def test_an_upgrade_is_not_asked_for_twice() -> None:
    """The first backend may have changed the protocol."""
    made = gateway()
    for name in ("a", "b"):
        made.backend(name).reset_on_data()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
    made.advance(1)

    assert status(client) == 502
    assert sum(len(made.backend(name).connections) for name in ("a", "b")) == 1


def test_a_streaming_answer_of_a_named_status_is_given_up() -> None:
    """Its connection is closed, and the other backend answers."""
    made = gateway()
    made.backend("a").answers(b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nbusy")

    assert status(ask(made)) == 200
    assert made.backend("a").connection.closed is not None
    made.check_quiet()


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"


def test_an_answer_that_breaks_off_is_made_again() -> None:
    """A short answer is held until it is complete, so that the client notices nothing."""
    made = gateway()
    made.backend("a").answers(HALF)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert client.received == b""
    made.backend("a").connection.reset()
    made.advance(1)

    assert (status(client), client.responses()[0].body) == (200, b"ok")
    made.check_quiet()


def test_a_held_answer_comes_when_it_is_whole() -> None:
    """With its length and its content."""
    made = gateway()
    made.backend("a").answers(HALF)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.backend("a").connection.send(b"56789")
    made.network.pump()

    assert client.responses()[0].body == b"0123456789"
    assert heard(made, "a", "b") == [1, 0]
    made.check_quiet()


def test_a_held_answer_may_stop_as_long_as_one_attempt_may_take() -> None:
    """After that another backend is tried."""
    made = gateway(retry={"per_try_timeout": 2})
    made.backend("a").answers(HALF)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(3)

    assert client.responses()[0].body == b"ok"
    made.check_quiet()


@pytest.mark.parametrize(
    ("method", "answer", "retry"),
    [
        ("POST", HALF, {}),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", {}),
        ("GET", HALF, {"buffer": 9}),
        ("GET", HALF, {"attempts": 0}),
    ],
    ids=["may not be repeated", "of unknown length", "too long", "no attempt left"],
)
def test_any_other_answer_passes_as_it_comes(method: str, answer: bytes, retry: dict[str, int]) -> None:
    """If it breaks off, the client's connection does: no silent truncation, no second answer."""
    made = gateway(retry=retry)
    made.backend("a").answers(answer)
    client = made.send(f"{method} / HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert client.received.startswith(b"HTTP/1.1 200 OK")
    made.backend("a").connection.reset()
    made.advance(1)

    assert client.closed is not None
    assert heard(made, "a", "b") == [1, 0]
    made.check_quiet()


def test_a_client_that_leaves_while_its_answer_is_held() -> None:
    """The attempt ends."""
    made = gateway()
    made.backend("a").answers(HALF)
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    client.reset()
    made.network.pump()

    assert made.backend("a").connection.closed is not None
    made.check_quiet()


def test_without_the_block_only_the_race_is_run_again() -> None:
    """Without `retry` nothing is tried again but an attempt lost in the keep-alive race."""
    made = gateway()
    made.apply(routes=[{"name": "orders", "path": "/*", "upstream": "orders"}])
    made.backend("a").refuse_connections()

    assert status(ask(made)) == 502


def test_each_backend_is_called_by_its_own_name() -> None:
    """A retried request of HTTP/1.0 without Host gets the name of the backend that it goes to."""
    made = Harness(
        "a",
        "b",
        upstreams=[{"name": "both", "backends": [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}]}],
        routes=[{"path": "/*", "upstream": "both", "retry": {"attempts": 1, "on": [503], "backoff": 0}}],
    )
    for name in ("a", "b"):
        made.backend(name).answers(ok(b"no", status=b"503 Service Unavailable"))
    made.send(b"GET /x HTTP/1.0\r\n\r\n")
    made.advance(1)
    heard = {name: [asked.headers.get(b"host") for asked in made.backend(name).requests] for name in ("a", "b")}
    assert heard == {"a": [b"127.0.0.1:9001"], "b": [b"127.0.0.1:9002"]}


def test_the_back_off_really_waits() -> None:
    """The second attempt begins when the random wait is over, and not before."""
    made = gateway("a", retry={"attempts": 1, "on": [503], "backoff": 4, "max_backoff": 4}, timeout=1000)
    backend = made.backend("a")
    backend.answers(ok(b"no", status=b"503 Service Unavailable"))
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    calls: Any = made.clock.getDelayedCalls()
    (call,) = [call for call in calls if "Backoff" in repr(call.func)]
    wait = call.getTime() - made.clock.seconds()
    assert 0 < wait <= 4
    made.clock.advance(wait - 0.001)
    made.network.pump()
    assert (len(backend.requests), client.received) == (1, b"")
    backend.answers(ok())
    made.clock.advance(0.002)
    made.network.pump()
    assert len(backend.requests) == 2
    assert [response.status for response in client.responses()] == [200]
