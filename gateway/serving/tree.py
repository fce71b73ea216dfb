"""What renders an exchange: the root of a listener's tree, and its leaves.

`Root` finds the leaf for an exchange in the current snapshot; a leaf renders it: `RouteLeaf` through the chain of its
route, `ContentLeaf` with something made here (health, metrics), `gateway.answering.form.FormLeaf` from a form.

None of these is a resource of `twisted.web`: that is `gateway.serving.gateway_tree.GatewayTree`, the whole tree as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar, cast

from twisted.logger import Logger

from gateway.errors import GatewayError, InternalError, MethodNotAllowed, RouteNotFound, TooManyInFlight
from gateway.exchange import ChainLike, Exchange
from gateway.headers import Headers
from gateway.http.hops import COUNTED, answer, is_last
from gateway.http.idn import for_people
from gateway.http.paths import normal_form
from gateway.http.preflights import asked_method
from gateway.interfaces import ErrorRenderer, Middleware
from gateway.message import Request, Response
from gateway.middleware.chain import Chain, Handler
from gateway.resilience.occupancy import Occupancy
from gateway.routing.agreement import PathRules, settle
from gateway.routing.table import Known, RouteTable
from gateway.routing.tree import Match

_log = Logger()
_routing = Logger(namespace="gateway.routing")

Content = Callable[[Exchange], tuple[int, bytes, bytes]]
"""Makes status, media type and body."""


class Leaf(Protocol):
    """What renders an exchange."""

    def render_exchange(self, exchange: Exchange) -> None: ...


class RouteLeaf:
    """A compiled route: the leaf that lets its chain answer.

    Args:
        name: The route's name.
        pattern: Its path pattern.
        chain: Its steps and forwarder.
        request_timeout: Seconds until the answer must begin, and from then on the longest silence; may be infinite.
        paths: What is asked about paths that servers read in several ways.

    Attributes:
        answers_preflights: Whether a step answers those that are about the route's methods (`gateway.middleware.cors`).
        readable: Makes the fields by which a page may read that its method is not taken; None without `cors`.
    """

    def __init__(
        self, name: str, pattern: str, chain: ChainLike, request_timeout: float, paths: PathRules | None = None
    ) -> None:
        self.name = name
        self.pattern = pattern
        self.request_timeout = request_timeout
        self.paths = paths or PathRules()
        self.asks_about_every_path = self.paths.always
        self.answers_preflights = False
        self.readable: Callable[[Request], tuple[tuple[bytes, bytes], ...]] | None = None
        self._chain = chain

    @property
    def steps(self) -> list[str]:
        """Return the names of its steps, from the client inwards."""
        chain = self._chain
        return chain.steps if isinstance(chain, Chain) else []

    @property
    def parts(self) -> list[Any]:
        """Return the steps themselves."""
        chain = self._chain
        return chain.parts if isinstance(chain, Chain) else []

    def render_exchange(self, exchange: Exchange) -> None:
        """Start the exchange on the route."""
        exchange.route = self
        exchange.deadline = exchange.started + self.request_timeout
        self._chain.begin(exchange)

    def render_last(self, exchange: Exchange, allowed: Sequence[str]) -> None:
        """Answer an exchange that may go no further (Max-Forwards: 0): the route's rules are for it as for others.

        Args:
            exchange: A TRACE or OPTIONS.
            allowed: What routes take on its path.
        """

        def reply(exchange: Exchange) -> None:
            assert exchange.chain is not None
            exchange.chain.deliver(exchange, answer(exchange.request, allowed))

        exchange.route = self
        exchange.deadline = exchange.started + self.request_timeout
        self._chain.ending(reply).begin(exchange)


class ContentLeaf:
    """A path that the gateway answers itself; GET and HEAD only.

    Args:
        steps: Middleware for its answers (a request id).
        content: Makes the answer.
        render_error: Makes the responses to errors.
        cache_control: Whether anybody may keep it.
    """

    def __init__(
        self,
        steps: Sequence[Middleware],
        content: Content,
        render_error: ErrorRenderer,
        cache_control: bytes = b"no-store",
    ) -> None:
        self._chain = Chain(steps, _Said(content, cache_control).answer, render_error)

    def render_exchange(self, exchange: Exchange) -> None:
        """Answer."""
        self._chain.begin(exchange)


class _Said:
    """Answers at the end of a chain; it does not know which: the two would keep each other alive."""

    def __init__(self, content: Content, cache_control: bytes) -> None:
        self._content = content
        self._cache_control = cache_control

    def answer(self, exchange: Exchange) -> None:
        """Answer."""
        if exchange.request.method not in (b"GET", b"HEAD"):
            raise MethodNotAllowed(("GET", "HEAD"))
        status, media_type, body = self._content(exchange)
        headers = Headers([(b"Content-Type", media_type), (b"Cache-Control", self._cache_control)])
        chain = exchange.chain
        assert chain is not None  # `Chain.begin` has set it
        chain.deliver(exchange, Response(status, headers, body))


def unrouted_chain(
    steps: Sequence[Middleware],
    render_error: ErrorRenderer,
    make: Callable[[Sequence[Middleware], Handler, ErrorRenderer], Chain] = Chain,
) -> Chain:
    """Make the chain for exchanges that no route takes: it answers with their error.

    Args:
        steps: From the client inwards.
        render_error: Makes the answer.
        make: Makes chains.
    """

    def refuse(exchange: Exchange) -> None:
        raise exchange.error or InternalError()

    return make(steps, refuse, render_error)


class Tree(Protocol):
    """What a snapshot has for the doors.

    Attributes:
        routes: Leaves by rule.
        unrouted: The chain of exchanges that no route takes.
        own_paths: Leaves that the gateway answers itself, by path.
        claimed: The routes that come before them, None for none.
        in_flight: Most exchanges at once, 0 for no limit.
        decides_by_forwarding: Whether something goes by a field that is believed of trusted peers only.
        explain_routing: Whether decisions are logged.
        answers_preflights: Whether a route answers preflights.
    """

    @property
    def routes(self) -> RouteTable[RouteLeaf]: ...

    @property
    def unrouted(self) -> ChainLike: ...

    @property
    def own_paths(self) -> Mapping[bytes, Leaf]: ...

    @property
    def claimed(self) -> RouteTable[RouteLeaf] | None: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def decides_by_forwarding(self) -> bool: ...

    @property
    def explain_routing(self) -> bool: ...

    @property
    def answers_preflights(self) -> bool: ...


def has(routes: RouteTable[RouteLeaf], request: Request) -> bool:
    """Whether one of some routes is for a request, whatever its method."""
    try:
        routes.match(request.host, request.path, request.method, request.headers, request.query)
    except RouteNotFound:
        return False
    except GatewayError:
        pass
    return True


def _asks_more(tree: Tree, route: RouteLeaf) -> bool:
    """Whether more than the octets of a request decides where it goes, or is asked about it each time."""
    return tree.decides_by_forwarding or tree.explain_routing or route.asks_about_every_path


def _match(
    routes: RouteTable[RouteLeaf], request: Request, path: bytes, known: Known[RouteLeaf] | None
) -> Match[RouteLeaf]:
    match = None if known is None else known.match(request.method, request.headers, request.query)
    if match is None:
        match = routes.match(request.host, path, request.method, request.headers, request.query)
    return match


def _render_counted(routes: RouteTable[RouteLeaf], route: RouteLeaf, exchange: Exchange, path: bytes) -> None:
    """Render a TRACE or OPTIONS: it may be one that goes no further; a preflight goes no further in any case."""
    request = exchange.request
    if not is_last(request) or (route.answers_preflights and asked_method(request) is not None):
        route.render_exchange(exchange)
    else:
        route.render_last(exchange, routes.allowed(request.host, path, request.headers, request.query))


def preflight(routes: RouteTable[RouteLeaf], request: Request, path: bytes) -> Match[RouteLeaf] | None:
    """Find the route that a preflight is about, by the method that it asks for; None where no route answers it.

    A method that no route takes is refused by the rules of a route on the same path, where one has any.
    """
    method = asked_method(request)
    if method is None:
        return None
    host, headers, query = request.host, request.headers, request.query
    try:
        match = routes.match(host, path, method, headers, query)
    except MethodNotAllowed as error:
        for allowed in error.allow:
            with suppress(RouteNotFound):
                match = routes.match(host, path, allowed.encode(), headers, query)
                if match.value.answers_preflights:
                    return match
        return None
    except GatewayError:
        return None  # the request itself meets the same
    return match if match.value.answers_preflights else None


def _let_be_read(tree: Tree, exchange: Exchange, error: GatewayError) -> None:
    """Let a page read that its method is not taken, by the rules of a route on the same path, where one has any."""
    if not (tree.answers_preflights and isinstance(error, MethodNotAllowed)):
        return
    request, routes = exchange.request, tree.routes
    for allowed in error.allow:
        with suppress(GatewayError):
            route = routes.match(request.host, exchange.path, allowed.encode(), request.headers, request.query).value
            if route.readable is not None:
                error.headers += route.readable(request)
                return


T = TypeVar("T", bound=Tree)


class Root(Generic[T]):
    """The root of the tree: looks up the leaf in the snapshot of the moment.

    Attributes:
        tree: The current snapshot; assigning another is how a configuration is applied.
        occupancy: Counts the exchanges in flight.
    """

    def __init__(self, tree: T, occupancy: Occupancy | None = None) -> None:
        self.tree = tree
        self.occupancy = occupancy or Occupancy()

    @property
    def in_flight(self) -> int:
        """Exchanges between the end of their head and their last octet."""
        return self.occupancy.in_flight

    def render_exchange(self, exchange: Exchange) -> None:
        """Find the leaf and let it answer; never raises."""
        tree = self.tree
        self.occupancy.in_flight += 1
        try:
            repeat = exchange.request.repeat
            if repeat is None or repeat.tree is not tree:
                self._render(tree, exchange)
            else:
                self._render_again(tree, exchange, cast("Match[RouteLeaf]", repeat.match))
        except GatewayError as error:
            if exchange.error is None:
                exchange.error = error
                _let_be_read(tree, exchange, error)
            tree.unrouted.begin(exchange)
        except Exception:  # noqa: BLE001 - a fault of ours is a 500 for one client
            _log.failure("The gateway failed to route a request")
            exchange.error = InternalError()
            tree.unrouted.begin(exchange)

    def _render(self, tree: T, exchange: Exchange) -> None:
        request = exchange.request
        if tree.decides_by_forwarding:
            request.headers = exchange.forwarding.believed(request.headers)
        own = tree.own_paths.get(request.path)
        if own is not None and (tree.claimed is None or not has(tree.claimed, request)):
            own.render_exchange(exchange)
            return
        if tree.in_flight and self.occupancy.places_held > tree.in_flight:
            # Raised by a step of its route (`gateway.middleware.admission.Full`), so that the 503 has the fields of
            # the route's other answers.
            exchange.error = TooManyInFlight()
        written = path = request.path
        routes = tree.routes
        known = routes.known(request.host, path)
        if known is None and path != b"*":
            path = exchange.path = normal_form(path)
        if tree.explain_routing:
            self._explain(tree, exchange)
        match = preflight(routes, request, path) if tree.answers_preflights else None
        if match is None:
            match = _match(routes, request, path, known)
        route = match.value
        # A path in normal form, as nearly all are, has one reading.
        if path is not written or route.asks_about_every_path:
            settle(request, path, routes, match, route.paths)
        exchange.params = match.params
        if request.method in COUNTED:
            _render_counted(routes, route, exchange, path)
            return
        repeat = request.repeat
        if repeat is not None and path is written and own is None and not _asks_more(tree, route):
            params = match.params
            repeat.tree, repeat.match = tree, Match(route, None if params is None else dict(params))
        route.render_exchange(exchange)

    def _render_again(self, tree: T, exchange: Exchange, found: Match[RouteLeaf]) -> None:
        """Do what `_render` did for the same octets, by the same tree; see `_asks_more`."""
        if tree.in_flight and self.occupancy.places_held > tree.in_flight:
            exchange.error = TooManyInFlight()
        params = found.params
        if params is not None:
            exchange.params = dict(params)  # a plugin may change it
        found.value.render_exchange(exchange)

    def render_error(self, exchange: Exchange, error: GatewayError) -> None:
        """Answer with an error that the connection itself found in place of a request.

        Limits are for the path that it asked for, as far as that could be read.
        """
        self.occupancy.in_flight += 1
        with suppress(GatewayError):  # what has no form stays as it is written
            exchange.path = normal_form(exchange.request.path)
        exchange.error = error
        self.tree.unrouted.begin(exchange)

    def finish(self, exchange: Exchange) -> None:
        """The exchange is over."""
        self.occupancy.in_flight -= 1
        if exchange.chain is not None:
            exchange.chain.finish(exchange)

    def _explain(self, tree: T, exchange: Exchange) -> None:
        request = exchange.request
        considered = tree.routes.explain(request.host, exchange.path, request.method, request.headers, request.query)
        _routing.debug(
            "{method} {host}{path}: {considered}",
            method=request.method.decode("latin-1"),
            host=for_people(request.host.decode("latin-1")),
            path=exchange.path.decode("latin-1"),
            considered="; ".join(considered),
        )
