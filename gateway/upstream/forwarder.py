"""The end of a route's chain: choose a backend, forward, and answer.

Asks the balancer which backend, writes the request head anew from what was
understood, and lets the agent make the attempt. Decides whether a failed
attempt is made again.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import GatewayError
from gateway.exchange import Exchange, Request, Response
from gateway.http.fields import FieldFilter, encode_passed
from gateway.resilience.retry import Tried, lost_race
from gateway.upstream.agent import Attempt, ProxyAgent
from gateway.upstream.backend import Upstream

VIA = b"1.1 gateway"

_CONTENT_METHODS = frozenset([b"POST", b"PUT", b"PATCH"])


class Forwarder:
    """Forwards the exchanges of one route.

    Args:
        choose: Picks the upstream (a route may split its traffic).
        agent: Makes attempts.
        passes: Which request fields are copied.
        timeout: Seconds for the backend's answer.
        via: Whether responses carry Via.
    """

    __slots__ = ("_agent", "_choose", "_passes", "_timeout", "_via")

    def __init__(
        self, choose: Callable[[], Upstream], agent: ProxyAgent, passes: FieldFilter, timeout: float, via: bool
    ) -> None:
        self._choose = choose
        self._agent = agent
        self._passes = passes
        self._timeout = timeout
        self._via = via

    def forward(self, exchange: Exchange) -> None:
        """Send an exchange to a backend; its chain hears of the answer.

        Raises:
            NoBackendAvailable: None may be tried.
            PoolExhausted: No connection, and no room to wait.
        """
        upstream = self._choose()
        key = b"" if upstream.key is None else upstream.key(exchange)
        backend = upstream.balancer.pick(key, exchange.started)
        self._agent.attempt(self, exchange, upstream, backend, self._head(exchange), self._timeout)

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """The backend answered."""
        if self._via:
            response.headers.add(b"Via", VIA)
        exchange = attempt.exchange
        assert exchange.chain is not None
        exchange.chain.deliver(exchange, response)

    def attempt_failed(self, attempt: Attempt, error: GatewayError) -> None:
        """The attempt failed before there was an answer: again, or the client hears of it."""
        exchange = attempt.exchange
        assert exchange.chain is not None
        if not attempt.fresh and lost_race(error, _tried(exchange.request)):
            try:
                self._agent.attempt(
                    self, exchange, attempt.upstream, attempt.backend, attempt.head, self._timeout, fresh=True
                )
                return
            except GatewayError as another:
                error = another
        exchange.chain.fail(exchange, error)

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> None:
        """The attempt is over: it counts."""
        attempt.exchange.upstream_finished = self._agent.now()
        attempt.upstream.count(attempt.backend.name, "ok" if error is None else error.reason)

    def _head(self, exchange: Exchange) -> bytes:
        request = exchange.request
        lines = [
            b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (request.method, request.target, request.host),
            encode_passed(request.headers, self._passes),
        ]
        lines += [b"%b: %b\r\n" % field for field in exchange.headers_out]
        lines.append(exchange.forwarding.encode(request.headers, request.host, request.version))
        body = request.body
        if body is not None:
            if body.length is None:
                lines.append(b"Transfer-Encoding: chunked\r\n")
            else:
                lines.append(b"Content-Length: %d\r\n" % body.length)
        elif b"content-length" in request.headers.index or request.method in _CONTENT_METHODS:
            lines.append(b"Content-Length: 0\r\n")
        if request.upgrade is not None:
            lines.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade)
        elif b"te" in request.headers.index and b"trailers" in (request.headers.joined(b"te") or b"").lower():
            # RFC 9110 section 10.1.4: TE is for one hop; this is ours, and trailers do pass.
            lines.append(b"Connection: TE\r\nTE: trailers\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)


def _tried(request: Request) -> Tried:
    # What has been sent of a body is not kept.
    return Tried(request.method, replayable=request.body is None and request.upgrade is None)
