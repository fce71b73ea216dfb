"""The admin listener's tree: `/metrics`, the health paths, `/routes`, `/config`; `/` tells what there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from gateway import __version__
from gateway.admin.hosts import is_own
from gateway.answering.health import PATHS, Health
from gateway.errors import ConfigurationRefused, Forbidden, GatewayError, InternalError, MethodNotAllowed, RouteNotFound
from gateway.serving.respond import problem

View = Callable[[], Any]
"""Makes something that JSON can say, now or later."""
Exposition = Callable[[bytes], "tuple[bytes, bytes] | Deferred[tuple[bytes, bytes]]"]
"""Makes media type and text of the metrics, for an Accept field, now or later."""

REQUEST_BODY = 64 * 1024
"""Octets of request content that are taken where a leaf does not ask for more."""

_log = Logger()


class Leaf(Resource):
    """Answers GET and HEAD, or what `methods` says; everything else is a problem.

    Attributes:
        methods: What it answers.
        words: What it is, for the page at `/`.
    """

    isLeaf = True
    methods: tuple[str, ...] = ("GET", "HEAD")
    words = ""

    def render(self, request: Request) -> bytes | int:
        """Answer, whatever the method."""
        body = self._body(request)
        if isinstance(body, Deferred):
            here = [True]
            request.notifyFinish().addErrback(lambda _: here.clear())
            body.addErrback(lambda failure: _refuse(request, self._fault(request, failure)))
            body.addCallback(lambda late: self._finish(request, late) if here else None)
            return NOT_DONE_YET
        if request.method == b"HEAD":
            # For HEAD Twisted leaves the body out as well, but logs a line for each request.
            request.setHeader(b"Content-Length", b"%d" % len(body))
            return b""
        return body

    def _body(self, request: Request) -> bytes | Deferred[bytes]:
        # Twisted's own default names the library and its version.
        request.setHeader(b"Server", b"gateway")
        request.setHeader(b"Cache-Control", b"no-store")
        try:
            self.check(request)
            return self.answer(request)
        except Exception:  # noqa: BLE001  # whatever a view does, the answer shows nothing of it
            return _refuse(request, self._fault(request, Failure()))

    def _fault(self, request: Request, failure: Failure) -> GatewayError:
        if isinstance(failure.value, GatewayError):
            return failure.value
        _log.failure("The admin listener failed on {path}", failure, path=request.path)
        return InternalError()

    def _finish(self, request: Request, body: bytes) -> None:
        request.setHeader(b"Content-Length", b"%d" % len(body))
        request.write(body)
        request.finish()

    def check(self, request: Request) -> None:
        """Refuse the request by raising a `GatewayError`; by default nothing is refused."""
        if request.postpath and request.postpath != [b""]:
            raise RouteNotFound("There is nothing at this path.")
        if request.method.decode("latin-1") not in self.methods:
            raise MethodNotAllowed(self.methods)

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        """Return the body, now or later, having set status and media type."""
        raise RouteNotFound("There is nothing at this path.")

    def most(self, request: Request) -> int:
        """Return how many octets of content are taken; asked when the head is there."""
        return REQUEST_BODY


def _as_json(made: Any) -> bytes:
    return json.dumps(made, indent=2, default=str).encode() + b"\n"


def _refuse(request: Request, error: GatewayError) -> bytes:
    request.setResponseCode(error.status)
    request.setHeader(b"Content-Type", b"application/problem+json")
    request.setHeader(b"Gateway-Reason", error.reason.encode())
    for name, value in error.headers:
        request.setHeader(name, value)
    named = request.responseHeaders.getRawHeaders(b"x-request-id") or [b""]
    body = problem(error, named[0].decode())
    if isinstance(error, ConfigurationRefused):
        body = json.dumps({**json.loads(body), "problems": error.problems}).encode()
    return body


class _Metrics(Leaf):
    words = "all figures, for Prometheus"

    def __init__(self, exposition: Exposition) -> None:
        super().__init__()
        self._exposition = exposition

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        made = self._exposition(request.getHeader(b"accept") or b"")
        return made.addCallback(partial(self._say, request)) if isinstance(made, Deferred) else self._say(request, made)

    def _say(self, request: Request, made: tuple[bytes, bytes]) -> bytes:
        media_type, body = made
        request.setHeader(b"Content-Type", media_type)
        return body


_HEALTH = {
    b"/health": "where the gateway is in its life; 200 as long as it answers",
    b"/ready": "whether it takes requests: 503 while it starts, drains or lacks what it needs",
    b"/health/live": "the same for Kubernetes: liveness",
    b"/health/ready": "readiness",
    b"/health/startup": "start-up",
}

_VIEWS = {
    "config": "the configuration in force, secrets masked",
    "exchanges": "the last hundred exchanges that failed",
    "routes": "the routes in force, with all that is decided about them",
    "upstreams": "the backends: health, breakers, connections",
}


class _HealthPath(Leaf):
    def __init__(self, health: Health, path: bytes) -> None:
        super().__init__()
        self.words = _HEALTH[path]
        self._health = health
        self._path = path

    def answer(self, request: Request) -> bytes:
        status, body = self._health.report(self._path)
        request.setResponseCode(status)
        request.setHeader(b"Content-Type", b"application/json")
        return body


class _View(Leaf):
    def __init__(self, view: View, words: str) -> None:
        super().__init__()
        self.words = words
        self._view = view

    def answer(self, request: Request) -> bytes | Deferred[bytes]:
        request.setHeader(b"Content-Type", b"application/json")
        made = self._view()
        return made.addCallback(_as_json) if isinstance(made, Deferred) else _as_json(made)


class _Index(Leaf):
    """The page at `/`: what this port has."""

    def __init__(self, leaves: Mapping[bytes, Leaf]) -> None:
        super().__init__()
        from gateway.admin.pages import Link, Page

        links = [Link(path.decode(), leaf.words, leaf.methods[0]) for path, leaf in leaves.items()]
        self._page = Page("Gateway: admin port", "What this port has.", links=links, foot=f"Version {__version__}.")

    def answer(self, request: Request) -> bytes:
        return self._page.answer(request)


class _Nothing(Leaf):
    """Answers for paths that nothing is at."""

    def check(self, request: Request) -> None:
        """Refuse, whatever the method is."""
        raise RouteNotFound("There is nothing at this path.")


class _NotHere(Leaf):
    """Answers whoever asks for a name that is not known to be this port's."""

    def check(self, request: Request) -> None:
        """Refuse, whatever is asked for."""
        raise Forbidden(
            "The admin port answers to IP addresses and localhost only; other names of it are listed in `admin.hosts`."
        )


class Tree(Resource):
    """Finds a leaf by the whole path, for who asks this port by a name of its own.

    Args:
        leaves: By path; one whose path ends in a slash has all that is below it.
        names: The names that it answers to, beside addresses and `localhost` (`admin.hosts`).
    """

    def __init__(self, leaves: Mapping[bytes, Leaf], names: Callable[[], Collection[str]] = tuple) -> None:
        super().__init__()
        self._names = names
        self._leaves = leaves
        self._below = {path: leaf for path, leaf in leaves.items() if path.endswith(b"/") and path != b"/"}

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Find the leaf by the whole path: there are few."""
        # A request without `Host` comes from no browser: it is answered.
        for host in request.requestHeaders.getRawHeaders(b"host") or []:
            if not is_own(host.decode("latin-1").strip(), self._names()):
                return _NotHere()
        leaf = self.leaf(request.path)
        request.postpath = []
        return leaf

    def leaf(self, path: bytes) -> Leaf:
        """Return what answers for a path."""
        whole = path.rstrip(b"/") or b"/"
        found = self._leaves.get(whole)
        if found is None:
            found = next((leaf for prefix, leaf in self._below.items() if (whole + b"/").startswith(prefix)), None)
        return found or _Nothing()


class AdminRoot(Tree):
    """The tree of the admin port.

    Args:
        health: Answers the health paths.
        exposition: Makes the metrics.
        views: Read-only views by path, e.g. `routes`.
        others: Makes what else there is, by path (see `gateway.admin.writes`), when something of it is asked for:
            few ports are asked for more than health and metrics (D-500).
        names: The names that it answers to, beside addresses and `localhost` (`admin.hosts`).
        below: What has all that is below a path, by that path.
    """

    def __init__(
        self,
        health: Health,
        exposition: Exposition,
        views: dict[str, View],
        others: Callable[[], Mapping[str, Leaf]] = dict,
        names: Callable[[], Collection[str]] = tuple,
        below: Mapping[bytes, Leaf] | None = None,
    ) -> None:
        leaves: dict[bytes, Leaf] = {path: _HealthPath(health, path) for path in PATHS}
        leaves[b"/metrics"] = _Metrics(exposition)
        leaves |= {b"/" + name.encode(): _View(view, _VIEWS.get(name, "")) for name, view in views.items()}
        leaves |= below or {}
        super().__init__(leaves, names)
        self._at_once = leaves
        self._others = others
        self._whole: Tree | None = None

    def leaf(self, path: bytes) -> Leaf:
        """Return what answers for a path."""
        found = super().leaf(path)
        if not isinstance(found, _Nothing):
            return found
        if self._whole is None:
            leaves = self._at_once | {b"/" + name.encode(): leaf for name, leaf in self._others().items()}
            self._whole = Tree({b"/": _Index(leaves), **leaves})
        return self._whole.leaf(path)
