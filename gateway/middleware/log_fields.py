"""What a record of the access log can hold, as expressions over an exchange.

`compiled` joins the expressions that a configuration chooses and compiles them
into one function, as `dataclasses` does: a field that is not chosen costs
nothing. The two forms of a record are `gateway.middleware.access_log` (JSON)
and `gateway.middleware.log_template` (lines of text).

Tests: `tests/middleware/test_access_log.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from gateway.config.records import CONSTANT
from gateway.exchange import Exchange
from gateway.http.hosts import bare_host
from gateway.http.redaction import REDACTED, names_credential, query_redactor
from gateway.http.remembered import remembered
from gateway.middleware.outcome import call_status, level_of, outcome_of, status_of

_MILLISECONDS = [f"{number:03d}Z" for number in range(1000)]

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_HEADER = "request.headers."

_PROTOCOL = "protocols.get(request.version) or 'HTTP/' + text(request.version)"

# What each field is, as an expression over the names that `compiled` provides.
# Method, target and host have passed the parser and so are ASCII. Other octets become text as UTF-8, with \xNN for
# those that are none: any request can be logged.
_EXPRESSIONS = {
    "timestamp": "timestamp()",
    "level": "level_of(exchange)",
    "service": "service",
    "request_id": "exchange.request_id",
    "trace_id": "exchange.trace_id",
    "method": "request.method.decode('latin-1')",
    "path": "request.path.decode('latin-1')",
    "query": "redacted(request.query) if request.query else ''",
    "status_code": "status_of(exchange)",
    "response_time_ms": "int((exchange.finished - exchange.started) * 1e6) / 1e3",
    "client_ip": "exchange.client_address",
    "user_agent": "known_text(headers[b'user-agent']) if b'user-agent' in headers else None",
    "upstream_service": "exchange.upstream",
    "upstream_response_time_ms": (
        "int((exchange.upstream_finished - exchange.upstream_started) * 1e6) / 1e3"
        " if exchange.upstream_finished else None"
    ),
    "backend": "exchange.backend",
    "route": "None if route is None else route.name",
    "reason": "None if error is None else error.reason",
    "bytes_sent": "exchange.bytes_sent",
    "bytes_received": "0 if request.body is None else request.body.origin.received",
    "attempts": "exchange.attempts",
    "user_id": "exchange.user",
    "host": "request.host.decode('latin-1')",
    "protocol": _PROTOCOL,
    # Not in the default record:
    "duration_ns": "int((exchange.finished - exchange.started) * 1e6) * 1000",
    "outcome": "outcome_of(exchange)",
    "ip": "exchange.client_address.partition('%')[0] or None",
    "domain": "bare_host(request.host).decode('latin-1') or None",
    "port": "port_of(request.host)",
    "http_version": "text(request.version)",
    "status": "status_of(exchange)",
    "duration_ms": "int((exchange.finished - exchange.started) * 1e6) / 1e3",
    "scheme": "text(exchange.scheme)",
    "peer": "exchange.peer.address",
    "path_pattern": "None if route is None else route.pattern",
    "clf_time": "clf_time()",
    "dry_run": "exchange.dry_run or None",
    "plugin_errors": "exchange.plugin_errors or None",
    "grpc_status": "call_status(exchange)",
    "parts": "exchange.state.get('gateway.parts')",
    "cache": "exchange.cached or None",
    # A head that was refused has no method, and may have no target either: then there is no line.
    "request_line": (
        "((request.method.decode('latin-1') or '-') + ' ' + request.path.decode('latin-1')"
        " + ('?' + redacted(request.query) if request.query else '') + ' ' + (" + _PROTOCOL + ")"
        " if request.method or request.path else None)"
    ),
}

FIELDS = frozenset(_EXPRESSIONS)
"""Every name that a list of fields may have, beside `request.headers.NAME`."""


def port_of(host: bytes) -> int | None:
    """Return the port of an authority, None where it has none."""
    port = host.rpartition(b":")[2]
    return int(port) if b":" in host and len(port) <= 5 and port.isdigit() else None


def clock_text(wall_clock: Callable[[], float]) -> Callable[[], str]:
    """Make the function that tells the time in ISO 8601, UTC, to the millisecond; the date is made once a second."""
    second = -1
    text = ""

    def timestamp() -> str:
        nonlocal second, text
        now = wall_clock()
        whole = int(now)
        if whole != second:
            text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(whole))
            second = whole
        return text + _MILLISECONDS[int((now - whole) * 1000)]

    return timestamp


def clf_clock(wall_clock: Callable[[], float]) -> Callable[[], str]:
    """Make the function that tells the time as the Common Log Format has it, UTC; the text is made once a second."""
    second = -1
    text = ""

    def clf_time() -> str:
        nonlocal second, text
        whole = int(wall_clock())
        if whole != second:
            at = time.gmtime(whole)
            # Not `%b`: the names of the format are English, whatever the locale of the process is.
            text = time.strftime(f"%d/{_MONTHS[at.tm_mon - 1]}/%Y:%H:%M:%S +0000", at)
            second = whole
        return text

    return clf_time


def _text(errors: str) -> Callable[[bytes | None], str | None]:
    def text(value: bytes | None) -> str | None:
        return None if value is None else str(value, "utf-8", errors)

    return text


def expression(field: str, redact_headers: Collection[str]) -> str:
    """Return the expression of a field.

    Args:
        field: Its name.
        redact_headers: Names, in lower case, of header fields that are `REDACTED`, beside those of credentials.

    Raises:
        ValueError: There is no field of that name.
    """
    if field in _EXPRESSIONS:
        return _EXPRESSIONS[field]
    if field.startswith(CONSTANT):
        return repr(orjson.loads(field.removeprefix(CONSTANT)))
    name = field.removeprefix(_HEADER).lower()
    if not field.startswith(_HEADER) or not name:
        raise ValueError(f"access log has no field {field!r}")
    key = name.encode()
    if name in redact_headers or names_credential(name):
        return f"{REDACTED!r} if {key!r} in headers else None"
    # A URL in a field (Referer) may have the same secrets as our own query.
    return f"redacted(headers[{key!r}]) if {key!r} in headers else None"


def compiled(
    result: str,
    service: str,
    redact_query: Iterable[str],
    wall_clock: Callable[[], float],
    errors: str,
    more: Mapping[str, Any],
) -> Callable[[Exchange], bytes]:
    """Compile the function that turns an exchange into its line.

    Args:
        result: An expression over those of `expression` that gives the line. What comes from a configuration is in it
            as literals (`repr`) only.
        service: Value of the field of that name.
        redact_query: Parameters whose values are not written, beside those of credentials.
        wall_clock: Unix seconds.
        errors: What becomes of octets that are no UTF-8, as `bytes.decode` has it.
        more: What else the expression uses.
    """
    source = (
        "def line(exchange):\n"
        "    request = exchange.request\n"
        "    headers = request.headers.index\n"
        "    error = exchange.error\n"
        "    route = exchange.route\n"
        f"    return {result}\n"
    )
    text = _text(errors)
    names: dict[str, Any] = {
        "call_status": call_status,
        "level_of": level_of,
        "outcome_of": outcome_of,
        "bare_host": bare_host,
        "port_of": port_of,
        "protocols": {b"1.1": "HTTP/1.1", b"1.0": "HTTP/1.0"},
        "redacted": query_redactor(redact_query, errors),
        "service": service,
        "status_of": status_of,
        # Many requests have the same value.
        "known_text": remembered(partial(str, encoding="utf-8", errors=errors), most=1024, longest=512),
        "text": text,
        "timestamp": clock_text(wall_clock),
        "clf_time": clf_clock(wall_clock),
        **more,
    }
    exec(compile(source, "<access log record>", "exec"), names)  # noqa: S102  # see `result`
    # Taken out of its own names: the two would keep each other alive, and what they use.
    line: Callable[[Exchange], bytes] = names.pop("line")
    return line
