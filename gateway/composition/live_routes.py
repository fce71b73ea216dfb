"""The routes as the live page shows them: with the steps of their chains, and with a request that is tried on them.

Tests: `tests/admin/test_live_routes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, ensureDeferred

from gateway.composition.slices import Slices
from gateway.composition.snapshot import Snapshot
from gateway.config.effective import route_table
from gateway.config.endpoint_strings import address_of
from gateway.config.schema.routes import Route
from gateway.config.summary import target
from gateway.headers import Headers
from gateway.http.hosts import normal_host
from gateway.message import Request
from gateway.serving.trial import tried

TEXT: Final = 25
"""Work of looking at the text of a route, as `Slices` counts it: all of 5,000 routes held the reactor for 0.12 s."""

TARGET: Final = frozenset(range(0x21, 0x7F))
"""Octets that a request line may have in its target."""


class LiveRoutes:
    """Shows and tries the routes of the snapshot in force.

    Args:
        tree: Returns it.
        clock: Whose turns a search of thousands of routes takes.
    """

    def __init__(self, tree: Callable[[], Snapshot], clock: Any) -> None:
        self._tree = tree
        self._clock = clock

    def part(self, search: str, start: int, end: int) -> Deferred[dict[str, Any]]:
        """Return some of the routes in which a text is found: name, host, path, method or upstream."""
        return ensureDeferred(self._part(search.lower(), start, end))

    async def _part(self, word: str, start: int, end: int) -> dict[str, Any]:
        tree, slices = self._tree(), Slices(self._clock)
        found = list(tree.settings.routes)
        if word:
            found.clear()
            for route in tree.settings.routes:
                if word in _text(route):
                    found.append(route)
                await slices.did(TEXT)
        some = found[start:end]
        rows = route_table(tree.settings.model_copy(update={"routes": tuple(some)}))
        for row in rows:
            row["steps"] = tree.kept.routes[row["name"]].leaf.steps
        listeners = [listener.name for listener in tree.settings.listeners]
        return {"total": len(found), "from": start, "routes": rows, "listeners": listeners}

    def attempt(self, method: str, url: str, fields: Sequence[tuple[str, str]], listener: str) -> dict[str, Any]:
        """Try a request; nothing is sent.

        Raises:
            ValueError: It cannot be a request.
        """
        tree = self._tree()
        request = read_request(method, url, fields)
        trial = tried(at(tree, listener), request)
        error, route = trial.error, trial.route
        return {
            "route": None if route is None else {"name": route.name, "path": route.pattern, "steps": route.steps},
            "params": trial.params,
            "path": trial.path.decode("latin-1"),
            "own": trial.own,
            "answer": None
            if error is None
            else {"status": error.status, "reason": error.reason, "detail": error.detail},
            "considered": trial.considered,
            "notes": trial.notes,
        }


def _text(route: Route) -> str:
    return " ".join([route.name, *(route.host or ()), *route.path, *(route.methods or ()), target(route)]).lower()


def at(tree: Snapshot, listener: str) -> Snapshot:
    """Return what a listener has; the first one by default.

    Raises:
        ValueError: There is no such listener.
    """
    named = [one for one in tree.settings.listeners if not listener or one.name == listener]
    if not named:
        raise ValueError(f"There is no listener {listener!r}")
    return tree.at(address_of(named[0].endpoint))


def read_request(method: str, url: str, fields: Sequence[tuple[str, str]]) -> Request:
    """Make a request of what was typed; a URL without a host takes that of the fields.

    Raises:
        ValueError: It cannot be one.
    """
    if not method.isascii() or not method.isalpha():
        raise ValueError(f"{method!r} is no method")
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = path.encode()
    if not TARGET.issuperset(target) or not path.startswith(("/", "*")):
        raise ValueError("Expected a URL, or a path that begins with '/', with other characters escaped")
    headers = Headers([(name.encode("ascii"), value.encode("utf-8")) for name, value in fields])
    host = parts.netloc.rpartition("@")[2].encode("ascii") or headers.index.get(b"host", b"")
    return Request(method.upper().encode(), target, headers, normal_host(host) if host else b"")
