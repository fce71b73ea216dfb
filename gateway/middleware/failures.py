"""Count exchanges that end in an error, and tell of those that somebody should know of: failed, refused, limited.

Asked by `gateway.middleware.metrics`. The access log has every one of them; here stands one line for many
(`gateway.limiting.sparing`), with the name of an event, for who watches the log of the application.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from twisted.logger import Logger, LogLevel

from gateway.errors import GatewayError, Source
from gateway.exchange import Exchange
from gateway.limiting.sparing import Sparing, more

_log = Logger()

_EVENTS = {
    "failed": "request.failed",
    "not let in": "auth.refused",
    "over a limit": "limit.refused",
}
"""Names of events (`gateway.telemetry.events`), by what the line says."""


class Failures:
    """Takes exchanges that ended in an error.

    Args:
        count: Counts one: its reason, and whose fault it was.
        now: Monotonic seconds.
        explained: Statuses of which others tell (`gateway.serving.explaining`).
    """

    def __init__(
        self, count: Callable[[str, str], None], now: Callable[[], float], explained: Collection[int] = ()
    ) -> None:
        self._count = count
        self._explained = explained
        self._sparing = Sparing(now)

    def ended(self, exchange: Exchange, error: GatewayError) -> None:
        """Count an exchange, and tell of it where that is to be."""
        self._count(error.reason, error.source.value)
        what = _what(error)
        if not what or error.status in self._explained:
            return
        route = "" if exchange.route is None else exchange.route.name
        untold = self._sparing.may_tell((error.reason, route))
        if untold is None:
            return
        _log.emit(
            LogLevel.warn if what == "failed" else LogLevel.info,
            "Request {request_id} of route {route} {what}: {status} {reason}{more}",
            request_id=exchange.request_id,
            route=route,
            what=what,
            status=error.status,
            reason=error.reason,
            source=error.source.value,
            client_ip=exchange.client_address,
            upstream=exchange.upstream or "",
            backend=exchange.backend or "",
            untold=untold,
            more=more(untold),
            event=_EVENTS[what],
        )


def _what(error: GatewayError) -> str:
    """Return what became of the request; empty where that is the client's business only."""
    if error.reason.startswith("limit.") and error.reason != "limit.unavailable":
        return "over a limit"
    if error.source is not Source.DOWNSTREAM:
        return "failed"
    return "not let in" if error.reason.startswith("auth.") else ""
