"""`strategy: least_latency`: what forwarders tell of answers, and where exchanges go then."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import FakeClient, Harness

URLS = ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def gateway(route: dict[str, Any] | None = None, **upstream: Any) -> Harness:
    """Two backends, which answer at once with their names."""
    made = Harness(
        "a",
        "b",
        upstreams=[
            {"name": "shop", "strategy": "least_latency", "backends": [{"url": url} for url in URLS], **upstream}
        ],
        routes=[{"name": "shop", "path": "/*", "upstream": "shop", **(route or {})}],
    )
    for name in "ab":
        made.backend(name).answers(ok(name.encode()))
    return made


def takes(made: Harness, name: str, seconds: float, status: bytes = b"200 OK") -> None:
    """Let a backend answer after a time."""

    def answer(asked: Asked) -> bytes | None:
        made.clock.callLater(seconds, asked.connection.send, ok(name.encode(), status=status))
        return None

    made.backend(name).answer = answer


def known(made: Harness) -> list[float | None]:
    """What the gateway takes the backends' answers to take."""
    (shown,) = made.gateway.figures.view()
    return [None if one["answer_seconds"] is None else round(one["answer_seconds"], 3) for one in shown["backends"]]


def ask(made: Harness, requests: int, seconds: float = 0.3) -> list[int]:
    """Make requests one after the other, and count who got them."""
    before = [len(made.backend(name).requests) for name in "ab"]
    for _ in range(requests):
        made.send(GET)
        made.advance(seconds)
    return [len(made.backend(name).requests) - count for name, count in zip("ab", before, strict=True)]


def test_a_slow_backend_gets_little_until_it_is_fast_again() -> None:
    """One exchange, then the other has them; later it is tried again, and has its share."""
    made = gateway()
    takes(made, "a", 0.1)
    takes(made, "b", 3)
    first, second = ask(made, 40)
    assert (first + second, second) == (40, 1)

    takes(made, "b", 0.1)
    made.advance(60)
    first, second = ask(made, 100)
    assert 20 <= second <= 80
    made.check_quiet()


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_a_backend_that_fails_at_once_is_not_fast(seconds: float) -> None:
    """By its status, or refusing connections."""
    made = gateway()
    takes(made, "a", 0.1)
    takes(made, "b", 0.1)
    ask(made, 10)
    takes(made, "b", seconds, b"500 No")
    assert ask(made, 40)[1] <= 6

    made.backend("b").connection.close()
    made.backend("b").refuse_connections()
    ask(made, 40)
    assert 1 <= made.metric("gateway_upstream_attempts_total", backend=URLS[1], outcome="upstream.connect") <= 6


def test_what_a_client_is_slow_to_send_is_not_the_backends_time() -> None:
    """Content that comes while the exchange is forwarded; what the gateway gathers first does not count either."""
    made = gateway()
    for _ in range(2):
        client = made.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        made.advance(5)
        made.send(b"0\r\n\r\n", client)
        assert client.responses()[0].status == 200
    assert known(made) == [None, None]

    for _ in range(4):
        client = made.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n1")
        made.advance(5)
        made.send(b"2", client)
        assert client.responses()[0].status == 200
    assert known(made) == [0.0, 0.0]


def test_a_client_that_gives_up_has_waited_for_the_backend() -> None:
    """It makes a backend slower than it was known to be, and never faster."""
    made = gateway()
    ask(made, 4)
    made.backend("a").stall()
    made.backend("b").stall()
    client = made.send(GET)
    made.advance(2)
    client.reset()
    made.network.pump()
    assert max(filter(None, known(made))) == pytest.approx(2.0, rel=0.1)

    client = made.send(GET)
    client.reset()
    made.network.pump()
    assert max(filter(None, known(made))) == pytest.approx(2.0, rel=0.1)
    made.check_quiet()


def test_a_backend_that_runs_out_of_time_has_failed() -> None:
    """504, and the next exchanges go to the other."""
    made = gateway(route={"timeout": 1})
    ask(made, 4)
    made.backend("b").stall()
    statuses: list[int] = []
    for _ in range(20):
        client: FakeClient = made.send(GET)
        made.advance(1.2)
        statuses += [answer.status for answer in client.responses()]

    assert 1 <= statuses.count(504) <= 6
    assert statuses.count(504) + statuses.count(200) == 20


def test_the_loser_of_a_hedge_was_slow() -> None:
    """Though it never answers, since it is cancelled each time."""
    made = gateway(route={"hedge": {"min_delay": 0.1, "budget": 1}})
    ask(made, 64, 0.0)
    takes(made, "b", 3)
    ask(made, 10)

    assert len([line for line in made.logs[-10:] if line["attempts"] == 2]) == 1
    assert (known(made)[1] or 0.0) > 0.05


def test_one_that_never_answered_is_not_tried_all_the_time() -> None:
    """Its clients leave, so it has nothing to do, and still it is not the one that nothing is known of."""
    made = gateway()
    made.backend("b").stall()
    for _ in range(40):
        client = made.send(GET)
        made.advance(0.1)
        client.reset()
        made.network.pump()

    assert 1 <= len(made.backend("b").requests) <= 3
    made.check_quiet()


def test_a_reload_forgets_nothing() -> None:
    """Nor does another weight, or another backend beside."""
    made = gateway()
    takes(made, "a", 0.01)
    takes(made, "b", 0.2)
    ask(made, 4)
    before = known(made)
    backends = [{"url": URLS[1]}, {"url": URLS[0], "weight": 2}, {"url": "http://127.0.0.1:9003"}]
    made.apply(upstreams=[{"name": "shop", "strategy": "least_latency", "backends": backends}])

    assert known(made) == [before[1], before[0], None]


def test_answers_are_timed_and_rewritten() -> None:
    """A forwarder may have to do both."""
    made = gateway(host_header="backend", rewrite_responses=True)
    made.backend("a").answers(ok(b"a", (b"Location", b"http://127.0.0.1:9001/next"), status=b"302 Found"))
    made.backend("b").answers(ok(b"b", (b"Location", b"http://127.0.0.1:9002/next"), status=b"302 Found"))

    assert {made.get("/").headers.get(b"location") for _ in range(4)} == {b"http://gateway.test/next"}
    assert known(made) == [0.0, 0.0]


def test_who_does_not_ask_measures_nothing() -> None:
    """Neither another strategy nor a single backend."""
    for upstream in ({"strategy": "round_robin"}, {"backends": [{"url": URLS[0]}]}):
        made = gateway(**upstream)
        made.get("/")
        (shown,) = made.gateway.figures.view()
        assert all("answer_seconds" not in one for one in shown["backends"])
