"""Backends that speak HTTP/2, by prior knowledge: the whole gateway in memory, and `h2` at its other end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from h2.settings import SettingCodes

from gateway.memory.client import parse_responses
from gateway.memory.end import End
from gateway.testing import FakeClient, Harness
from gateway.upstream.http2_connection import ANSWER, SILENCE
from tests.flow.test_http2 import connect
from tests.http2.server import Asked2, Http2Backend

URL = "h2c://127.0.0.1:9001"


class World:
    """A gateway in front of backends of HTTP/2."""

    def __init__(self, make: Callable[..., Harness], backends: int = 1, streams: int = 100, **upstream: Any) -> None:
        urls = [{"url": f"h2c://127.0.0.1:{9101 + number}"} for number in range(backends)]
        upstreams = [{"name": "orders", "backends": urls, **upstream}]
        self.gateway = make("orders", upstreams=upstreams)
        network = self.gateway.network
        self.backends = [Http2Backend(network, "127.0.0.1", 9101 + number, streams) for number in range(backends)]

    @property
    def backend(self) -> Http2Backend:
        return self.backends[0]

    def ask(self, data: bytes = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n") -> FakeClient:
        return self.gateway.send(data)

    def pump(self) -> None:
        self.gateway.network.pump()


class Greeter(End):
    """An end that says something as soon as it is connected."""

    def __init__(self, greeting: bytes = b"") -> None:
        super().__init__()
        self.greeting = greeting

    def connectionMade(self) -> None:
        if self.greeting:
            self.send(self.greeting)


def stall(asked: Asked2) -> None:
    """Say nothing."""


@pytest.fixture
def world(make: Callable[..., Harness]) -> World:
    """One backend."""
    return World(make)


def test_a_request_to_http2(world: World) -> None:
    """The head is made anew: pseudo-fields, names in lower case, nothing that is for one connection."""
    gateway = world.gateway
    world.backend.on_whole = lambda asked: asked.connection.answer(asked, b"seven", [("x-from", "b")])
    answer = gateway.request(
        "GET",
        "/orders/7?a=b",
        {"Cookie": "a=b; c=d", "Connection": "X-Hop", "X-Hop": "1", "X-Case": "Kept", "TE": "trailers, deflate"},
    )

    assert (answer.status, answer.body) == (200, b"seven")
    assert answer.headers.get(b"content-length") == b"5"
    assert answer.headers.get(b"x-from") == b"b"
    asked = world.backend.last
    assert asked.pseudo == {
        b":method": b"GET", b":scheme": b"http", b":authority": b"gateway.test", b":path": b"/orders/7?a=b",
    }  # fmt: skip
    fields = dict(asked.headers)
    assert fields[b"cookie"] == b"a=b; c=d"
    assert fields[b"x-case"] == b"Kept"
    assert fields[b"te"] == b"trailers"
    assert fields[b"x-forwarded-for"] == b"192.0.2.1"
    assert fields[b"via"] == b"1.1 gateway"
    assert fields.keys().isdisjoint([b"host", b"connection", b"x-hop", b"transfer-encoding", b"content-length"])
    assert gateway.last_log["status_code"] == 200


def test_nothing_is_left_for_the_garbage_collector(world: World) -> None:
    """A call over HTTP/2 on both sides, one of which the client gives up, and an upload that is read in parts."""

    def call() -> None:
        client = connect(world.gateway)
        client.request("POST", "/orders", None, b"abcd")
        slow = client.request("POST", "/orders", None, b"abcd", end=False)
        given_up = client.request("POST", "/orders", None, b"abcd", end=False)
        world.pump()
        client.write(slow, b"efgh", end=True)
        client.cancel(given_up)
        world.pump()
        assert client.transport is not None
        client.transport.loseConnection()
        world.pump()

    world.backend.on_whole = lambda asked: asked.connection.answer(asked, b"seven", trailers=[("grpc-status", "0")])
    call()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        call()
        gc.collect()
        left = {type(each).__name__ for each in gc.garbage if type(each).__module__.startswith("gateway.")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()

    assert left.isdisjoint({"Body", "Http2Stream", "Exchange", "Attempt", "Call", "Response"})


def test_content_of_known_and_unknown_length(world: World) -> None:
    """A length is said where it is known."""
    world.ask(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 4\r\n\r\nabcd")
    known = world.backend.last
    world.ask(
        b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
    )
    unknown = world.backend.last
    world.ask(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n")
    none = world.backend.last

    assert [bytes(asked.body) for asked in (known, unknown, none)] == [b"abcd", b"abcd", b""]
    lengths = [asked.headers.get(b"content-length") for asked in (known, unknown, none)]
    assert lengths == [b"4", None, b"0"]
    assert b"transfer-encoding" not in unknown.headers


@pytest.mark.parametrize(
    ("code", "opens"), [(0, True), (1, False), (2, True), (6, False), (8, True), (10, True), (11, False), (13, False)]
)
@pytest.mark.parametrize("begun", [False, True])
def test_what_a_reset_says_of_a_backend(make: Callable[..., Harness], code: int, opens: bool, begun: bool) -> None:
    """What is said of a request is no failure: a client could send such ones until all backends are taken out."""
    world = World(make, circuit_breaker={"failure_threshold": 3}, passive_health={"failures": 3})

    def answer(asked: Asked2) -> None:
        if begun:
            asked.connection.head(asked)
        asked.connection.give_up(asked, code)

    world.backend.on_whole = answer
    for _ in range(3):
        client = world.ask()
        assert begun or (b"502" in client.received and b"Gateway-Reason: upstream." in client.received)
    world.backend.on_whole = lambda asked: asked.connection.answer(asked)

    assert (b" 200 " not in world.ask().received) is opens


def test_exchanges_share_a_connection(world: World) -> None:
    """And each is answered when its own answer is there."""
    world.backend.on_whole = stall
    clients = [world.ask() for _ in range(20)]
    assert len(world.backend.requests) == 20
    assert len(world.backend.connections) == 1
    pool = world.gateway.gateway.foundation.pool.pools()[0]
    assert (pool.in_flight, pool.busy) == (20, 1)
    for asked in reversed(world.backend.requests):
        asked.connection.answer(asked)
    world.pump()

    assert all(client.received.startswith(b"HTTP/1.1 200") for client in clients)
    assert pool.idle == 1


def test_who_comes_first_shares_a_connection(world: World) -> None:
    """While it is opened, too: how many it will take is known where the version is."""
    world.backend.on_whole = stall
    for _ in range(20):
        client = world.gateway.client()
        client.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    world.pump()

    assert (len(world.backend.connections), len(world.backend.requests)) == (1, 20)


def test_a_connection_that_takes_fewer_than_was_thought(make: Callable[..., Harness]) -> None:
    """More are opened for who still waits."""
    world = World(make, streams=2)
    world.ask()
    world.backend.connections[0].reset()
    world.pump()
    world.backend.on_whole = stall
    for _ in range(6):
        world.gateway.client().send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    world.pump()

    assert len(world.backend.requests) == 7
    assert [len(connection.asked) for connection in world.backend.connections] == [1, 2, 2, 2]


def test_who_waits_for_a_connection_that_fails(world: World) -> None:
    """All whom it would have served are told, and not one after the other."""
    world.gateway.network.close("127.0.0.1", 9101)
    clients = [world.gateway.client() for _ in range(20)]
    for client in clients:
        client.send(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    dials = world.gateway.network.dials
    world.pump()

    assert all(client.received.startswith(b"HTTP/1.1 502") for client in clients)
    assert world.gateway.network.dials - dials == 1


def test_another_connection_when_one_is_full(make: Callable[..., Harness]) -> None:
    """By `pool.max_streams`; what is free first takes the next."""
    world = World(make, pool={"max_streams": 2})
    world.backend.on_whole = stall
    for _ in range(5):
        world.ask()

    assert [len(connection.asked) for connection in world.backend.connections] == [2, 2, 1]


def test_the_least_loaded_connection_is_taken(make: Callable[..., Harness]) -> None:
    """Of those that have room."""
    world = World(make, pool={"max_streams": 3})
    world.backend.on_whole = stall
    for _ in range(6):
        world.ask()
    one, two = world.backend.connections
    for asked in [*list(one.asked.values())[:1], *list(two.asked.values())[:2]]:
        asked.connection.answer(asked)
    world.pump()
    world.ask()

    assert (len(one.asked), len(two.asked)) == (3, 4)


def test_as_many_streams_as_the_backend_takes(make: Callable[..., Harness]) -> None:
    """It says how many; what it has not looked at goes again, whatever the method."""
    world = World(make, streams=2)
    world.ask()
    world.backend.on_whole = stall
    for _ in range(4):
        world.ask(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1\r\n\r\na")

    assert len(world.backend.requests) == 5
    assert len(world.backend.connections) == 2


def test_a_refused_stream_goes_again(world: World) -> None:
    """REFUSED_STREAM: nobody has acted on it, so any method may go again."""
    first: list[Asked2] = []

    def answer(asked: Asked2) -> None:
        if not first:
            first.append(asked)
            asked.connection.give_up(asked, 7)
        else:
            asked.connection.answer(asked)

    world.backend.on_whole = answer
    client = world.ask(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n")

    assert client.received.startswith(b"HTTP/1.1 200")
    assert len(world.backend.requests) == 2


def refuse_once(world: World, goes: bool = False) -> None:
    """The first stream is refused as soon as its head is there; all others are answered when they are complete."""

    def came(asked: Asked2) -> None:
        if asked is world.backend.requests[0]:
            if goes:
                asked.connection.go_away(0)
            else:
                asked.connection.give_up(asked, 7)

    def whole(asked: Asked2) -> None:
        if asked is not world.backend.requests[0]:
            asked.connection.answer(asked)

    world.backend.on_head = came
    world.backend.on_whole = whole


@pytest.mark.parametrize("goes", [False, True])
@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        (b"Content-Length: 5\r\n", [b"hello"]),
        (b"Transfer-Encoding: chunked\r\n", [b"3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n"]),
        (b"Content-Type: application/grpc\r\nContent-Length: 5\r\n", [b"he", b"llo"]),
    ],
)
def test_content_goes_again_with_what_was_refused(world: World, goes: bool, fields: bytes, parts: list[bytes]) -> None:
    """A route without `retry` keeps as much of it as fits into 64 KiB, until there is an answer."""
    refuse_once(world, goes)
    client = world.ask(b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\n" + fields + b"\r\n")
    for part in parts:
        client.send(part)
        world.pump()

    assert client.received.startswith(b"HTTP/1.1 200")
    assert [bytes(asked.body) for asked in world.backend.requests][1:] == [b"hello"]


def test_long_content_that_was_refused_is_told(world: World) -> None:
    """More is not kept for that: the client is told that nobody has looked at it."""
    refuse_once(world)
    head = b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 70000\r\n\r\n"
    client = world.ask(head + b"a" * 70_000)

    assert client.received.startswith(b"HTTP/1.1 502")
    assert b"Gateway-Reason: upstream.refused_stream" in client.received
    assert world.gateway.last_log["reason"] == "upstream.refused_stream"


def test_what_a_goaway_leaves_out_goes_again(world: World) -> None:
    """What it does not is finished on the connection, which ends with it; nothing new is begun there."""
    world.backend.on_whole = stall
    post = b"POST /orders HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 0\r\n\r\n"
    clients = [world.ask(post) for _ in range(3)]
    old = world.backend.connections[0]
    old.go_away(1)
    world.pump()

    assert len(world.backend.connections) == 2
    assert [asked.connection is old for asked in world.backend.requests] == [True] * 3 + [False] * 2
    for asked in [world.backend.requests[0], *world.backend.requests[3:]]:
        asked.connection.answer(asked)
    world.pump()
    assert all(client.received.startswith(b"HTTP/1.1 200") for client in clients)
    assert old.closed is not None


def test_a_reset_is_a_502(world: World) -> None:
    """Of its own exchange only."""
    world.backend.on_whole = stall
    one, two = world.ask(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"), world.ask()
    asked = world.backend.requests[0]
    asked.connection.give_up(asked, 2)
    world.pump()

    assert one.received.startswith(b"HTTP/1.1 502")
    assert b"upstream.reset" in one.received
    assert two.received == b""
    asked = world.backend.requests[1]
    asked.connection.answer(asked)
    world.pump()
    assert two.received.startswith(b"HTTP/1.1 200")


def test_a_client_that_goes_resets_its_stream_only(world: World) -> None:
    """The backend is told at once, and the others go on."""
    world.backend.on_whole = stall
    one, two = world.ask(), world.ask()
    one.reset()
    world.pump()

    gone, other = world.backend.requests
    assert gone.reset == 8
    other.connection.answer(other)
    world.pump()
    assert two.received.startswith(b"HTTP/1.1 200")
    assert len(world.backend.connections) == 1


def test_a_dead_connection_is_found(world: World) -> None:
    """A PING after a silence; without an answer its exchanges fail as on a connection that was lost."""
    world.gateway.apply(timeouts={"request": 300})
    world.backend.on_whole = stall
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "timeout": 200}])
    client = world.ask(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")
    connection = world.backend.connections[0]
    world.gateway.advance(SILENCE + 1)
    assert connection.pings == 1
    assert client.received == b""
    connection.stop_reading()
    world.gateway.advance(SILENCE + ANSWER + 1)

    assert client.received.startswith(b"HTTP/1.1 502")
    assert b"upstream.reset" in client.received


def test_a_dead_connection_is_found_by_requests_that_are_short_of_time(world: World) -> None:
    """Each runs out of time before a silence is long enough, and the next one would wait in vain, too."""
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "timeout": 4}])
    world.ask()
    world.backend.connections[0].stop_reading()
    received: list[bytes] = []
    while len(world.backend.connections) == 1 and len(received) < 30:
        client = world.ask()
        world.gateway.advance(4.5)
        received.append(client.received[:12])

    assert len(received) <= (SILENCE + ANSWER) / 4.5 + 3
    assert received[0] == b"HTTP/1.1 504"
    assert world.ask().received.startswith(b"HTTP/1.1 200")
    world.gateway.check_quiet()


def test_short_requests_that_nobody_answers_are_no_dead_connection(world: World) -> None:
    """The backend is there: it answers the PING, and keeps its connection."""
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "timeout": 4}])
    world.backend.on_whole = stall
    for _ in range(14):
        world.ask()
        world.gateway.advance(4.5)

    (connection,) = world.backend.connections
    assert 1 <= connection.pings <= 2


def test_a_connection_that_takes_no_streams_is_not_kept(world: World) -> None:
    """MAX_CONCURRENT_STREAMS of 0: nobody can use it, and it would take a place in the pool for good."""

    def refuse(asked: Asked2) -> None:
        asked.connection.peer.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 0})
        asked.connection.give_up(asked, 7)

    world.backend.on_whole = refuse
    assert world.ask().received.startswith(b"HTTP/1.1 502")
    assert [connection.closed for connection in world.backend.connections] == [None, None]
    world.gateway.advance(ANSWER + 1)

    assert all(connection.closed is not None for connection in world.backend.connections)
    world.gateway.check_quiet()


def test_a_connection_may_take_streams_again(world: World) -> None:
    """It is used where the backend says so in time."""

    def refuse(asked: Asked2) -> None:
        asked.connection.peer.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 0})
        asked.connection.answer(asked)

    world.backend.on_whole = refuse
    world.ask()
    (connection,) = world.backend.connections
    world.backend.on_whole = lambda asked: asked.connection.answer(asked)
    connection.peer.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 5})
    connection.flush()
    world.pump()

    assert world.ask().received.startswith(b"HTTP/1.1 200")
    world.gateway.advance(ANSWER + 1)
    assert world.ask().received.startswith(b"HTTP/1.1 200")
    assert len(world.backend.connections) == 1


def test_a_backend_that_answers_pings_is_waited_for(world: World) -> None:
    """As long as the route says."""
    world.gateway.apply(timeouts={"request": 300})
    route = world.gateway.configuration["routes"][0]
    world.gateway.apply(routes=[{**route, "timeout": 200}])
    world.backend.on_whole = stall
    client = world.ask()
    world.gateway.advance(150)
    assert client.received == b""
    world.gateway.advance(60)

    assert client.received.startswith(b"HTTP/1.1 504")
    assert world.backend.last.reset == 8


def test_a_slow_client_holds_its_own_window(world: World) -> None:
    """What it does not read waits at the backend, and others' answers come by the same connection."""
    megabytes = bytes(3 * 1024 * 1024)
    world.backend.on_whole = stall
    slow = world.gateway.client()
    slow.stop_reading()
    world.gateway.send(b"GET /orders/slow HTTP/1.1\r\nHost: h\r\n\r\n", slow)
    asked = world.backend.last
    asked.connection.answer(asked, megabytes)
    world.pump()
    assert 0 < asked.connection.peer.local_flow_control_window(asked.sid) + 1 <= 65_536
    waiting = len(asked.connection._waiting[asked.sid][0])
    assert waiting > 2 * 1024 * 1024
    quick = world.ask()
    asked = world.backend.last
    asked.connection.answer(asked)
    world.pump()

    assert quick.received.startswith(b"HTTP/1.1 200")
    slow.read_on()
    world.pump()
    (answer,) = parse_responses(slow.received, (b"GET",))
    assert answer.body == megabytes
    assert len(world.backend.connections) == 1


def test_a_slow_backend_holds_its_own_upload(world: World) -> None:
    """Its window is full, so the client is not read; others go on."""
    world.backend.on_head = lambda asked: setattr(asked.connection, "reads", False)
    size = 1024 * 1024
    client = world.gateway.send(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    asked = world.backend.last
    assert len(asked.body) == 65_535
    assert client.unread + client.transport.queued > 512 * 1024  # type: ignore[union-attr]
    asked.connection.reads = True
    while len(asked.body) < size:
        left = size - len(asked.body)
        asked.connection.peer.increment_flow_control_window(min(left, 65_535), asked.sid)
        asked.connection.peer.increment_flow_control_window(min(left, 65_535))
        asked.connection.flush()
        world.pump()
    world.pump()

    assert client.received.startswith(b"HTTP/1.1 200")


def test_an_answer_before_the_end_of_the_request(world: World) -> None:
    """It is passed on, and the rest of the request is not sent."""
    world.backend.on_head = lambda asked: asked.connection.answer(asked, b"no", status=403)
    client = world.gateway.send(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")

    assert client.received.startswith(b"HTTP/1.1 403")
    assert world.backend.last.reset is not None


def test_a_reset_within_an_answer_breaks_it_off(world: World) -> None:
    """There is no way back to a head that is out."""

    def begin(asked: Asked2) -> None:
        asked.connection.head(asked, [("content-length", "10")])
        asked.connection.data(asked, b"abc", end=False)

    world.backend.on_whole = begin
    client = world.ask()
    assert client.received.endswith(b"abc")
    asked = world.backend.last
    asked.connection.give_up(asked)
    world.pump()

    assert client.closed is not None
    assert world.gateway.last_log["status_code"] == 200
    assert world.gateway.last_log["reason"] == "upstream.reset"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_content(world: World, status: int) -> None:
    """Their head is their end, also where the stream's comes later."""

    def answer(asked: Asked2) -> None:
        asked.connection.head(asked, [("etag", '"x"')], status)
        asked.connection.data(asked, b"")

    world.backend.on_whole = answer
    received = world.gateway.get("/orders/7")

    assert (received.status, received.body) == (status, b"")


def test_head_keeps_its_length(world: World) -> None:
    """And has no content."""
    world.backend.on_whole = lambda asked: asked.connection.head(asked, [("content-length", "5")], end=True)
    received = world.gateway.request("HEAD", "/orders/7")

    assert received.status == 200
    assert received.headers.get(b"content-length") == b"5"


def test_a_backend_that_speaks_http1(make: Callable[..., Harness]) -> None:
    """Where HTTP/2 was known to be spoken: a 502, and the log says why."""
    gateway = make("orders", upstreams=[{"name": "orders", "backends": [{"url": URL}]}])
    gateway.network.listen("127.0.0.1", 9001, lambda: Greeter(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    received = gateway.request("POST", "/orders/7", body=b"a")

    assert received.status == 502
    assert received.headers.get(b"gateway-reason") == b"upstream.protocol"


def test_a_connection_that_was_lost_while_unused(world: World) -> None:
    """The next exchange has a new one; the race is run again on a fresh one."""
    world.ask()
    world.backend.connections[0].reset()
    world.backend.on_head = stall
    client = world.ask(b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")

    assert client.received.startswith(b"HTTP/1.1 200")


def test_aging_connections_are_replaced(make: Callable[..., Harness]) -> None:
    """What is under way on them is completed."""
    world = World(make, pool={"max_age": 5})
    world.backend.on_whole = stall
    long = world.ask()
    world.gateway.advance(6)
    short = world.ask()
    for asked in list(world.backend.requests):
        asked.connection.answer(asked)
    world.pump()
    world.ask()

    assert long.received.startswith(b"HTTP/1.1 200")
    assert short.received.startswith(b"HTTP/1.1 200")
    assert world.backend.connections[0].closed is not None
    assert len(world.backend.connections) == 2


def test_a_worn_connection_is_replaced(world: World) -> None:
    """Note [Windows leak] in `gateway.http2.engine`: what is reset within content wears it."""

    def begin(asked: Asked2) -> None:
        asked.connection.head(asked)
        asked.connection.data(asked, b"abc", end=False)

    world.backend.on_whole = begin
    for _ in range(20):
        client = world.ask()
        client.reset()
        world.pump()

    assert len(world.backend.connections) == 2
    assert world.backend.connections[0].closed is not None


def test_many_clients_streams_to_http2(make: Callable[..., Harness]) -> None:
    """HTTP/2 on both sides: one read of the client's is one connection's streams to the backend."""
    world = World(make)
    client = connect(world.gateway)
    answers = [client.request("GET", f"/orders/{number}") for number in range(50)]
    world.pump()

    assert [answer.status for answer in answers] == [200] * 50
    assert len(world.backend.connections) == 1


def test_backends_are_balanced_by_exchange(make: Callable[..., Harness]) -> None:
    """And not by connection."""
    world = World(make, backends=2)
    for _ in range(10):
        world.ask()

    assert [len(backend.requests) for backend in world.backends] == [5, 5]


def test_proxy_headers_go_before_the_preface(make: Callable[..., Harness]) -> None:
    """A connection is for the clients of one address; its streams are theirs."""
    gateway = make("orders", upstreams=[{"name": "orders", "backends": [{"url": URL}], "proxy_protocol": "v1"}])
    connections: list[Greeter] = []

    def accept() -> Greeter:
        connections.append(Greeter())
        return connections[-1]

    gateway.network.listen("127.0.0.1", 9001, accept)
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n", gateway.client(address))

    assert len(connections) == 2
    for connection, source in zip(connections, (b"192.0.2.1", b"192.0.2.2"), strict=True):
        first, _, rest = connection.received.partition(b"\r\n")
        assert first.startswith(b"PROXY TCP4 " + source)
        assert rest.startswith(b"PRI * HTTP/2.0")
