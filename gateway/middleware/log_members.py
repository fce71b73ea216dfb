"""A record of the access log in JSON, made of its members: each gives its value as octets, and they are joined.

The octets are those that `orjson` makes of the same record. Text is given to it, one value at a time, and what came
before is remembered: names of routes and backends, addresses, user agents. Numbers are written here.

Compiled, a record costs half of what an expression over the exchange does, which is interpreted always
(`gateway.middleware.log_fields`, where the other members come from).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from orjson import dumps

from gateway.exchange import Exchange
from gateway.http.memo import Memo
from gateway.middleware.outcome import level_of, status_of

_NULL: Final = b"null"
_EMPTY: Final = b'""'
_NUMBERS: Final = [b"%d" % number for number in range(2000)]
_FRACTIONS: Final = [b"." + (b"%03d" % number).rstrip(b"0") if number else b".0" for number in range(1000)]
_MILLISECONDS: Final = [b'%03dZ"' % number for number in range(1000)]
_PROTOCOLS: Final = {b"1.1": b'"HTTP/1.1"', b"1.0": b'"HTTP/1.0"', b"2": b'"HTTP/2"'}
_MOST_MICROSECONDS: Final = 1_000_000_000_000_000
"""Up to here a number of thousandths and the float next to it are written alike."""


class Octets(Memo[bytes, bytes]):
    """Values of request fields, as JSON."""

    most = 1024
    longest = 512


class Texts(Memo[str, bytes]):
    """Names and addresses, as JSON."""

    most = 1024
    longest = 512


def number(value: int) -> bytes:
    """Write an integer."""
    return _NUMBERS[value] if 0 <= value < 2000 else b"%d" % value


def milliseconds(seconds: float) -> bytes:
    """Write whole microseconds, as milliseconds: with a decimal point, and no more digits than there are."""
    microseconds = int(seconds * 1e6)
    if 0 <= microseconds < _MOST_MICROSECONDS:
        return number(microseconds // 1000) + _FRACTIONS[microseconds % 1000]
    return dumps(microseconds / 1e3)


class Member:
    """One member of the record.

    Attributes:
        before: What stands before its value: its name, behind what begins or separates members.
    """

    __slots__ = ("before",)

    def __init__(self) -> None:
        self.before = b""

    def stand_behind(self, before: bytes) -> None:
        """Have `before`; called once, before the first value: what is remembered has it in front."""
        self.before = before

    def value(self, exchange: Exchange) -> bytes:
        """Return `before` and the value in JSON: one object less to join than if they were two.

        Raises:
            TypeError: `orjson` does not write it: it has a lone surrogate in it.
        """
        raise NotImplementedError


class _Text(Member):
    """A text that is one of a few, or comes from the same clients again and again."""

    __slots__ = ("_known", "_none")

    def __init__(self) -> None:
        super().__init__()
        self._known = Texts()
        self._none = _NULL

    def stand_behind(self, before: bytes) -> None:
        super().stand_behind(before)
        self._none = before + _NULL

    def quoted(self, text: str | None) -> bytes:
        """Write a text, or null."""
        if text is None:
            return self._none
        known = self._known.get(text)
        if known is None:
            known = self.before + dumps(text)
            if self._known.came_before(text):
                self._known.remember(text, known)
        return known


class Service(_Text):
    """`service`."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(self._name)


class ClientIP(_Text):
    """`client_ip`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.client_address)


class UpstreamService(_Text):
    """`upstream_service`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.upstream)


class Backend(_Text):
    """`backend`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.backend)


class RouteName(_Text):
    """`route`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        route = exchange.route
        return self._none if route is None else self.quoted(route.name)


class UserID(_Text):
    """`user_id`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        principal = exchange.principal
        return self._none if principal is None else self.quoted(principal.subject)


class Reason(_Text):
    """`reason`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        error = exchange.error
        return self._none if error is None else self.quoted(error.reason)


class _Octets(Member):
    """Octets that the same clients send again and again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        super().__init__()
        self._known = Octets()

    def quoted(self, octets: bytes, encoding: str, errors: str) -> bytes:
        """Write octets as text."""
        known = self._known.get(octets)
        if known is None:
            known = self.before + dumps(str(octets, encoding, errors))
            if self._known.came_before(octets):
                self._known.remember(octets, known)
        return known


class Method(_Octets):
    """`method`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.request.method, "latin-1", "strict")


class Host(_Octets):
    """`host`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        return self.quoted(exchange.request.host, "latin-1", "strict")


class UserAgent(_Octets):
    """`user_agent`."""

    __slots__ = ()

    def value(self, exchange: Exchange) -> bytes:
        said = exchange.request.headers.index.get(b"user-agent")
        return self.before + _NULL if said is None else self.quoted(said, "utf-8", "backslashreplace")


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


class Path(_Octets):
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
            return self.before + _NULL
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


class Expression(Member):
    """Any other member.

    Args:
        evaluate: Returns the value of `gateway.middleware.log_fields`.
    """

    __slots__ = ("_evaluate",)

    def __init__(self, evaluate: Callable[[Exchange], object]) -> None:
        super().__init__()
        self._evaluate = evaluate

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(self._evaluate(exchange))


class Record:
    """A line of the log.

    Args:
        members: By name, in their order.
    """

    __slots__ = ("_members",)

    def __init__(self, members: Sequence[tuple[str, Member]]) -> None:
        self._members = [member for _, member in members]
        for count, (name, member) in enumerate(members):
            member.stand_behind((b"," if count else b"{") + dumps(name) + b":")

    def line(self, exchange: Exchange) -> bytes:
        """Return the line of an exchange.

        Raises:
            TypeError: As `Member.value` says.
        """
        parts = [member.value(exchange) for member in self._members]
        parts.append(b"}\n" if parts else b"{}\n")
        return b"".join(parts)
