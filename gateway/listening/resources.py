"""The tree of resources that a listener serves.

`RootResource` finds the leaf for an exchange in the current snapshot; a leaf
renders it: `RouteResource` through the chain of its route, `ContentResource`
with something made here (health, metrics).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.logger import Logger
from twisted.web.resource import Resource

from gateway.errors import GatewayError, InternalError, MethodNotAllowed, RequestTooLarge, TooManyInFlight
from gateway.exchange import Exchange, Response
from gateway.headers import Headers
from gateway.http.paths import normal_form
from gateway.interfaces import ChainLike
from gateway.routing.table import RouteTable

_log = Logger()

Content = Callable[[Exchange], tuple[int, bytes, bytes]]
"""Makes status, media type and body."""


class Leaf(Protocol):
    """What renders an exchange."""

    def render_exchange(self, exchange: Exchange) -> None: ...


class RouteResource(Resource):
    """A compiled route: the leaf that lets its chain answer.

    Args:
        name: The route's name.
        pattern: Its path pattern.
        chain: Its steps and forwarder.
        request_body: Most octets of content it takes, 0 for no limit.
    """

    isLeaf = True

    def __init__(self, name: str, pattern: str, chain: ChainLike, request_body: int) -> None:
        super().__init__()
        self.name = name
        self.pattern = pattern
        self._chain = chain
        self._request_body = request_body

    def render_exchange(self, exchange: Exchange) -> None:
        """Start the exchange on the route."""
        exchange.route = self
        body = exchange.request.body
        if body is not None and self._request_body:
            if (body.length or body.received) > self._request_body:
                self._chain.fail(exchange, RequestTooLarge())
                return
            body.limit = self._request_body
        self._chain.begin(exchange)


class ContentResource(Resource):
    """A path that the gateway answers itself; GET and HEAD only.

    Args:
        chain: Steps for its answers (a request id).
        content: Makes the answer.
    """

    isLeaf = True

    def __init__(self, chain: ChainLike, content: Content) -> None:
        super().__init__()
        self._chain = chain
        self._content = content

    def render_exchange(self, exchange: Exchange) -> None:
        """Answer."""
        exchange.chain = self._chain
        if exchange.request.method not in (b"GET", b"HEAD"):
            self._chain.fail(exchange, MethodNotAllowed(("GET", "HEAD")))
            return
        status, media_type, body = self._content(exchange)
        headers = Headers([(b"Content-Type", media_type), (b"Cache-Control", b"no-store")])
        self._chain.deliver(exchange, Response(status, headers, body))


class Tree(Protocol):
    """What a snapshot has for the doors.

    Attributes:
        routes: Leaves by rule.
        unrouted: The chain of exchanges that no route takes.
        own_paths: Leaves that the gateway answers itself, by path.
        in_flight: Most exchanges at once, 0 for no limit.
        explain_routing: Whether decisions are logged.
    """

    routes: RouteTable[RouteResource]
    unrouted: ChainLike
    own_paths: Mapping[bytes, Leaf]
    in_flight: int
    explain_routing: bool


class RootResource(Resource):
    """The root of the tree: looks up the leaf in the snapshot of the moment.

    Attributes:
        tree: The current snapshot; assigning another is how a configuration is applied.
        in_flight: Exchanges between their first byte and their last.
    """

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self.tree = tree
        self.in_flight = 0

    def render_exchange(self, exchange: Exchange) -> None:
        """Find the leaf and let it answer; never raises."""
        tree = self.tree
        request = exchange.request
        self.in_flight += 1
        try:
            own = tree.own_paths.get(request.path)
            if own is not None:
                own.render_exchange(exchange)
                return
            if tree.in_flight and self.in_flight > tree.in_flight:
                raise TooManyInFlight()
            path = request.path
            if path != b"*":
                path = exchange.path = normal_form(path)
            match = tree.routes.match(request.host, path, request.method, request.headers, request.query)
            exchange.params = match.params
            if tree.explain_routing:
                self._explain(exchange, match.value.name)
            match.value.render_exchange(exchange)
        except GatewayError as error:
            if tree.explain_routing:
                self._explain(exchange, error.reason)
            tree.unrouted.fail(exchange, error)
        except Exception:
            _log.failure("The gateway failed on request {request_id}", request_id=exchange.request_id)
            tree.unrouted.fail(exchange, InternalError())

    def render_error(self, exchange: Exchange, error: GatewayError) -> None:
        """Answer with an error that the connection itself found."""
        if exchange.chain is None:
            self.in_flight += exchange.request.method == b""
            self.tree.unrouted.fail(exchange, error)
        else:
            exchange.chain.fail(exchange, error)

    def finish(self, exchange: Exchange) -> None:
        """The exchange is over."""
        self.in_flight -= 1
        if exchange.chain is not None:
            exchange.chain.finish(exchange)

    def _explain(self, exchange: Exchange, decision: str) -> None:
        request = exchange.request
        _log.debug(
            "{method} {host}{path} -> {decision}",
            method=request.method.decode("latin-1"),
            host=request.host.decode("latin-1"),
            path=exchange.path.decode("latin-1"),
            decision=decision,
        )
