"""Write one line for every exchange when it is over: a JSON object, or a line of text.

A line of text is made by one function that is put together when the configuration
is loaded (`gateway.middleware.log_fields`), a JSON record by its members
(`gateway.middleware.log_record`). Bodies are never logged; credentials in the
query and in chosen header fields are redacted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

import orjson

from gateway.compiled import COMPILED
from gateway.config.records import CONSTANT, DEFAULT_RECORD
from gateway.exchange import Exchange
from gateway.http.redaction import query_redactor
from gateway.middleware import log_members as members
from gateway.middleware import log_template
from gateway.middleware.log_fields import compiled, expression
from gateway.middleware.log_record import Record
from gateway.middleware.log_values import Expression, Member


class AccessLog:
    """Make the line of an exchange and hand it to the writer."""

    __slots__ = ("_line", "_write")

    name = "access_log"

    def __init__(
        self,
        write: Callable[[bytes], None],
        service: str = "api-gateway",
        fields: Sequence[str | tuple[str, str]] = DEFAULT_RECORD,
        redact_headers: Iterable[str] = ("authorization", "cookie", "x-api-key"),
        redact_query: Iterable[str] = ("api_key",),
        wall_clock: Callable[[], float] = time.time,
        template: str | None = None,
    ) -> None:
        """Compile the line.

        Args:
            write: Takes one line with its end; `AccessLogWriter.write`.
            service: Value of the field of that name.
            fields: Names out of `FIELDS`, or `request.headers.NAME`, in the order of the record; as a pair with another
                name before it, that is what the member is called.
            redact_headers: Header fields, in any case, that are logged as `REDACTED`.
            redact_query: Query parameters, in any case, that are logged as `REDACTED`, beside those that
                `gateway.http.redaction` knows by their names; so are fields.
            wall_clock: Unix seconds.
            template: Makes lines of text with `%{FIELD}` in them, in place of JSON of `fields`.

        Raises:
            ValueError: A field has a name that is not known.
        """
        redact = frozenset(map(str.lower, redact_headers))
        self._write = write
        if template is not None:
            result, errors, more = log_template.line(template, redact)
            self._line = compiled(result, service, redact_query, wall_clock, errors, more)
        else:
            named = [(field, field) if isinstance(field, str) else field for field in fields]
            line = JSONLine(service, named, redact, tuple(redact_query), wall_clock)
            self._line = line.line if COMPILED else line.whole

    def on_finish(self, exchange: Exchange) -> None:
        """Write the line."""
        self._write(self._line(exchange))


class ChoosyAccessLog:
    """Writes the lines of some exchanges only; a class of its own, so that a log of all asks nothing.

    Args:
        wants: Tells whether an exchange is written.
        log: Writes it.
    """

    __slots__ = ("_log", "_wants")

    name = "access_log"

    def __init__(self, wants: Callable[[Exchange], bool], log: AccessLog) -> None:
        self._wants = wants
        self._log = log

    def on_finish(self, exchange: Exchange) -> None:
        """Write the line of an exchange that is chosen."""
        if self._wants(exchange):
            self._log.on_finish(exchange)


class JSONLine:
    """Makes the record of an exchange, in either of two ways that give the same octets (D-225).

    Args:
        service: As in `AccessLog`, and so are the others.
        fields: Names in the record, with the field of each, in their order.
        redact_headers: In lower case.
        redact_query: Beside those of credentials.
        wall_clock: Unix seconds.

    Attributes:
        whole: Returns the line as `orjson` makes it of all values at once: where nothing is compiled, that is faster.
    """

    __slots__ = ("_record", "whole")

    def __init__(
        self,
        service: str,
        fields: Sequence[tuple[str, str]],
        redact_headers: Collection[str],
        redact_query: Sequence[str],
        wall_clock: Callable[[], float],
    ) -> None:
        def evaluating(result: str, **more: Any) -> Callable[[Exchange], Any]:
            return compiled(result, service, redact_query, wall_clock, "backslashreplace", more)

        # A name that is there twice keeps its first place, and has the last value.
        chosen = dict(fields)
        expressions = {field: expression(field, redact_headers) for field in chosen.values()}
        whole = ", ".join(f"{name!r}: {expressions[field]}" for name, field in chosen.items())
        self.whole = evaluating(f"encode({{{whole}}})", encode=encode)

        def member(field: str) -> Member:
            if field in _MEMBERS:
                return _MEMBERS[field]()
            if field.startswith(CONSTANT):
                return members.Constant(orjson.dumps(orjson.loads(field.removeprefix(CONSTANT))))
            if field == "service":
                return members.Service(service)
            if field == "timestamp":
                return members.Timestamp(wall_clock)
            if field == "query":
                return members.Query(query_redactor(redact_query))
            return Expression(evaluating(expressions[field]))

        self._record = Record([(name, member(field)) for name, field in chosen.items()])

    def line(self, exchange: Exchange) -> bytes:
        """Return the line, made of its members: compiled, that is faster."""
        try:
            return self._record.line(exchange)
        except TypeError:
            return self.whole(exchange)  # type: ignore[no-any-return]  # it is what `encode` returns


_MEMBERS: Final[dict[str, Callable[[], Member]]] = {
    "level": members.Level,
    "request_id": members.RequestID,
    "trace_id": members.TraceID,
    "method": members.Method,
    "path": members.Path,
    "status_code": members.Status,
    "status": members.Status,
    "response_time_ms": members.ResponseTime,
    "duration_ms": members.ResponseTime,
    "client_ip": members.ClientIP,
    "user_agent": members.UserAgent,
    "upstream_service": members.UpstreamService,
    "upstream_response_time_ms": members.UpstreamResponseTime,
    "backend": members.Backend,
    "route": members.RouteName,
    "reason": members.Reason,
    "bytes_sent": members.BytesSent,
    "bytes_received": members.BytesReceived,
    "attempts": members.Attempts,
    "user_id": members.UserID,
    "host": members.Host,
    "protocol": members.Protocol,
    "http_version": members.HTTPVersion,
    "duration_ns": members.Nanoseconds,
    "outcome": members.Outcome,
    "ip": members.IP,
    "domain": members.Domain,
    "scheme": members.Scheme,
}


def encode(record: dict[str, Any]) -> bytes:
    """Return a record that `orjson` may refuse a value of."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # orjson refuses a lone surrogate, which a claim or a plugin may bring; `json` escapes it, so nothing is lost.
        return json.dumps(record, default=str, separators=(",", ":")).encode("ascii") + b"\n"
