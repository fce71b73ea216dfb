"""Circuit breakers, of backends and of the whole upstream, in a gateway."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.memory.backend import ok
from gateway.testing import Harness

FAILS = ok(b"no", status=b"500 Internal Server Error")


def gateway(*names: str, **upstream: Any) -> Harness:
    """One upstream `orders` with these backends."""
    names = names or ("a",)
    return Harness(
        *names,
        upstreams=[{"name": "orders", "backends": [{"url": f"http://127.0.0.1:{9001 + n}"} for n in range(len(names))],
                    **upstream}],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
    )  # fmt: skip


def fails(made: Harness, *names: str) -> None:
    """Let backends answer 500."""
    for name in names:
        made.backend(name).answers(FAILS)


def well(made: Harness, *names: str) -> None:
    """Let backends answer 200 again."""
    for name in names:
        made.backend(name).answers(ok())


def test_failures_in_a_row_open_it() -> None:
    """The sixth request is answered at once, by 503 with the reason and Retry-After; no backend gets it."""
    made = gateway(circuit_breaker={})
    fails(made, "a")
    for _ in range(5):
        assert made.get("/").status == 500
    heard = len(made.backend("a").requests)

    response = made.get("/")

    assert response.status == 503
    assert response.headers.get(b"gateway-reason") == b"breaker.open"
    assert response.headers.get(b"retry-after") == b"30"
    assert len(made.backend("a").requests) == heard
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 1
    assert made.metric("gateway_circuit_breaker_rejections_total") == 1
    made.check_quiet()


def test_a_success_while_closed_resets_the_count() -> None:
    """Four failures, a success, four failures: still closed."""
    made = gateway(circuit_breaker={})
    for _ in range(2):
        fails(made, "a")
        for _ in range(4):
            made.get("/")
        well(made, "a")
        assert made.get("/").status == 200


def test_the_client_is_never_counted_against_a_backend() -> None:
    """4xx, and 501, say nothing about the backend's state; nor does a client that goes away."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    for status in (b"404 Not Found", b"501 Not Implemented"):
        made.backend("a").answers(ok(status=status))
        made.get("/")
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    client.reset()
    made.network.pump()

    well(made, "a")
    assert made.get("/").status == 200


def test_a_backend_that_hangs_is_counted() -> None:
    """By default `timeouts.request` ends an exchange before its route's timeout does."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(30.5)
    assert client.responses()[0].status == 504

    assert made.get("/").status == 503


@pytest.mark.parametrize("probes", [1, 3])
def test_half_open_lets_so_many_probes_pass_and_no_more(probes: int) -> None:
    """Other requests get 503 at once, and one good answer closes the breaker."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "half_open_requests": probes, "success_threshold": probes})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    backend = made.backend("a")
    heard = len(backend.requests)
    backend.stall()
    waiting = [made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(probes + 2)]

    assert len(backend.requests) - heard == probes
    assert [client.responses()[0].status for client in waiting[probes:]] == [503, 503]
    for asked in backend.requests[heard:]:
        asked.connection.send(ok())
    made.network.pump()

    assert [client.responses()[0].status for client in waiting[:probes]] == [200] * probes
    well(made, "a")
    assert made.get("/").status == 200
    made.check_quiet()


def test_a_probe_that_fails_opens_it_again() -> None:
    """For another whole timeout."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    assert made.get("/").status == 500

    made.advance(29)
    assert made.get("/").status == 503


def test_a_probe_whose_client_leaves_gives_its_place_back() -> None:
    """Otherwise no further probe would pass."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    client.reset()
    made.network.pump()
    well(made, "a")

    assert made.get("/").status == 200


def test_a_stream_proves_by_its_head() -> None:
    """The breaker does not wait for the end of an event stream, which lasts for hours."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    made.backend("a").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegins")
    made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    well(made, "a")

    assert made.get("/").status == 200


def test_an_open_breaker_leaves_its_backend_out() -> None:
    """The other backends take over; 503 only when every breaker is open."""
    made = gateway("a", "b", circuit_breaker={"failure_threshold": 2, "error_rate": {"min_requests": 1000}})
    fails(made, "a")
    for _ in range(4):
        made.get("/")
    heard = len(made.backend("a").requests)

    assert [made.get("/").status for _ in range(4)] == [200] * 4
    assert len(made.backend("a").requests) == heard

    fails(made, "b")
    for _ in range(2):
        made.get("/")
    assert made.get("/").status == 503


def test_who_waits_for_a_connection_when_it_opens_is_not_sent() -> None:
    """An open breaker lets nothing through."""
    made = gateway(circuit_breaker={"failure_threshold": 1}, pool={"max_connections": 1})
    backend = made.backend("a")
    backend.stall()
    clients = [made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(2)]
    assert len(backend.requests) == 1
    backend.requests[0].connection.send(FAILS)
    made.network.pump()

    assert [client.responses()[0].status for client in clients] == [500, 503]
    assert len(backend.requests) == 1
    made.check_quiet()


def test_who_waits_since_before_it_opened_is_no_probe() -> None:
    """Half-open it lets the probe through, though the earlier request is first in line for the connection."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "timeout": 0.3}, pool={"max_connections": 2})
    backend = made.backend("a")
    backend.stall()
    _, _, waiting = [made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(3)]
    (pool,) = made.gateway.foundation.pool.pools()
    connect = pool._openings._connect

    def slowly(keeper: Any) -> Deferred[Any]:
        dialled: Deferred[Any] = Deferred()
        made.clock.callLater(1, lambda: connect(keeper).chainDeferred(dialled))
        return dialled

    pool._openings._connect = slowly
    backend.requests[1].connection.reset()
    made.network.pump()
    made.advance(0.4)
    made.send(b"GET /probe HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(1)

    assert waiting.responses()[0].status == 503
    assert [asked.target for asked in backend.requests[2:]] == [b"/probe"]
    made.hang_up()
    made.check_quiet()


def test_the_share_of_failures_opens_the_whole_upstream() -> None:
    """Each backend fails every other time, too seldom in a row; together they are past the ratio."""
    made = gateway("a", "b", circuit_breaker={"failure_threshold": 100, "error_rate": {"min_requests": 10}})
    answers = iter([ok(), FAILS] * 100)
    for name in ("a", "b"):
        made.backend(name).answer = lambda asked: next(answers)
    statuses = [made.get("/").status for _ in range(12)]

    assert statuses[:10] == [200, 500] * 5
    assert statuses[10:] == [503, 503]
    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 1
    assert made.metric("gateway_circuit_breaker_transitions_total", scope="upstream", to="open") == 1

    made.advance(30.1)
    for name in ("a", "b"):
        well(made, name)
    assert made.get("/").status == 200
    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 0


def test_the_whole_upstream_is_open_where_every_backend_is() -> None:
    """Drained backends do not count; each change of the whole is reported as one of a backend is."""
    made = gateway("a", "b", "c", circuit_breaker={"failure_threshold": 1})
    backends = [*made.configuration["upstreams"][0]["backends"][:2], {"url": "http://127.0.0.1:9003", "weight": 0}]
    made.apply(upstreams=[{**made.configuration["upstreams"][0], "backends": backends}])

    def whole() -> tuple[str, float]:
        shown = made.gateway.figures.view()[0]["circuit_breaker"]["state"]
        return shown, made.metric("gateway_circuit_breaker_state", scope="upstream")

    fails(made, "a", "b")
    made.get("/")
    assert whole() == ("closed", 0)
    made.get("/")
    assert whole() == ("open", 1)
    assert made.gateway.figures.view()[0]["circuit_breaker"]["why"] == "the breaker of every backend is open"
    assert made.get("/").status == 503

    made.advance(30.1)
    well(made, "a", "b")
    assert made.get("/").status == 200
    assert whole() == ("closed", 0)
    counted = made.metric("gateway_circuit_breaker_transitions_total", scope="upstream", to="open")
    assert counted == made.metric("gateway_circuit_breaker_transitions_total", scope="upstream", to="closed") == 1
    assert made.metric("gateway_circuit_breaker_transitions_total", scope="upstream", to="half_open") == 1


def test_failures_that_opened_every_backend_do_not_open_the_whole_once_they_have_recovered() -> None:
    """Fifteen of the first twenty in the minute were failures; but those had their half minute already."""
    made = gateway("a", "b", "c", circuit_breaker={})
    fails(made, "a", "b", "c")
    assert [made.get("/").status for _ in range(16)] == [500] * 15 + [503]
    well(made, "a", "b", "c")
    made.advance(30.1)

    assert [made.get("/").status for _ in range(20)] == [200] * 20


def test_the_whole_upstream_is_as_its_backends_after_a_reload() -> None:
    """It is closed where a backend was added that has not failed."""
    made = gateway("a", "b", circuit_breaker={"failure_threshold": 1})
    backends = made.configuration["upstreams"][0]["backends"]
    made.apply(upstreams=[{**made.configuration["upstreams"][0], "backends": backends[:1]}])
    fails(made, "a")
    made.get("/")
    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 1

    made.apply(upstreams=[{**made.configuration["upstreams"][0], "backends": backends}])
    assert made.get("/").status == 200
    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 0


def test_a_static_fallback() -> None:
    """With its status, its body and its media type; the log still has the reason."""
    fallback = {"status": 200, "body": '{"orders": []}', "content_type": "application/json"}
    made = gateway(circuit_breaker={"failure_threshold": 1, "fallback": fallback})
    fails(made, "a")
    made.get("/")

    response = made.get("/")

    assert (response.status, response.body) == (200, b'{"orders": []}')
    assert response.headers.get(b"content-type") == b"application/json"
    assert made.last_log["reason"] == "breaker.open"


def test_a_media_type_in_any_script() -> None:
    """Field values of the configuration go out as UTF-8: none of them keeps the gateway from starting."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "fallback": {"body": "x", "content_type": "text/x; y=ż"}})
    fails(made, "a")
    made.get("/")

    assert made.get("/").headers.get(b"content-type") == "text/x; y=ż".encode()


def test_another_upstream_as_fallback() -> None:
    """It is asked in place of the first; if it fails too, the client gets its error."""
    breaker = {"failure_threshold": 1, "fallback": {"upstream": "spare"}}
    made = Harness(
        "a", "b",
        upstreams=[
            {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": breaker},
            {"name": "spare", "backends": [{"url": "http://127.0.0.1:9002"}],
             "circuit_breaker": {"failure_threshold": 1, "fallback": {"upstream": "orders"}}},
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
    )  # fmt: skip
    fails(made, "a")
    made.get("/")
    well(made, "b")

    assert made.get("/").status == 200
    assert made.last_log["upstream_service"] == "spare"

    fails(made, "b")
    made.get("/")
    assert made.get("/").status == 503


SPLIT = [{"name": "orders", "weight": 1}, {"name": "spare", "weight": 1}]


@pytest.mark.parametrize(
    "route",
    [
        {"upstream": "orders"},
        {"upstream": SPLIT},
        {"upstream": "orders", "cache": {}},
        {"upstream": SPLIT, "cache": {}},
        {"upstream": SPLIT, "cache": {"coalesce": False}},
    ],
    ids=["one", "split", "one, kept", "split, kept", "split, kept, each alone"],
)
def test_a_fallback_gives_its_place_back(route: dict[str, Any]) -> None:
    """Whichever exchange took it: with a cache in between it is the cache's own, not the client's."""
    made = Harness(
        "a", "b",
        upstreams=[
            {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}],
             "circuit_breaker": {"failure_threshold": 1, "fallback": {"upstream": "spare"}}},
            {"name": "spare", "backends": [{"url": "http://127.0.0.1:9002"}], "in_flight": 1},
        ],
        routes=[{"name": "orders", "path": "/*", **route}],
    )  # fmt: skip
    fails(made, "a")
    for number in range(4):
        made.get(f"/{number}")
    well(made, "b")

    assert {made.get(f"/again/{number}").status for number in range(4)} == {200}
    assert made.last_log["upstream_service"] == "spare"
    made.check_quiet()


def test_a_reload_forgets_nothing() -> None:
    """A breaker that is open stays open where its rules are the same."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")

    made.apply(trusted_proxies=["192.0.2.0/24"])
    assert made.get("/").status == 503

    upstream = {**made.configuration["upstreams"][0], "circuit_breaker": {"failure_threshold": 2}}
    made.apply(upstreams=[upstream])
    assert made.get("/").status == 500


def test_one_block_is_for_every_upstream_without_its_own() -> None:
    """`circuit_breaker` at the top."""
    made = gateway()
    made.apply(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")

    assert made.get("/").status == 503


def test_without_a_breaker_nothing_is_kept_back() -> None:
    """It is off by default."""
    made = gateway()
    fails(made, "a")

    assert [made.get("/").status for _ in range(30)] == [500] * 30


def test_open_until_a_health_check_passes_says_when_to_come_back() -> None:
    """The time is not known: `Retry-After` is a second, as without a healthy backend; the admin listener shows none."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "close_on": "health_check"}, health_check={})
    fails(made, "a")
    made.get("/")

    response = made.get("/")

    assert response.status == 503
    assert response.headers.get(b"gateway-reason") == b"breaker.open"
    assert response.headers.get(b"retry-after") == b"1"
    [shown] = made.gateway.figures.view()
    assert shown["backends"][0]["circuit_breaker"]["probe_in_seconds"] is None


def test_a_backend_that_passed_its_checks_all_the_while_is_probed_once_the_timeout_has_passed() -> None:
    """With `close_on: health_check` too: a check that has never failed cannot pass *again*."""
    made = gateway(
        circuit_breaker={"failure_threshold": 1, "close_on": "health_check"},
        health_check={"expected_status": [500, 200]},
    )
    fails(made, "a")
    made.get("/")
    made.advance(25)
    assert made.get("/").status == 503
    made.advance(20)
    well(made, "a")

    assert made.get("/").status == 200
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 0


def test_without_a_health_check_it_cannot_be_waited_for() -> None:
    """Where `close_on: health_check` is for all upstreams, the timeout ends it on one without checks."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "close_on": "health_check"})
    fails(made, "a")
    made.get("/")
    assert made.get("/").headers.get(b"retry-after") == b"30"
    well(made, "a")
    made.advance(30.1)

    assert made.get("/").status == 200


UPLOADS = [
    b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    b"Content-Length: 100000\r\n\r\nx",
    b"Content-Length: 9\r\n\r\nx",
]


@pytest.mark.parametrize("content", UPLOADS)
def test_a_slow_upload_takes_nobodys_probe(content: bytes) -> None:
    """A probe is a request whose content is all there: however many strangers send slowly, the backend comes back."""
    made = gateway(circuit_breaker={"failure_threshold": 1, "error_rate": {"min_requests": 1}})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    well(made, "a")
    for _ in range(3):
        made.send(b"POST / HTTP/1.1\r\nHost: h\r\n" + content)

    assert made.get("/").status == 200
    assert made.get("/").status == 200


def test_a_service_of_uploads_recovers() -> None:
    """Requests that stream may be probes, one at a time; one that never ends does not block the next for ever."""
    made = gateway(circuit_breaker={"failure_threshold": 1})
    fails(made, "a")
    made.get("/")
    made.advance(30.1)
    well(made, "a")
    upload = b"POST / HTTP/1.1\r\nHost: h\r\n" + UPLOADS[0]
    first, second = made.send(upload), made.send(upload)
    assert [response.status for response in second.responses()] == [503]
    for _ in range(3):
        made.advance(10)
        made.send(b"1\r\nx\r\n", first)
    third = made.send(upload + b"0\r\n\r\n")

    assert [response.status for response in third.responses()] == [200]
    assert made.get("/").status == 200


def test_failures_are_counted_beyond_the_moment_it_opens() -> None:
    """The gauge keeps what opened it until it closes; the counter keeps all (R-CB-12)."""
    made = gateway(circuit_breaker={"failure_threshold": 3})
    fails(made, "a")
    for _ in range(5):
        made.get("/")
    counted = made.metric("gateway_circuit_breaker_failed_total", scope="backend", upstream="orders")
    assert (counted, made.metric("gateway_circuit_breaker_failures", scope="backend")) == (3, 3)
    made.advance(30.1)
    made.get("/")
    assert made.metric("gateway_circuit_breaker_failed_total", scope="backend", upstream="orders") == 4
    assert made.metric("gateway_circuit_breaker_failures", scope="backend") == 3
    made.advance(30.1)
    well(made, "a")
    assert made.get("/").status == 200
    assert made.metric("gateway_circuit_breaker_failures", scope="backend") == 0
