"""One route of a gateway, for a resource that an application mounts: `GatewayService.resource("users")`.

Every request is routed as on the gateway's own ports, by all routes: a path that belongs to a more specific one, which
may ask for more, is not served by a less specific one because that is mounted alone. What belongs to another route, or
to none, is a 404 here. A route that is on some listeners only is found among the routes of the first of these. The
route may change with the configuration; one that has gone leaves 404s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import RouteNotFound
from gateway.exchange import ChainLike
from gateway.headers import Headers
from gateway.routing.table import RouteTable
from gateway.routing.tree import Match
from gateway.serving.contract import Delegate, Host
from gateway.serving.tree import Leaf, Root, RouteLeaf, Tree


class OneRouteHost(Delegate):
    """The gateway's site, with one route in its tree.

    Args:
        site: The gateway's.
        name: The route's.
        around: Returns the tree in force that has the route; by default that of the site.
    """

    def __init__(self, site: Host, name: str, around: Callable[[], Tree] | None = None) -> None:
        super().__init__(site)
        self.root = Root(_OneRouteTree(around or (lambda: site.root.tree), name), site.root.occupancy)


class _OneRouteTree:
    """The tree in force, as far as it is one route (`gateway.serving.tree.Tree`)."""

    def __init__(self, around: Callable[[], Tree], name: str) -> None:
        self._around = around
        self._name = name

    @property
    def routes(self) -> RouteTable[RouteLeaf]:
        return _OneRouteTable(self._tree.routes, self._name)

    @property
    def unrouted(self) -> ChainLike:
        return self._tree.unrouted

    @property
    def own_paths(self) -> Mapping[bytes, Leaf]:
        return {}

    @property
    def claimed(self) -> None:
        return None

    @property
    def in_flight(self) -> int:
        return self._tree.in_flight

    @property
    def decides_by_forwarding(self) -> bool:
        return self._tree.decides_by_forwarding

    @property
    def explain_routing(self) -> bool:
        return self._tree.explain_routing

    @property
    def answers_preflights(self) -> bool:
        return self._tree.answers_preflights

    @property
    def _tree(self) -> Tree:
        return self._around()


class _OneRouteTable(RouteTable[RouteLeaf]):
    """A table of routes in which only one of them can be found."""

    def __init__(self, routes: RouteTable[RouteLeaf], name: str) -> None:
        super().__init__(())
        self.caseless = routes.caseless
        self._routes = routes
        self._name = name

    def match(self, host: bytes, path: bytes, method: bytes, headers: Headers, query: bytes) -> Match[RouteLeaf]:
        """Find the route.

        Raises:
            RouteNotFound: It is another's request, or nobody's.
            MethodNotAllowed: Whoever's it is does not take the method.
        """
        match = self._routes.match(host, path, method, headers, query)
        if match.value.name != self._name:
            raise RouteNotFound()
        return match

    def allowed(self, host: bytes, path: bytes, headers: Headers, query: bytes) -> tuple[str, ...]:
        """Return the methods that routes take on a path."""
        return self._routes.allowed(host, path, headers, query)

    def explain(self, host: bytes, path: bytes, method: bytes, headers: Headers, query: bytes) -> list[str]:
        """Tell which routes are considered for a request."""
        return self._routes.explain(host, path, method, headers, query)
