"""Doubts about routes that are on some listeners only, and listeners that no route is on.

Tests: `tests/config/doubts/test_listeners.py::test_a_way_around_the_listener_is_doubted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.config.doubts.common import Doubt
from gateway.config.doubts.reach import Shape, path_shape
from gateway.config.schema import Settings
from gateway.config.schema.routes import Route


def listeners(settings: Settings) -> Iterator[Doubt]:
    """Doubt listeners of no route, and routes whose requests other listeners lead to the same upstream."""
    for index, listener in enumerate(settings.listeners):
        if settings.routes and not any(route.is_on(listener.name) for route in settings.routes):
            yield ("listeners", index), "no route is on it (`listeners`): every request is answered with 404"
    limited = [index for index, route in enumerate(settings.routes) if route.listeners is not None and route.upstream]
    for listener in settings.listeners if limited else ():
        here = _Covering(settings.routes, listener.name)
        for index in limited:
            route = settings.routes[index]
            around = None if route.is_on(listener.name) else here.of(route)
            if around is not None:
                words = (
                    f"on `{listener.name}` requests for it go to `routes[{around}]`, {settings.routes[around].name}, "
                    "and so to the same upstream; a route there with `respond: {status: 404}` keeps them off"
                )
                yield ("routes", index, "path"), words


class _Covering:
    """Finds what takes the requests for a route on a listener that it is not on.

    Args:
        routes: All routes.
        listener: The name of the listener.
    """

    def __init__(self, routes: Sequence[Route], listener: str) -> None:
        self._routes = routes
        self._first: dict[tuple[str | None, Shape], int] = {}
        self._beginnings: set[tuple[object, ...]] = set()
        for index, route in enumerate(routes):
            if route.is_on(listener) and not (route.headers or route.query):
                for path in route.path:
                    shape = path_shape(path)
                    for host in route.hosts:
                        self._first.setdefault((host, shape), index)
                    parts = shape[0]
                    if isinstance(parts, tuple):
                        self._beginnings.update(parts[:length] for length in range(len(parts) + 1))

    def of(self, route: Route) -> int | None:
        """Return the route that takes all requests of one of its paths and leads to one of its upstreams.

        One that names the same path is there on purpose.
        """
        names = {name for name, _ in route.upstreams}
        for path in route.path:
            shape = path_shape(path)
            for host in route.hosts:
                best = next(self._covering(host, shape), None)
                if best is None or shape in map(path_shape, self._routes[best].path):
                    continue
                if names & {name for name, _ in self._routes[best].upstreams}:
                    return best
        return None

    def _covering(self, host: str | None, shape: Shape) -> Iterator[int]:
        """Walk the routes that take all requests for a host and path, the most specific first."""
        shapes = list(self._shapes(shape))
        for name in _hosts_above(host):
            for each in reversed(shapes):
                found = self._first.get((name, each))
                if found is not None:
                    yield found

    def _shapes(self, shape: Shape) -> Iterator[Shape]:
        """Walk the shapes that match all paths that a shape does, the least specific first."""
        if len(shape) != 2:
            yield from (((), True), shape)  # of an expression nobody can tell more: all paths, or itself
            return
        parts, wild = shape
        assert isinstance(parts, tuple)
        beginnings: list[tuple[object, ...]] = [()]
        for part in parts:
            yield from ((beginning, True) for beginning in beginnings)
            following = ((*beginning, one) for beginning in beginnings for one in dict.fromkeys((None, part)))
            beginnings = [beginning for beginning in following if beginning in self._beginnings]
        yield from ((beginning, True) for beginning in beginnings)
        if not wild:
            yield from ((beginning, False) for beginning in beginnings)


def _hosts_above(host: str | None) -> Iterable[str | None]:
    """Return the hosts of routes that are for a host too, the most specific first."""
    names: list[str | None] = [host]
    rest = (host or "").removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        names.append(f"*.{rest}")
    return dict.fromkeys([*names, None])
