"""Which listener and which route take a request of a log: asked of the routing tables, by the rules that requests meet.

Tests: `tests/rehearsal/replaying/test_destinations.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.config import Settings
from gateway.config.endpoint_strings import IN_THE_CLEAR, address_of
from gateway.config.schema.cases import CaseRequest
from gateway.config.schema.routes import Route
from gateway.headers import Headers
from gateway.http.hosts import normal_host
from gateway.message import Request
from gateway.recorded.request import Recorded
from gateway.rehearsal.asked import listener_of
from gateway.serving.tree import Tree
from gateway.serving.trial import tried

ANY_HOST: Final = "localhost"
"""The host of requests whose log has none."""

_SEVERAL: Final = 10_000
"""Listeners by host that are kept."""


class Destinations:
    """Finds who takes a request.

    Args:
        settings: The configuration.
        tree_at: Returns the routes at the address of a listener.
        host: Of requests whose log has none.
    """

    def __init__(self, settings: Settings, tree_at: Callable[[str], Tree], host: str = ANY_HOST) -> None:
        self._settings = settings
        self._tree_at = tree_at
        self._any_host = host
        self._routes = {route.name: route for route in settings.routes}
        self._addresses = {one.name: address_of(one.endpoint) for one in settings.listeners}
        self._secure = all(one.endpoint.partition(":")[0] not in IN_THE_CLEAR for one in settings.listeners)
        self._listeners: dict[tuple[str, str], str] = {}

    def scheme(self, request: Recorded) -> str:
        """Return the scheme: where the log does not say, that of the listeners."""
        return request.scheme or ("https" if self._secure else "http")

    def host(self, request: Recorded) -> str:
        """Return the host, or the one that stands for it."""
        return request.host or self._any_host

    def listener(self, request: Recorded) -> str:
        """Return the name of the listener that a request comes in by.

        Raises:
            ValueError: Its host is none.
        """
        key = self.scheme(request), self.host(request)
        known = self._listeners.get(key)
        if known is None:
            if len(self._listeners) > _SEVERAL:
                self._listeners.clear()
            asked = CaseRequest(url=f"{key[0]}://{key[1]}/")
            known = self._listeners[key] = listener_of(asked, self._settings)
        return known

    def route(self, request: Recorded) -> Route | None:
        """Return the route that takes a request; None where none does.

        Raises:
            ValueError: Its host is none.
        """
        host = self.host(request).encode()
        fields = [(b"Host", host)]
        fields += [(name.encode(), value.encode("utf-8", "replace")) for name, value in request.headers]
        head = Request(request.method.encode(), request.target.encode(), Headers(fields), normal_host(host))
        trial = tried(self._tree_at(self._addresses[self.listener(request)]), head)
        return None if trial.route is None else self._routes.get(trial.route.name)
