"""Calls of gRPC through the whole gateway: what it answers itself, and how long it waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.forwarding.call import Call
from gateway.http import grpc
from gateway.testing import Harness
from tests.flow.test_http2 import connect
from tests.flow.test_http2_backends import World, stall
from tests.http2.client import Http2Answer
from tests.http2.server import Asked2

CALL = {"content-type": "application/grpc", "te": "trailers"}


@pytest.fixture
def world(make: Callable[..., Harness]) -> World:
    """One backend."""
    return World(make)


def call(world: World, path: str = "/orders/Get", **fields: str) -> Http2Answer:
    """Make a call whose request is complete."""
    client = connect(world.gateway)
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    answer = client.request("POST", path, {**CALL, **named}, b"\0\0\0\0\1x")
    world.pump()
    return answer


def calls_watched(world: World) -> int:
    """Return how many calls are looked at for their deadlines."""
    return sum(isinstance(timed, Call) for timed in world.gateway.gateway.foundation.deadlines._watched)


def test_an_outcome_is_passed_on(world: World) -> None:
    """Content and trailers, and neither is touched."""
    fields = [("content-type", "application/grpc")]
    world.backend.on_whole = lambda asked: asked.connection.answer(
        asked, b"\0\0\0\0\1y", fields, trailers=[("grpc-status", "0"), ("grpc-message", "fine")]
    )
    answer = call(world)

    assert world.backend.last.headers.get(b"te") == b"trailers"
    assert world.backend.last.headers.get(b"content-type") == b"application/grpc"
    assert (answer.status, answer.body) == (200, b"\0\0\0\0\1y")
    assert list(answer.trailers) == [(b"grpc-status", b"0"), (b"grpc-message", b"fine")]


def test_a_status_in_the_head_is_passed_on(world: World) -> None:
    """Where there is no content."""
    fields = [("content-type", "application/grpc"), ("grpc-status", "5")]
    world.backend.on_whole = lambda asked: asked.connection.head(asked, fields, end=True)
    answer = call(world)

    assert (answer.status, answer.headers.get(b"grpc-status"), answer.body) == (200, b"5", b"")


def test_a_route_that_is_not_there(world: World) -> None:
    """UNIMPLEMENTED, as clients of gRPC read it."""
    answer = call(world, "/other.Service/Get")

    assert answer.status == 200
    assert answer.headers.get(b"content-type") == b"application/grpc"
    assert answer.headers.get(b"grpc-status") == b"12"
    assert answer.headers.get(b"gateway-reason") == b"route.none"
    assert answer.headers.get(b"grpc-message")
    assert (answer.body, answer.complete) == (b"", True)


def test_a_backend_that_is_gone(world: World) -> None:
    """UNAVAILABLE."""
    world.gateway.network.close("127.0.0.1", 9101)
    answer = call(world)

    assert answer.headers.get(b"grpc-status") == b"14"
    assert answer.headers.get(b"gateway-reason") == b"upstream.connect"


def test_the_clients_deadline(world: World) -> None:
    """The smaller of it and the route's: DEADLINE_EXCEEDED, and the backend is told to stop."""
    world.backend.on_whole = stall
    answer = call(world, grpc_timeout="2S")
    world.gateway.advance(1.5)
    assert answer.status == 0
    world.gateway.advance(1)

    assert answer.headers.get(b"grpc-status") == b"4"
    assert world.backend.last.reset == 8


def test_the_routes_deadline(world: World) -> None:
    """Where the client would wait longer."""
    world.backend.on_whole = stall
    answer = call(world, grpc_timeout="2H")
    world.gateway.advance(40)

    assert answer.headers.get(b"grpc-status") == b"4"


def test_a_deadline_that_is_none(world: World) -> None:
    """It is passed on as it is, and not understood."""
    answer = call(world, grpc_timeout="soon")

    assert answer.status == 200
    assert world.backend.last.headers.get(b"grpc-timeout") == b"soon"


@pytest.mark.parametrize("place", ["head", "behind content", "behind content that has come before"])
@pytest.mark.parametrize(("status", "opens"), [("14", True), ("13", True), ("0", False), ("5", False), ("12", False)])
def test_outcomes_count_for_breakers(make: Callable[..., Harness], place: str, status: str, opens: bool) -> None:
    """A call that fails by the backend's fault is a failure, although its answer's status is 200."""
    world = World(make, circuit_breaker={"failure_threshold": 3})
    kind, said = ("content-type", "application/grpc"), ("grpc-status", status)

    def answer(asked: Asked2) -> None:
        if place == "head":
            asked.connection.head(asked, [kind, said], end=True)
            return
        asked.connection.head(asked, [kind])
        if place == "behind content":
            asked.connection.data(asked, b"abc", trailers=[said])
        else:
            asked.connection.data(asked, b"abc", end=False)

    world.backend.on_whole = answer
    for _ in range(3):
        answered = call(world)
        if place == "behind content that has come before":
            assert answered.body == b"abc"
            world.backend.last.connection.data(world.backend.last, b"", trailers=[said])
            world.pump()
        assert (answered.trailers if place != "head" else answered.headers).get(b"grpc-status") == status.encode()
    asked = len(world.backend.requests)
    refused = call(world)

    assert (len(world.backend.requests) == asked) is opens
    assert (refused.headers.get(b"gateway-reason") == b"breaker.open") is opens


def retrying(make: Callable[..., Harness], on: list[str]) -> World:
    """A gateway in front of two backends, whose first answers UNAVAILABLE."""
    gateway = World(make, backends=2)
    route = gateway.gateway.configuration["routes"][0]
    gateway.gateway.apply(routes=[{**route, "retry": {"on": on}}])
    kind = ("content-type", "application/grpc")
    one, two = gateway.backends
    one.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "14")], end=True)
    two.on_whole = lambda asked: asked.connection.answer(asked, b"yes", [kind], trailers=[("grpc-status", "0")])
    return gateway


def test_an_outcome_is_tried_again(make: Callable[..., Harness]) -> None:
    """Where the route names it; its content was kept."""
    world = retrying(make, ["unavailable"])
    answers = [call(world) for _ in range(2)]
    world.gateway.advance(1)

    assert [answer.trailers.get(b"grpc-status") for answer in answers] == [b"0", b"0"]
    failed = len(world.backends[0].requests)
    assert failed >= 1
    assert len(world.backends[1].requests) == 2
    assert all(asked.body == b"\0\0\0\0\1x" for backend in world.backends for asked in backend.requests)
    assert world.gateway.metric("gateway_retries_total", reason="grpc_unavailable", outcome="ok") == failed


@pytest.mark.parametrize("how", ["refused", "lost", "reset"])
@pytest.mark.parametrize("names", [["unavailable"], ["resource-exhausted"]])
def test_a_backend_that_is_gone_is_unavailable(make: Callable[..., Harness], how: str, names: list[str]) -> None:
    """Clients are told UNAVAILABLE of it, so what the route says of that outcome holds, whatever was sent."""
    world = retrying(make, names)
    if how == "refused":
        world.gateway.network.close("127.0.0.1", 9101)
    elif how == "lost":
        world.backends[0].on_whole = lambda asked: asked.connection.transport.abortConnection()
    else:
        world.backends[0].on_whole = lambda asked: asked.connection.give_up(asked)
    answers = [call(world) for _ in range(2)]
    world.gateway.advance(1)

    passed = [answer.trailers.get(b"grpc-status") for answer in answers].count(b"0")
    assert passed == (2 if names == ["unavailable"] else 1)


def test_what_is_no_call_is_not_made_twice_by_an_outcome(make: Callable[..., Harness]) -> None:
    """It has none: a POST to the same route that was lost may have been acted upon."""
    world = retrying(make, ["unavailable"])
    for backend in world.backends:
        backend.on_whole = lambda asked: asked.connection.transport.abortConnection()
    client = connect(world.gateway)
    client.request("POST", "/orders/1", {"content-type": "application/json"}, b"{}")
    world.pump()
    world.gateway.advance(1)

    assert sum(len(backend.requests) for backend in world.backends) == 1


def test_nor_is_a_call_that_a_backend_rejects(make: Callable[..., Harness]) -> None:
    """For what it is (PROTOCOL_ERROR): the other one would reject it, too."""
    world = retrying(make, ["unavailable"])
    for backend in world.backends:
        backend.on_whole = lambda asked: asked.connection.give_up(asked, 1)
    call(world)
    world.gateway.advance(1)

    assert sum(len(backend.requests) for backend in world.backends) == 1


def test_a_retry_that_has_the_same_outcome_has_failed(make: Callable[..., Harness]) -> None:
    """It is counted as such, wherever its outcome stands."""
    world = retrying(make, ["unavailable"])
    kind = ("content-type", "application/grpc")
    world.backends[0].on_whole = world.backends[1].on_whole = lambda asked: asked.connection.head(
        asked, [kind, ("grpc-status", "14")], end=True
    )
    call(world)
    world.gateway.advance(1)

    assert world.gateway.metric("gateway_retries_total", reason="grpc_unavailable", outcome="failed") == 2
    assert world.gateway.metric("gateway_retries_total", reason="grpc_unavailable", outcome="ok") == 0


@pytest.mark.parametrize(("fields", "status"), [({"x": "a" * 40_000}, b"8"), ({"host": "elsewhere.test"}, b"13")])
def test_a_head_that_is_refused(world: World, fields: dict[str, str], status: bytes) -> None:
    """Its client gets an outcome, too: metadata that is too long is RESOURCE_EXHAUSTED."""
    answer = call(world, **fields)

    assert (answer.status, answer.headers.get(b"grpc-status")) == (200, status)
    assert answer.headers.get(b"gateway-reason") in (b"request.header_too_large", b"request.malformed")
    assert world.backend.requests == []


@pytest.mark.parametrize("said", [b"", b"\0\0\0\4\0\0\0\0\0"])
def test_a_backend_that_is_asked_by_http1(make: Callable[..., Harness], said: bytes) -> None:
    """A server of gRPC hangs up on that, or speaks HTTP/2: the client and the log are told why."""
    gateway = make("orders")

    def answer(asked: Any) -> None:
        if said:
            asked.connection.send(said)
        asked.connection.close()

    gateway.backend("orders").answer = answer
    got = connect(gateway).request("POST", "/orders/Get", CALL, b"\0\0\0\0\1x")
    gateway.network.pump()

    assert (got.status, got.headers.get(b"grpc-status")) == (200, b"12")
    assert b"HTTP/1.1" in (got.headers.get(b"grpc-message") or b"")
    assert gateway.last_log["reason"] == "upstream.protocol"


def test_an_outcome_that_nobody_named_is_passed_on(make: Callable[..., Harness]) -> None:
    """A call may have been made by then."""
    world = retrying(make, ["internal"])
    answers = [call(world) for _ in range(2)]
    world.gateway.advance(1)

    assert sorted(str(answer.headers.get(b"grpc-status")) for answer in answers) == ["None", "b'14'"]
    assert [len(backend.requests) for backend in world.backends] == [1, 1]


def test_the_log_has_the_outcome(make: Callable[..., Harness]) -> None:
    """Of the head or of the trailers, where the record is to have it; nothing for other exchanges."""
    world = World(make)
    world.gateway.apply(access_log={"fields": ["request_id", "status_code", "grpc_status"]})
    kind = ("content-type", "application/grpc")
    world.backend.on_whole = lambda asked: asked.connection.answer(asked, b"y", [kind], trailers=[("grpc-status", "5")])
    call(world)
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "7")], end=True)
    call(world)
    call(world, "/nowhere")
    world.backend.on_whole = lambda asked: asked.connection.answer(asked)
    world.ask()

    assert [(record["status_code"], record["grpc_status"]) for record in world.gateway.logs] == [
        (200, 5), (200, 7), (200, 12), (200, None),
    ]  # fmt: skip


def test_who_asks_by_another_method_is_no_client_of_grpc(world: World) -> None:
    """Whatever its content is said to be: it is told by a status."""
    received = world.gateway.get("/nowhere", content_type="application/grpc")

    assert received.status == 404


def test_the_backend_is_told_what_is_left(make: Callable[..., Harness]) -> None:
    """Of the client's time, when the request goes out: here one attempt was made before."""
    world = retrying(make, ["unavailable"])
    world.backends[1].on_whole = stall
    world.backends[0].on_whole = lambda asked: asked.connection.head(
        asked, [("content-type", "application/grpc"), ("grpc-status", "14")], end=True
    )
    call(world, grpc_timeout="10S")
    call(world, grpc_timeout="10S")
    world.gateway.advance(2)

    (first,) = world.backends[0].requests
    told = [grpc.seconds(asked.headers.get(b"grpc-timeout") or b"") for asked in (first, *world.backends[1].requests)]
    assert told[0] == 10
    assert len(told) == 3
    assert sorted(seconds is not None and seconds < 10 for seconds in told) == [False, False, True]


def test_an_answer_that_streams_ends_with_the_clients_time(world: World) -> None:
    """In trailers: DEADLINE_EXCEEDED; the backend is told to stop."""
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [("content-type", "application/grpc")])
    answer = call(world, grpc_timeout="5S")
    for part in (b"a", b"b", b"c"):
        world.gateway.advance(1)
        world.backend.last.connection.data(world.backend.last, part, end=False)
        world.pump()
    assert (answer.status, answer.body, answer.complete) == (200, b"abc", False)
    world.gateway.advance(2.5)

    assert (answer.body, answer.complete) == (b"abc", True)
    assert answer.trailers.get(b"grpc-status") == b"4"
    assert world.backend.last.reset == 8


def test_a_conversation_ends_with_the_clients_time(world: World) -> None:
    """However lively it is, and although its client has more to send."""
    world.backend.on_head = lambda asked: asked.connection.head(asked, [("content-type", "application/grpc")])
    client = connect(world.gateway)
    answer = client.request("POST", "/orders/Chat", {**CALL, "grpc-timeout": "3S"}, end=False)
    world.pump()
    world.gateway.advance(3.5)

    assert answer.trailers.get(b"grpc-status") == b"4"
    assert world.backend.last.reset == 8


def test_a_call_without_a_stream_ends_with_the_clients_time(make: Callable[..., Harness]) -> None:
    """It has waited for a connection; nothing is left behind."""
    world = World(make, pool={"max_connections": 1, "max_streams": 1})
    world.backend.on_whole = stall
    call(world)
    answer = call(world, grpc_timeout="1S")
    world.gateway.advance(1.5)

    assert answer.headers.get(b"grpc-status") == b"4"
    assert len(world.backend.requests) == 1
    assert calls_watched(world) == 0


@pytest.mark.parametrize("end", ["complete", "refused", "reset", "late", "client gone"])
def test_a_call_that_is_over_is_not_watched(world: World, end: str) -> None:
    """However it has ended: a client may say that it has years."""
    backend, kind = world.backend, ("content-type", "application/grpc")
    backend.on_whole = lambda asked: asked.connection.head(asked, [kind])
    client = connect(world.gateway)
    time = "1S" if end == "late" else "99999999H"
    client.request("POST", "/orders/Get", {**CALL, "grpc-timeout": time}, b"\0\0\0\0\1x")
    world.pump()
    assert calls_watched(world) == 1
    if end == "complete":
        backend.last.connection.data(backend.last, b"", trailers=[("grpc-status", "0")])
    elif end in ("refused", "reset"):
        backend.last.connection.give_up(backend.last, 7 if end == "refused" else 2)
    elif end == "client gone":
        client.reset()
    world.pump()
    world.gateway.advance(1.5)

    assert calls_watched(world) == 0


def test_no_time_at_all(world: World) -> None:
    """Then no backend is asked."""
    answer = call(world, grpc_timeout="0n")

    assert answer.headers.get(b"grpc-status") == b"4"
    assert world.backend.requests == []


@pytest.mark.parametrize("begun", [False, True])
def test_the_clients_time_is_no_fault_of_a_backend(make: Callable[..., Harness], begun: bool) -> None:
    """Who gives none could close a service for all otherwise: neither breakers nor passive health count it."""
    world = World(make, circuit_breaker={"failure_threshold": 3}, passive_health={"failures": 3})
    kind = ("content-type", "application/grpc")
    world.backend.on_whole = (lambda asked: asked.connection.head(asked, [kind])) if begun else stall
    for _ in range(5):
        call(world, grpc_timeout="1m")
        world.gateway.advance(0.5)
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "0")], end=True)

    assert call(world).headers.get(b"grpc-status") == b"0"


@pytest.mark.parametrize("how", ["4", "2", "reset", "reset within content"])
@pytest.mark.parametrize("early", [0.001, 3.0])
def test_a_backend_that_says_that_the_time_is_over(make: Callable[..., Harness], how: str, early: float) -> None:
    """It knows the client's time, too, and is often the first to say so; before its time it has failed."""
    world = World(make, circuit_breaker={"failure_threshold": 3}, passive_health={"failures": 3})
    kind = ("content-type", "application/grpc")

    def over(asked: Asked2) -> None:
        if how.isdigit():
            asked.connection.head(asked, [kind, ("grpc-status", how)], end=True)
        else:
            asked.connection.give_up(asked, 8)

    world.backend.on_whole = (lambda asked: asked.connection.head(asked, [kind])) if "within" in how else stall
    for _ in range(3):
        answer = call(world, grpc_timeout="5S")
        world.gateway.clock.advance(5 - early)  # no look at the deadlines comes in between
        over(world.backend.last)
        world.pump()
        said = (answer.trailers or answer.headers).get(b"grpc-status")
        if how.isdigit():
            assert said == how.encode()
        else:
            assert said == (b"4" if early < 1 else b"14" if how == "reset" else None)
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "0")], end=True)
    served = call(world)

    assert served.headers.get(b"grpc-status") == (b"0" if early < 1 else b"14")
    assert calls_watched(world) == 0


def give_up(code: int) -> Callable[[Asked2], None]:
    """Give every request up, as a server of gRPC does what is no call."""
    return lambda asked: asked.connection.give_up(asked, code)


NO_CALLS = {
    "GET": ("GET", {}),
    "GET of a client of gRPC": ("GET", CALL),
    "JSON": ("POST", {"content-type": "application/json"}),
    "without te": ("POST", {"content-type": "application/grpc"}),
}


def test_what_is_no_call_is_no_fault_of_a_server_of_grpc(make: Callable[..., Harness]) -> None:
    """Grpcio gives it up with INTERNAL_ERROR: a client would close a service for all by three of them."""
    world = World(make, circuit_breaker={"failure_threshold": 3}, passive_health={"failures": 3})
    kind = ("content-type", "application/grpc")
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "0")], end=True)
    call(world)
    world.backend.on_whole = give_up(2)
    for method, fields in [*NO_CALLS.values()] * 3:
        answer = connect(world.gateway).request(method, "/orders/Get", fields)
        world.pump()
        assert answer.headers.get(b"gateway-reason") == b"upstream.reset"
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "0")], end=True)
    assert call(world).headers.get(b"grpc-status") == b"0"

    world.backend.on_whole = give_up(2)
    for _ in range(3):
        call(world)
    assert call(world).headers.get(b"gateway-reason") in (b"breaker.open", b"upstream.no_backend")


def test_an_outcome_of_what_is_no_call_is_none(make: Callable[..., Harness]) -> None:
    """A server of grpcio answers OPTIONS with INTERNAL, which any page in a browser may ask."""
    world = World(make, circuit_breaker={"failure_threshold": 3}, passive_health={"failures": 3})
    fields = [("content-type", "application/grpc"), ("grpc-status", "13")]
    world.backend.on_whole = lambda asked: asked.connection.head(asked, fields, end=True)
    client = connect(world.gateway)
    answers = [client.request("OPTIONS", "/orders/Get") for _ in range(4)]
    world.pump()

    assert [(answer.status, answer.headers.get(b"grpc-status")) for answer in answers] == [(200, b"13")] * 4


def test_calls_are_counted_by_their_outcome(make: Callable[..., Harness]) -> None:
    """Those that the gateway answers, too; what is no outcome has one name. Other requests are no calls."""
    world = World(make)
    kind = ("content-type", "application/grpc")
    for said in ("0", "0", "14", "99", "x"):
        world.backend.on_whole = lambda asked, said=said: asked.connection.answer(  # type: ignore[misc]
            asked, b"y", [kind], trailers=[("grpc-status", said)]
        )
        call(world)
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [kind, ("grpc-status", "5")], end=True)
    call(world)
    world.backend.on_whole = stall
    call(world, grpc_timeout="1S")
    world.gateway.advance(1.5)
    world.backend.on_whole = lambda asked: asked.connection.answer(asked, b"y", [kind])
    call(world)
    world.backend.on_whole = lambda asked: asked.connection.answer(asked)
    world.ask()

    counted = {
        said: world.gateway.metric("gateway_grpc_calls_total", route="orders", grpc_status=said)
        for said in ("0", "4", "5", "14", "other", "none")
    }
    assert counted == {"0": 2, "4": 1, "5": 1, "14": 1, "other": 1, "none": 2}


def pushing_back(make: Callable[..., Harness], said: str) -> tuple[World, Http2Answer, Callable[[], list[Asked2]]]:
    """A call whose backends answer UNAVAILABLE and say when they want to be asked again, and what they were asked."""
    world = retrying(make, ["unavailable"])
    fields = [("content-type", "application/grpc"), ("grpc-status", "14"), ("grpc-retry-pushback-ms", said)]
    for backend in world.backends:
        backend.on_whole = lambda asked: asked.connection.head(asked, fields, end=True)
    answer = call(world)
    return world, answer, lambda: [asked for backend in world.backends for asked in backend.requests]


def test_a_backend_says_when_it_wants_to_be_asked_again(make: Callable[..., Harness]) -> None:
    """In milliseconds, in place of the route's own waits; further attempts are told as such."""
    world, answer, asked = pushing_back(make, "700")
    world.gateway.advance(0.6)
    assert len(asked()) == 1
    world.gateway.advance(0.15)
    assert len(asked()) == 2
    world.gateway.advance(0.75)

    assert len(asked()) == 3
    assert answer.headers.get(b"grpc-status") == b"14"
    told = [request.headers.get(b"grpc-previous-rpc-attempts") for request in asked()]
    assert sorted(told, key=str) == [None, b"1", b"2"] or sorted(told, key=str) == [b"1", b"2", None]


def test_a_backend_wants_to_be_asked_again_at_once(make: Callable[..., Harness]) -> None:
    """0 is no wait at all."""
    _, answer, asked = pushing_back(make, "0")

    assert len(asked()) == 3
    assert answer.headers.get(b"grpc-status") == b"14"


@pytest.mark.parametrize("said", ["-1", "soon", "", "99999", "9999999999"])
def test_a_backend_does_not_want_to_be_asked_again(make: Callable[..., Harness], said: str) -> None:
    """Then its outcome is passed on; so it is where there is no time for the wait."""
    _, answer, asked = pushing_back(make, said)

    assert answer.headers.get(b"grpc-status") == b"14"
    assert len(asked()) == 1


def test_attempts_of_the_client_count_too(make: Callable[..., Harness]) -> None:
    """It makes calls again itself; who is no client of gRPC is told nothing of it."""
    world = retrying(make, ["unavailable"])
    for backend in world.backends:
        backend.on_whole = lambda asked: asked.connection.answer(asked, status=503)
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "retry": {"on": [503], "attempts": 1, "idempotency_key": True}}])
    call(world, grpc_previous_rpc_attempts="2", idempotency_key="k")
    world.gateway.advance(1)
    told = [
        asked.headers.get(b"grpc-previous-rpc-attempts") for backend in world.backends for asked in backend.requests
    ]
    assert sorted(told, key=str) == [b"2", b"3"]
    world.ask()
    world.gateway.advance(1)

    assert sum(len(backend.requests) for backend in world.backends) == 4
    assert all(backend.requests[-1].headers.get(b"grpc-previous-rpc-attempts") is None for backend in world.backends)


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize(("longest", "kept"), [("0", True), ("2m", True), ("40s", False)])
def test_a_conversation_may_be_silent(make: Callable[..., Harness], answered: bool, longest: str, kept: bool) -> None:
    """As long as its route allows, whoever would be next to speak; not only for `timeouts.client_body`."""
    world = World(make)
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "request_timeout": longest}])
    kind = ("content-type", "application/grpc")
    if answered:
        world.backend.on_head = lambda asked: asked.connection.head(asked, [kind])
    answer = connect(world.gateway).request("POST", "/orders/Watch", CALL, b"\0\0\0\0\1x", end=False)
    world.pump()
    world.gateway.advance(100)
    assert (world.backend.last.reset is None) is kept
    if not kept:
        return
    if not answered:
        world.backend.last.connection.head(world.backend.last, [kind])
    world.backend.last.connection.data(world.backend.last, b"news", end=False)
    world.pump()

    assert answer.body == b"news"


def test_other_uploads_may_not(world: World) -> None:
    """Content that is due has its time."""
    client = connect(world.gateway)
    answer = client.request("POST", "/orders", {"content-type": "application/octet-stream"}, b"a", end=False)
    world.pump()
    world.gateway.advance(100)

    assert answer.status == 408


@pytest.mark.parametrize(("status", "kept"), [("0", False), ("5", False), ("13", True), ("14", True)])
def test_a_call_that_its_backend_has_failed_is_kept(world: World, status: str, kept: bool) -> None:
    """Its 200 says nothing; outcomes that count as a 5xx do, and they are told of once."""
    fields = [("content-type", "application/grpc")]
    world.backend.on_whole = lambda asked: asked.connection.answer(
        asked, b"", fields, trailers=[("grpc-status", status)]
    )
    call(world)

    found = [one["grpc_status"] for one in world.gateway.gateway.foundation.failures.summaries()]

    assert found == ([int(status)] if kept else [])


def test_a_call_that_the_gateway_refuses_is_kept_once(world: World) -> None:
    """With its reason, and with what the client was told."""
    call(world, path="/none/Get")

    [found] = world.gateway.gateway.foundation.failures.summaries()
    assert (found["reason"], found["status"], found["grpc_status"]) == ("route.none", 200, 12)
