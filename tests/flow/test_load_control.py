"""Load control in a whole gateway: places, queues, shedding, and that no place is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from gateway.memory.backend import ok
from gateway.middleware.gate import Gate
from gateway.telemetry.memory import resident
from gateway.testing import FakeClient, Harness
from tests.flow.test_disorder import World

Make = Callable[..., Harness]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
QUEUE = {"size": 10, "timeout": "5s"}
PRIORITIES = ("low", "normal", "high")


def by_priority(**more: Any) -> list[dict[str, Any]]:
    """A route for each priority, all to one upstream."""
    return [{"name": name, "path": f"/{name}/*", "upstream": "orders", "priority": name, **more} for name in PRIORITIES]


@pytest.fixture
def one_place(make: Make) -> Harness:
    """A gateway with one place and a queue, whose backend answers when the test says so."""
    gateway = make("orders", routes=by_priority(), limits={"in_flight": 1, "queue": QUEUE})
    gateway.backend("orders").stall()
    return gateway


def ask(gateway: Harness, target: str) -> FakeClient:
    """Make a request on a connection of its own."""
    return gateway.send(b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target.encode())


def answer(gateway: Harness, body: bytes = b"ok") -> None:
    """Let the backend answer its last request."""
    gateway.backend("orders").last.connection.send(ok(body))
    gateway.network.pump()


def asked(gateway: Harness) -> list[str]:
    """The requests that the backend got, in order."""
    return [request.target.decode() for request in gateway.backend("orders").requests]


def statuses(*clients: FakeClient) -> list[int]:
    """The status that each client got; 0 for one that still waits."""
    return [client.responses()[0].status if client.received else 0 for client in clients]


def test_the_queue_is_by_priority_and_then_by_coming(one_place: Harness) -> None:
    """The request of the lowest priority came first and goes last; all are served."""
    clients = [ask(one_place, f"/{name}") for name in ("low/0", "low/1", "normal/2", "high/3", "normal/4", "high/5")]
    for _ in clients:
        answer(one_place)

    assert asked(one_place) == ["/low/0", "/high/3", "/high/5", "/normal/2", "/normal/4", "/low/1"]
    assert statuses(*clients) == [200] * 6


def test_what_matters_more_takes_the_place_of_what_matters_less(make: Make) -> None:
    """In a full queue; the displaced request gets 503 and Retry-After at once."""
    limits = {"in_flight": 1, "queue": {"size": 2, "timeout": "5s"}}
    gateway = make("orders", routes=by_priority(), limits=limits)
    gateway.backend("orders").stall()
    clients = [ask(gateway, target) for target in ("/low/0", "/low/1", "/low/2", "/high/3", "/low/4")]

    assert statuses(*clients) == [0, 0, 503, 0, 503]
    (displaced,) = clients[2].responses()
    assert displaced.headers.get(b"Gateway-Reason") == b"limit.in_flight"
    assert displaced.headers.get(b"Retry-After") is not None
    for _ in range(3):
        answer(gateway)
    assert asked(gateway) == ["/low/0", "/high/3", "/low/1"]
    refused = {cause: gateway.metric("gateway_admission_refused_total", cause=cause) for cause in ("full", "displaced")}
    assert refused == {"full": 1, "displaced": 1}


def test_nobody_waits_longer_than_the_queue_s_timeout(one_place: Harness) -> None:
    """503 after that, and the backend does not get the request."""
    first, second = ask(one_place, "/normal/1"), ask(one_place, "/normal/2")
    one_place.advance(4.9)
    assert statuses(second) == [0]
    one_place.advance(0.3)

    assert statuses(first, second) == [0, 503]
    assert one_place.last_log["reason"] == "limit.in_flight"
    assert one_place.metric("gateway_admission_refused_total", scope="gateway", cause="timeout") == 1
    answer(one_place)
    assert asked(one_place) == ["/normal/1"]


def test_a_client_that_goes_while_it_waits_takes_nobody_s_place(one_place: Harness) -> None:
    """The next request has its turn; the log has `request.aborted` for the one that went."""
    first, gone, last = (ask(one_place, f"/normal/{number}") for number in (1, 2, 3))
    gone.reset()
    one_place.network.pump()
    assert one_place.last_log["reason"] == "request.aborted"
    answer(one_place)
    answer(one_place)

    assert asked(one_place) == ["/normal/1", "/normal/3"]
    assert statuses(first, last) == [200, 200]


def test_an_exchange_out_of_time_leaves_the_queue(make: Make) -> None:
    """`timeouts.request` is shorter than the queue's: 504, and no place is lost."""
    limits = {"in_flight": 1, "queue": {"size": 2, "timeout": "60s"}}
    gateway = make("orders", limits=limits, timeouts={"request": "2s"})
    gateway.backend("orders").stall()
    clients = [ask(gateway, "/orders/1"), ask(gateway, "/orders/2")]
    gateway.advance(2.2)

    assert statuses(*clients) == [504, 504]
    gateway.check_quiet()


def test_a_request_that_waits_keeps_its_content(one_place: Harness) -> None:
    """However much of it comes meanwhile; past a bound the client is paused."""
    content = bytes(range(256)) * 4_000
    ask(one_place, "/normal/1")
    client = one_place.client()
    one_place.send(b"POST /normal/2 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(content), client)
    one_place.send(content, client)
    assert client.transport.unread > len(content) / 2  # type: ignore[union-attr]
    answer(one_place)
    answer(one_place)

    assert one_place.backend("orders").last.body == content
    assert statuses(client) == [200]


def test_a_queue_whose_backend_is_gone_is_over_at_once(one_place: Harness) -> None:
    """Each request that gets the place fails and gives it back, until none is left."""
    clients = [ask(one_place, f"/normal/{number}") for number in range(10)]
    one_place.backend("orders").refuse_connections()
    one_place.backend("orders").connection.reset()
    one_place.network.pump()

    assert statuses(*clients) == [502] * 10
    one_place.check_quiet()


def test_what_the_gateway_answers_itself_needs_no_place(one_place: Harness) -> None:
    """Health paths must answer under load; a 404 is no work."""
    ask(one_place, "/normal/1")

    assert one_place.get("/health").status == 200
    assert one_place.get("/nowhere").status == 404


def test_a_tunnel_holds_its_place_until_it_ends(one_place: Harness) -> None:
    """It is in flight until then."""
    one_place.backend("orders").answers(SWITCH, ok())
    upgrade = b"GET /normal/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    tunnel = one_place.send(upgrade)
    waiting = ask(one_place, "/normal/1")
    one_place.send(b"hello", tunnel)

    assert statuses(tunnel, waiting) == [101, 0]
    tunnel.reset()
    one_place.network.pump()
    assert statuses(waiting) == [200]


def test_a_route_is_limited_by_itself(make: Make) -> None:
    """A route whose backend hangs does not hold up another."""
    routes = [
        {"name": "slow", "path": "/slow/*", "upstream": "orders", "in_flight": 2},
        {"name": "fast", "path": "/fast/*", "upstream": "users"},
    ]
    gateway = make("orders", "users", routes=routes)
    gateway.backend("orders").stall()
    clients = [ask(gateway, "/slow/1") for _ in range(3)]

    assert statuses(*clients) == [0, 0, 503]
    assert gateway.get("/fast/1").status == 200
    assert gateway.metric("gateway_admission_in_flight", scope="route", name="slow") == 2
    assert gateway.metric("gateway_admission_limit", scope="route", name="slow") == 2


def test_an_upstream_is_limited_over_all_of_its_routes(make: Make) -> None:
    """Two routes share its limit; the one of higher priority goes first."""
    gateway = make("orders", routes=by_priority())
    gateway.apply(upstreams=[gateway.upstream("orders", in_flight=2, queue=QUEUE)])
    gateway.backend("orders").stall()
    clients = [ask(gateway, target) for target in ("/low/1", "/high/2", "/low/3", "/high/4")]
    assert statuses(*clients) == [0] * 4
    assert gateway.metric("gateway_admission_waiting", scope="upstream", name="orders") == 2
    for _ in range(2):
        answer(gateway)

    assert asked(gateway) == ["/low/1", "/high/2", "/high/4", "/low/3"]
    assert gateway.metric("gateway_admission_queued_total", scope="upstream", name="orders") == 2


def test_a_split_route_waits_before_the_upstream_it_was_given_to(make: Make) -> None:
    """A full upstream does not hold up requests for the other."""
    split = [{"name": "orders", "weight": 1}, {"name": "users", "weight": 1}]
    gateway = make("orders", "users", routes=[{"name": "split", "path": "/*", "upstream": split}])
    upstreams = [gateway.upstream("orders", in_flight=1, queue=QUEUE), gateway.upstream("users")]
    gateway.apply(upstreams=upstreams)
    gateway.backend("orders").stall()
    clients = [ask(gateway, f"/{number}") for number in range(6)]

    assert sorted(statuses(*clients)) == [0, 0, 0, 200, 200, 200]
    assert len(asked(gateway)) == 1
    for _ in range(3):
        answer(gateway)
    assert statuses(*clients) == [200] * 6
    assert len(asked(gateway)) == len(gateway.backend("users").requests) == 3


def test_gates_stand_one_behind_the_other(make: Make) -> None:
    """A request that the inner gate refuses gives back its places at the outer ones."""
    gateway = make("orders", routes=by_priority(in_flight=3), limits={"in_flight": 5, "queue": QUEUE})
    gateway.apply(upstreams=[gateway.upstream("orders", in_flight=1)])
    gateway.backend("orders").stall()
    clients = [ask(gateway, "/normal/1") for _ in range(4)]

    assert statuses(*clients) == [0, 503, 503, 503]
    assert {(gate.scope, gate.name): gate.in_flight for gate in gateway.gates} == {
        ("gateway", ""): 1,
        ("route", "low"): 0,
        ("route", "normal"): 1,
        ("route", "high"): 0,
        ("upstream", "orders"): 1,
    }


def test_a_reload_keeps_who_is_in_and_who_waits(one_place: Harness) -> None:
    """A larger limit lets in at once, by the order of before; a smaller one is reached as others leave."""
    clients = [ask(one_place, target) for target in ("/low/1", "/low/2", "/high/3", "/low/4")]
    one_place.apply(limits={"in_flight": 2, "queue": QUEUE})
    assert asked(one_place) == ["/low/1", "/high/3"]

    one_place.apply(limits={"in_flight": 1, "queue": {"size": 0}})
    answer(one_place)
    assert len(asked(one_place)) == 2
    assert statuses(ask(one_place, "/low/5")) == [503]
    for request in (0, 2, 3):
        one_place.backend("orders").requests[request].connection.send(ok())
        one_place.network.pump()

    assert statuses(*clients) == [200] * 4


def test_a_limit_that_goes_leaves_those_who_wait_to_it(one_place: Harness) -> None:
    """Requests that wait go on waiting by the old limit; new ones find none."""
    first, second = ask(one_place, "/normal/1"), ask(one_place, "/normal/2")
    one_place.apply(limits={})
    third = ask(one_place, "/normal/3")
    assert asked(one_place) == ["/normal/1", "/normal/3"]
    for number in (0, 1, 2):
        one_place.backend("orders").requests[number].connection.send(ok())
        one_place.network.pump()

    assert statuses(first, second, third) == [200] * 3
    assert one_place.metric("gateway_admission_limit") == 0


def test_a_configuration_that_fails_changes_no_limit(one_place: Harness) -> None:
    """A build that fails has resized no gate."""
    ask(one_place, "/normal/1")
    (gate,) = one_place.gates
    one_place.gateway.build(one_place.settings(limits={"in_flight": 7, "queue": QUEUE}), None)
    one_place.gateway.foundation.carried.roll_back()

    assert gate.limit == 1
    assert one_place.gates == [gate]


@pytest.mark.parametrize(
    ("share", "served"), [(3.0, PRIORITIES), (1.2, ("normal", "high")), (0.8, ("high",)), (0.5, ())]
)
def test_what_matters_least_is_shed_first(make: Make, share: float, served: tuple[str, ...]) -> None:
    """By how far memory is over its mark; health paths are answered whatever the load."""
    gateway = make("orders", routes=by_priority(), limits={"memory": int(resident() * share)})
    answers = {name: gateway.get(f"/{name}/1") for name in PRIORITIES}

    assert {name: answer.status for name, answer in answers.items()} == {
        name: 200 if name in served else 503 for name in PRIORITIES
    }
    for name in set(PRIORITIES) - set(served):
        assert answers[name].headers.get(b"Gateway-Reason") == b"limit.overload"
        assert answers[name].headers.get(b"Retry-After") is not None
    assert gateway.get("/health").status == 200
    shed = len(PRIORITIES) - len(served)
    assert gateway.metric("gateway_shed_total", cause="memory") == shed
    assert gateway.metric("gateway_shed_level") == shed


def test_a_late_event_loop_sheds_until_it_is_punctual(make: Make) -> None:
    """No backend gets what is shed; when the loop is on time again, all is served."""
    gateway = make("orders", limits={"loop_lag": "1s"})
    for _ in range(3):
        gateway.clock.advance(1.4)
    assert gateway.get("/orders/1").status == 503
    assert asked(gateway) == []
    gateway.advance(3)

    assert gateway.get("/orders/1").status == 200


def test_marks_may_change_while_shedding(make: Make) -> None:
    """A higher one is in force at once; removing it ends the shedding."""
    gateway = make("orders", limits={"memory": 1})
    assert gateway.get("/orders/1").status == 503
    gateway.apply(limits={"memory": resident() * 9})
    assert gateway.get("/orders/1").status == 200
    gateway.apply(limits={"memory": 1})
    assert gateway.get("/orders/1").status == 503
    gateway.apply(limits={})

    assert gateway.get("/orders/1").status == 200


def test_an_adaptive_limit_follows_the_upstream(make: Make) -> None:
    """It grows while answers stay fast, and shrinks when they become slow; requests over it are refused."""
    gateway = make("orders")
    adaptive = {"initial_limit": 4, "min_limit": 2, "max_limit": 50, "headroom": 1}
    gateway.apply(upstreams=[gateway.upstream("orders", adaptive_concurrency=adaptive)])
    gateway.backend("orders").stall()

    def serve(count: int, seconds: float) -> list[int]:
        first = len(gateway.backend("orders").requests)
        clients = [ask(gateway, "/orders/1") for _ in range(count)]
        gateway.advance(seconds)
        for request in gateway.backend("orders").requests[first:]:
            request.connection.send(ok())
        gateway.network.pump()
        return statuses(*clients)

    assert serve(5, 0.1) == [200] * 4 + [503]
    for _ in range(150):
        serve(4, 0.1)
    grown = gateway.metric("gateway_adaptive_limit", upstream="orders")
    assert grown > 4
    assert gateway.metric("gateway_admission_limit", scope="upstream", name="orders") == grown
    for _ in range(12):
        serve(9, 4.0)
    assert gateway.metric("gateway_adaptive_limit", upstream="orders") < grown


def test_what_an_adaptive_limit_has_learnt_outlives_a_reload(make: Make) -> None:
    """As long as its rules are the same; other rules begin anew."""
    gateway = make("orders")
    adaptive: dict[str, Any] = {"initial_limit": 4, "min_limit": 2}
    gateway.apply(upstreams=[gateway.upstream("orders", adaptive_concurrency=adaptive)])
    (gate,) = gateway.gates
    gate.holder.gradient.limit = 9  # type: ignore[attr-defined]
    gateway.apply(timeouts={"client_idle": 3})
    assert gate.limit == 9
    gateway.apply(upstreams=[gateway.upstream("orders", adaptive_concurrency={**adaptive, "max_limit": 5})])

    assert gateway.gates == [gate]
    assert gate.limit == 4


class LoadedWorld(World):
    """Anything may happen, and what is let in changes all the time."""

    gates: set[Gate]

    def queue(self) -> dict[str, int] | None:
        return self.chance.choice(
            (None, {"size": self.chance.choice((0, 1, 5)), "timeout": self.chance.choice((1, 9))})
        )

    def route(self, name: str, *others: str) -> dict[str, object]:
        return {
            **super().route(name),
            "upstream": [{"name": one, "weight": 1} for one in (name, *others)],
            "priority": self.chance.choice(PRIORITIES),
            "in_flight": self.chance.choice((0, 1, 3)),
            "queue": self.queue(),
        }

    def reload(self) -> None:
        names = self.chance.choice((["one"], ["one", "two"], ["two", "one"]))
        adaptive = {"initial_limit": 2, "min_limit": 1, "max_limit": 9, "window": "200ms", "min_samples": 1}
        upstreams = [
            self.harness.upstream(
                name,
                in_flight=self.chance.choice((0, 1, 3)),
                queue=self.queue(),
                adaptive_concurrency=self.chance.choice((None, adaptive)),
            )
            for name in names
        ]
        limits = {"in_flight": self.chance.choice((0, 2, 4)), "queue": self.queue()}
        self.harness.apply(upstreams=upstreams, routes=[self.route(*names), *map(self.route, names[1:])], limits=limits)
        self.gates = {*getattr(self, "gates", ()), *self.harness.gates}

    def end(self) -> None:
        super().end()
        for gate in self.gates:
            assert (gate.in_flight, gate.waiting) == (0, 0), f"{gate.scope} {gate.name}"


@given(st.integers(0, 2**32))
def test_whatever_happens_every_place_is_given_back(seed: int) -> None:
    """Limits, queues and priorities change under clients, backends and a network that do what they like."""
    with capturedLogs() as events:
        world = LoadedWorld(seed)
        world.run(60)
        world.end()

    assert [event for event in events if "log_failure" in event] == []


def falling_back(**spare: Any) -> Harness:
    """An upstream whose breaker is open, and the one that it falls back on, which has one place."""
    breaker = {"failure_threshold": 1, "fallback": {"upstream": "spare"}}
    made = Harness(
        "a", "b",
        upstreams=[
            {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "circuit_breaker": breaker},
            {"name": "spare", "backends": [{"url": "http://127.0.0.1:9002"}], "in_flight": 1, **spare},
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
    )  # fmt: skip
    made.backend("a").answers(ok(status=b"500 No"))
    made.get("/")
    made.backend("b").stall()
    return made


def test_the_limit_of_an_upstream_holds_for_those_who_fall_back_on_it() -> None:
    """Over it 503; the place is given back."""
    made = falling_back()
    first, second = ask(made, "/"), ask(made, "/")

    assert [response.status for response in second.responses()] == [503]
    assert made.last_log["reason"] == "limit.in_flight"
    assert made.metric("gateway_admission_in_flight", scope="upstream", name="spare") == 1
    made.backend("b").connection.send(ok())
    made.network.pump()
    assert [response.status for response in first.responses()] == [200]
    assert made.metric("gateway_admission_in_flight", scope="upstream", name="spare") == 0
    made.check_quiet()


def test_they_wait_there_like_others() -> None:
    """For a place that comes free; a client that leaves meanwhile gets none."""
    made = falling_back(queue={"size": 2, "timeout": "5s"})
    first, gone, last = ask(made, "/"), ask(made, "/"), ask(made, "/")
    gone.reset()
    made.network.pump()
    made.backend("b").answers(ok())
    made.backend("b").connections[0].send(ok())
    made.network.pump()

    assert [response.status for client in (first, last) for response in client.responses()] == [200, 200]
    made.check_quiet()


def test_who_waits_too_long_there_is_told_so() -> None:
    """503, as before any upstream."""
    made = falling_back(queue={"size": 2, "timeout": "1s"})
    ask(made, "/")
    late = ask(made, "/")

    made.advance(1.2)

    assert [response.status for response in late.responses()] == [503]
