from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from gateway.errors import GatewayError, MalformedRequest
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable
from gateway.serving.respond import render_error
from gateway.serving.tree import ContentLeaf, Leaf, Root, RouteLeaf, unrouted_chain
from tests.peers import direct


class Client(Downstream):
    """The client's end: keeps what it is sent."""

    def __init__(self) -> None:
        self.responses: list[Response] = []

    def send_response(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        self.responses.append(exchange.response)


class Answers:
    """A chain that notes what it began and finished."""

    def __init__(self, fails: bool = False) -> None:
        self.begun: list[Exchange] = []
        self.finished: list[Exchange] = []
        self._fails = fails

    def begin(self, exchange: Exchange) -> None:
        exchange.chain = self
        self.begun.append(exchange)
        if self._fails:
            raise RuntimeError("a fault of the gateway")

    def deliver(self, exchange: Exchange, response: Response) -> None:
        raise AssertionError("not asked")

    def ending(self, handler: Callable[[Exchange], None]) -> Answers:
        raise AssertionError("not asked")

    def fail(self, exchange: Exchange, error: GatewayError) -> None:
        raise AssertionError("not asked")

    def wait(self, exchange: Exchange, place: Awaitable[None], go_on: Callable[[], None]) -> None:
        raise AssertionError("not asked")

    def finish(self, exchange: Exchange) -> None:
        self.finished.append(exchange)


class Tree:
    """A snapshot with one route, `/a/*`, for GET."""

    def __init__(self, own: Mapping[bytes, Leaf] | None = None, in_flight: int = 0, fails: bool = False) -> None:
        self.chain = Answers(fails)
        rule = RouteRule("a", None, "/a/*", frozenset([b"GET"]), {}, {})
        self.routes = RouteTable([(rule, RouteLeaf("a", "/a/*", self.chain, 30.0))])
        self.unrouted = Answers()
        self.own_paths: Mapping[bytes, Leaf] = own or {}
        self.claimed: RouteTable[RouteLeaf] | None = None
        self.in_flight = in_flight
        self.decides_by_forwarding = False
        self.explain_routing = True
        self.answers_preflights = False


def exchange(target: bytes, method: bytes = b"GET", client: Any = None) -> Exchange:
    """Return an exchange that begins."""
    downstream: Any = client or Client()
    return Exchange(Request(method, target, Headers(), b"h"), downstream, direct(), 0.0, 1.0)


def test_a_route_s_leaf_answers() -> None:
    """The exchange knows its route, and its path in the normal form."""
    tree = Tree()
    one = exchange(b"/a/%7Eb/../c?d")
    Root(tree).render_exchange(one)
    assert tree.chain.begun == [one]
    assert one.route is not None
    assert (one.route.name, one.route.pattern, one.path, one.error) == ("a", "/a/*", b"/a/c", None)


@pytest.mark.parametrize(
    ("target", "method", "reason"),
    [
        (b"/b", b"GET", "route.none"),
        (b"/a/../b", b"GET", "route.none"),
        (b"*", b"OPTIONS", "route.none"),
        (b"/a/b", b"PUT", "route.method"),
        (b"/a/%zz", b"GET", "request.malformed"),
    ],
)
def test_what_no_route_takes_goes_to_the_chain_without_one(target: bytes, method: bytes, reason: str) -> None:
    """So that it is logged, counted and named like the others."""
    tree = Tree()
    one = exchange(target, method)
    Root(tree).render_exchange(one)
    assert tree.unrouted.begun == [one]
    assert one.error is not None
    assert one.error.reason == reason


def test_a_fault_in_routing_is_an_internal_error() -> None:
    """The client gets an answer, the log the traceback."""
    tree = Tree(fails=True)
    one = exchange(b"/a/b")
    Root(tree).render_exchange(one)
    assert tree.unrouted.begun == [one]
    assert one.error is not None
    assert one.error.reason == "internal"


def test_exchanges_are_counted_from_begin_to_finish() -> None:
    """`limits.in_flight`: one too many is marked for its route, and counts until it is over, too."""
    tree = Tree(in_flight=1)
    root = Root(tree)
    first, second = exchange(b"/a/1"), exchange(b"/a/2")
    root.render_exchange(first)
    root.render_exchange(second)
    assert tree.chain.begun == [first, second]
    assert first.error is None
    assert second.error is not None
    assert (second.error.status, second.error.reason) == (503, "limit.in_flight")
    assert root.in_flight == 2
    root.finish(first)
    root.finish(second)
    assert root.in_flight == 0
    assert tree.chain.finished == [first, second]


def test_one_too_many_is_that_also_where_no_route_takes_it() -> None:
    """Who asks for nothing is not told more than others."""
    tree = Tree(in_flight=1)
    root = Root(tree)
    root.occupancy.in_flight = 1
    one = exchange(b"/b")
    root.render_exchange(one)

    assert tree.unrouted.begun == [one]
    assert one.error is not None
    assert one.error.reason == "limit.in_flight"


def test_an_exchange_that_never_reached_a_chain_is_finished_all_the_same() -> None:
    """Its client went first."""
    root = Root(Tree())
    root.occupancy.in_flight = 1
    root.finish(exchange(b"/a/1"))
    assert root.in_flight == 0


def test_an_error_in_place_of_a_request_goes_the_same_way() -> None:
    """Counted, and through the chain without a route."""
    tree = Tree()
    root = Root(tree)
    one, error = exchange(b"/a/1"), MalformedRequest()
    root.render_error(one, error)
    assert tree.unrouted.begun == [one]
    assert one.error is error
    assert root.in_flight == 1


def test_the_chain_without_a_route_answers_with_the_error() -> None:
    """Or as a fault of ours, when there is none."""
    client = Client()
    for error in (MalformedRequest(), None):
        one = exchange(b"/", client=client)
        one.error = error
        unrouted_chain([], render_error).begin(one)
    assert [response.status for response in client.responses] == [400, 500]


@pytest.mark.parametrize(("method", "status"), [(b"GET", 200), (b"HEAD", 200), (b"POST", 405), (b"OPTIONS", 405)])
def test_what_the_gateway_answers_itself(method: bytes, status: int) -> None:
    """GET and HEAD; before every route, even past `limits.in_flight`."""
    client = Client()
    own = ContentLeaf([], lambda exchange: (200, b"text/plain", exchange.request.path), render_error)
    root = Root(Tree({b"/a/health": own}, in_flight=1))
    root.occupancy.in_flight = 5
    root.render_exchange(exchange(b"/a/health?x", method, client))
    (response,) = client.responses
    assert response.status == status
    if status == 200:
        assert response.body == b"/a/health"
        assert list(response.headers) == [(b"Content-Type", b"text/plain"), (b"Cache-Control", b"no-store")]
    else:
        assert response.headers.get(b"Allow") == b"GET, HEAD"
