"""One line in the log for an answer that a developer wonders about: which route was considered, and what went wrong.

    404 GET /ordrs/7: no route has this path (nearest: orders, any host, path /orders/*)
    502 GET /orders/7: route orders, upstream orders, http://127.0.0.1:9001: Connection refused (upstream.connect)

Made where `log.format` is `text`, for who reads the log at a terminal. It stands around what makes the answers to
errors, so exchanges that do not fail pay nothing for it (an error that a backend itself has answered with is explained
only where the log is a terminal, by a step of the chain); who fails on purpose cannot fill the log with it (D-213).

Tests: `tests/flow/test_explanations.py::test_a_backend_that_does_not_answer_the_door`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import DNSLookupError
from twisted.logger import Logger

from gateway.dialling.failures import words
from gateway.errors import GatewayError, MethodNotAllowed, RouteNotFound, Source
from gateway.exchange import Exchange
from gateway.http.hosts import bare_host
from gateway.interfaces import ErrorRenderer
from gateway.limiting.sparing import Trickle
from gateway.message import Response
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

if TYPE_CHECKING:
    from gateway.routing.nearest import Nearest

EXPLAINED = frozenset([404, 405, 502, 503, 504])

_EVENTS = {
    404: "request.unrouted",
    405: "request.unrouted",
    502: "request.failed",
    503: "request.failed",
    504: "request.failed",
}
"""Names of events (`gateway.telemetry.events`), by the status."""

_LONGEST = 120
_CONSIDERED = 3

_NEXT_STEPS = {
    "upstream.connect": "is it running?",
    "upstream.no_backend": "/upstreams on the admin port tells why",
    "breaker.open": "nothing was sent; /upstreams on the admin port tells why",
    "upstream.timeout": "`timeout` of the route is how long it may take",
}

_log = Logger()


class Explanations:
    """Explains errors by the routes that are in force: what a configuration takes over from the one before asks it too.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._routes: RouteTable[Any] = RouteTable([])
        self._elsewhere: frozenset[str] = frozenset()
        self._nearest: Nearest | None = None
        self._rules: Iterable[RouteRule] = ()
        self._now = now
        self._trickle = Trickle(now())
        self._untold = 0

    def follow(self, rules: Iterable[RouteRule], routes: RouteTable[Any], elsewhere: frozenset[str]) -> None:
        """Explain by these routes from now on.

        Args:
            rules: Those of all routes, in order.
            routes: The compiled table.
            elsewhere: The names of routes that are on other listeners only.
        """
        self._nearest, self._rules, self._routes, self._elsewhere = None, rules, routes, elsewhere

    def among(self, rules: Iterable[RouteRule], routes: RouteTable[Any], elsewhere: frozenset[str]) -> Explanations:
        """Return what explains errors of one listener, which has these routes; it counts its lines by itself."""
        other = Explanations(self._now)
        other.follow(rules, routes, elsewhere)
        return other

    def around(self, render: ErrorRenderer) -> ErrorRenderer:
        """Return what renders errors as `render` does, and explains them."""

        def explain(exchange: Exchange, error: GatewayError) -> Response:
            if error.status in EXPLAINED and self._may_tell():
                self._tell(exchange, error)
            return render(exchange, error)

        return explain

    def answered(self, exchange: Exchange) -> None:
        """Explain an error that a backend has answered with: it came from there, and not from here."""
        response = exchange.response
        if response is None or response.status not in EXPLAINED or exchange.error is not None or not exchange.attempts:
            return
        if self._may_tell():
            route = "" if exchange.route is None else f"route {exchange.route.name}, "
            why = f"{route}upstream {exchange.upstream}: so says {exchange.backend} itself"
            self._line(exchange, response.status, why)

    def _may_tell(self) -> bool:
        if self._trickle.takes(self._now()):
            return True
        self._untold += 1
        return False

    def _tell(self, exchange: Exchange, error: GatewayError) -> None:
        self._line(exchange, error.status, self._why(exchange, error))

    def _line(self, exchange: Exchange, status: int, why: str) -> None:
        untold, self._untold = self._untold, 0
        if untold:
            _log.info("{untold} further answers like these were not explained", untold=untold)
        # Whatever the status: whose business a failure is has been said where it was found, once a minute.
        _log.info(
            "{status} {method} {path}: {why}",
            status=status,
            method=_shown(exchange.request.method),
            path=_shown(exchange.request.path),
            why=why,
            request_id=exchange.request_id,
            route="" if exchange.route is None else exchange.route.name,
            untold=untold,
            event=_EVENTS[status],
        )

    def _why(self, exchange: Exchange, error: GatewayError) -> str:
        if exchange.route is None:
            if isinstance(error, (RouteNotFound, MethodNotAllowed)) and not error.detail:
                return self._unrouted(exchange)
            return f"{_sentence(error)} ({error.reason})"
        parts = [f"route {exchange.route.name}"]
        if exchange.upstream:
            parts.append(f"upstream {exchange.upstream}")
        if exchange.backend and error.source is Source.UPSTREAM:
            parts.append(exchange.backend)
        cause = error.__cause__
        said = _sentence(error) if cause is None else words(cause).rstrip(".")
        tries = f", after {exchange.attempts} attempts" if exchange.attempts > 1 else ""
        then = None if isinstance(cause, DNSLookupError) else _NEXT_STEPS.get(error.reason)
        return f"{', '.join(parts)}: {said} ({error.reason}){tries}{f'; {then}' if then else ''}"

    def _unrouted(self, exchange: Exchange) -> str:
        request = exchange.request
        try:
            *considered, verdict = self._routes.explain(
                request.host, exchange.path, request.method, request.headers, request.query
            )
        except GatewayError as error:
            return f"{_sentence(error)} ({error.reason})"
        if considered:
            more = len(considered) - _CONSIDERED
            return "; ".join([*considered[:_CONSIDERED], *([f"and {more} more"] if more > 0 else []), verdict])
        host = bare_host(request.host)
        nearest = self._near()
        rule = nearest.find(host, exchange.path)
        here = "no route has this path"
        if not nearest.has_host(host):
            here = f"no route for host {_shown(host)}"
        elif rule is not None and rule.host is not None:
            here = f"no route for host {_shown(host)} has this path"
        if rule is None:
            return f"{here}, and none is near"
        where = ", on other listeners" if rule.name in self._elsewhere else ""
        return f"{here} (nearest: {_named(rule)}{where})"

    def _near(self) -> Nearest:
        if self._nearest is None:
            from gateway.routing.nearest import Nearest  # with what guesses at words, for the first that went astray

            self._nearest = Nearest(self._rules)
        return self._nearest


class Answers:
    """The step that explains errors of backends: there only where a developer sits at a terminal.

    Args:
        explanations: Tell of them.
    """

    name = "answers"
    __slots__ = ("on_finish",)

    def __init__(self, explanations: Explanations) -> None:
        self.on_finish = explanations.answered


def explained(render: ErrorRenderer, explanations: Explanations | None) -> ErrorRenderer:
    """Return what renders errors, with an explanation where there are some."""
    return render if explanations is None else explanations.around(render)


def _named(rule: RouteRule) -> str:
    host = "any host" if rule.host is None else f"host {rule.host}"
    return f"{rule.name}, {host}, path {rule.path}"


def _sentence(error: GatewayError) -> str:
    text = error.detail or " ".join((type(error).__doc__ or "").split()).partition(";")[0]
    return text.rstrip(".")


def _shown(octets: bytes) -> str:
    """Return what a client sent as text that ends no line and is not long."""
    shown = repr(octets[:_LONGEST])[2:-1]
    return shown if len(octets) <= _LONGEST else f"{shown}…"
