"""The members of a JSON record of the access log: each gives the value of one field as octets.

Compiled, a record costs half of what an expression over the exchange does, which is interpreted always
(`gateway.middleware.log_fields`, where the other members come from). How values are written is in
`gateway.middleware.log_values`; they are joined by `gateway.middleware.log_record`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from orjson import dumps

from gateway.exchange import Exchange
from gateway.http.hosts import bare_host
from gateway.middleware.log_values import NULL, Member, OctetsMember, TextMember, milliseconds, number
from gateway.middleware.outcome import level_of, outcome_of, status_of

_EMPTY: Final = b'""'
_MILLISECONDS: Final = [b'%03dZ"' % number for number in range(1000)]
_PROTOCOLS: Final = {b"1.1": b'"HTTP/1.1"', b"1.0": b'"HTTP/1.0"', b"2": b'"HTTP/2"'}
_MOST: Final = 1 << 60
"""Below this `orjson` writes any integer; it refuses those of more than 64 bits."""


class Constant(Member):
    """The same in every record.

    Args:
        json: Its value.
    """

    __slots__ = ("_json",)

    def __init__(self, json: bytes) -> None:
        super().__init__()
        self._json = json

    def stand_behind(self, before: bytes) -> None:
        super().stand_behind(before)
        self._json = before + self._json

    def value(self, exchange: Exchange) -> bytes:
        return self._json


class Service(TextMember):
    """`service`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(self._name)


class ClientIP(TextMember):
    """`client_ip`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.client_address)


class UpstreamService(TextMember):
    """`upstream_service`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.upstream)


class Backend(TextMember):
    """`backend`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.backend)


class RouteName(TextMember):
    """`route`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        route = exchange.route
        return self._none if route is None else self.quoted(route.name)


class UserID(TextMember):
    """`user_id`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        principal = exchange.principal
        return self._none if principal is None else self.quoted(principal.subject)


class Reason(TextMember):
    """`reason`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        error = exchange.error
        return self._none if error is None else self.quoted(error.reason)


class Method(OctetsMember):
    """`method`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.request.method, "latin-1", "strict")


class Host(OctetsMember):
    """`host`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.request.host, "latin-1", "strict")


class UserAgent(OctetsMember):
    """`user_agent`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        said = exchange.request.headers.index.get(b"user-agent")
        return self.before + NULL if said is None else self.quoted(said, "utf-8", "backslashreplace")


class Timestamp(Member):
    """`timestamp`: ISO 8601, UTC, to the millisecond; the date is made once a second.

    Args:
        wall_clock: Unix seconds.
    """

    __slots__ = ("_second", "_text", "_wall_clock")

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        super().__init__()
        self._wall_clock = wall_clock
        self._second = -1
        self._text = b""

    def value(self, exchange: Exchange) -> bytes:
        now = self._wall_clock()
        whole = int(now)
        if whole != self._second:
            self._text = self.before + time.strftime('"%Y-%m-%dT%H:%M:%S.', time.gmtime(whole)).encode("ascii")
            self._second = whole
        return self._text + _MILLISECONDS[int((now - whole) * 1000)]


class Level(Member):
    """`level`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + (b'"info"' if exchange.error is None else dumps(level_of(exchange)))


class RequestID(Member):
    """`request_id`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(exchange.request_id)


class TraceID(Member):
    """`trace_id`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(exchange.trace_id)


class Path(OctetsMember):
    """`path`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.request.path, "latin-1", "strict")


class Query(Member):
    """`query`.

    Args:
        redacted: Makes text of it, without what is not to be read.
    """

    __slots__ = ("_redacted",)

    def __init__(self, redacted: Callable[[bytes], str]) -> None:
        super().__init__()
        self._redacted = redacted

    def value(self, exchange: Exchange) -> bytes:
        query = exchange.request.query
        return self.before + (dumps(self._redacted(query)) if query else _EMPTY)


class Status(Member):
    """`status_code`, `status`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + number(status_of(exchange))


class ResponseTime(Member):
    """`response_time_ms`, `duration_ms`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + milliseconds(exchange.finished - exchange.started)


class UpstreamResponseTime(Member):
    """`upstream_response_time_ms`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        if not exchange.upstream_finished:
            return self.before + NULL
        return self.before + milliseconds(exchange.upstream_finished - exchange.upstream_started)


class BytesSent(Member):
    """`bytes_sent`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + number(exchange.bytes_sent)


class BytesReceived(Member):
    """`bytes_received`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        body = exchange.request.body
        return self.before + (b"0" if body is None else number(body.origin.received))


class Attempts(Member):
    """`attempts`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + number(exchange.attempts)


class Protocol(Member):
    """`protocol`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        version = exchange.request.version
        known = _PROTOCOLS.get(version)
        if known is None:
            known = dumps("HTTP/" + str(version, "utf-8", "backslashreplace"))
        return self.before + known


class HTTPVersion(Member):
    """`http_version`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(str(exchange.request.version, "utf-8", "backslashreplace"))


class Nanoseconds(Member):
    """`duration_ns`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        nanoseconds = int((exchange.finished - exchange.started) * 1e6) * 1000
        return self.before + (number(nanoseconds) if nanoseconds < _MOST else dumps(nanoseconds))


class Outcome(Member):
    """`outcome`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(outcome_of(exchange))


class IP(TextMember):
    """`ip`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.client_address.partition("%")[0] or None)


class Domain(OctetsMember):
    """`domain`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        host = bare_host(exchange.request.host)
        return self.quoted(host, "latin-1", "strict") if host else self.before + NULL


class Scheme(OctetsMember):
    """`scheme`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.scheme, "utf-8", "backslashreplace")


REPEATED: Final = (
    *(Constant, Service, Method, Host, Domain, Path, Query, UserAgent, Protocol, HTTPVersion, BytesReceived),
    *(RouteName, UpstreamService, Backend, Attempts, UpstreamResponseTime, Status, Level, Reason, BytesSent),
)
"""Members whose value follows from the octets of the request, and from what it was answered with. The others are of the
client, or of the moment."""
