"""What runtime names (`${latency}`, `${claim.sub}`, …) stand for in an exchange, and how that is written where it goes.

A template is taken apart when the configuration is loaded. Without names it is octets, and nothing is done per request.

# Note [No value ends what it stands in]
Clients choose what stands in their fields, queries, paths and, mostly, in the claims of their tokens. So each value is
escaped for the place that it goes to: in a field every octet that is not visible ASCII or a blank, in a path also every
`/`, `?`, `#` and `;`, in a query everything that is no unreserved character. Many servers take an escaped slash for a
plain one. So a value that such a server would read as a way out of its segment (`../admin`) is refused.

Tests: `tests/middleware/test_runtime_values.py::test_what_names_stand_for`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote_from_bytes

from gateway.errors import RequestAmbiguous
from gateway.exchange import Exchange
from gateway.http.queries import pairs
from gateway.http.templates import split
from gateway.middleware.below_base import climbs, leaves
from gateway.principal import find_claim

Value = Callable[[Exchange], bytes]
"""Returns what a name stands for; empty where it has no value."""

Escape = Callable[[bytes], bytes]

_NUMBERS: Final = frozenset(["latency", "now", "status"])
"""Names whose values have nothing to escape."""

_NOT_IN_FIELDS: Final = re.compile(rb"[^\x20-\x7e]")
_IN_SEGMENTS: Final = "-._~!$&'()*+,=:@"


def as_it_is(value: bytes) -> bytes:
    """Leave a value as it is, for where nothing can be ended by it."""
    return value


class RuntimeValues:
    """Finds what names stand for.

    Args:
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        upstream: The only upstream of the route: it is known before it has been asked. Empty where there are several.
    """

    def __init__(self, now: Callable[[], float], wall_clock: Callable[[], float], upstream: str = "") -> None:
        self._now = now
        self._wall_clock = wall_clock
        self._upstream = upstream

    def value(self, name: str) -> Value:
        """Return what finds the value of a name."""
        kind, dot, rest = name.partition(".")
        if dot:
            return {"claim": _claim, "param": _param, "header": _header, "query": _query}[kind](rest)
        now, wall_clock, upstream = self._now, self._wall_clock, self._upstream
        values: dict[str, Value] = {
            "latency": lambda exchange: b"%.1f" % (1000 * (now() - exchange.started)),
            "request_id": lambda exchange: exchange.request_id.encode(),
            "client_ip": lambda exchange: exchange.client_address.encode(),
            "route": lambda exchange: b"" if exchange.route is None else exchange.route.name.encode(),
            "upstream": lambda exchange: (exchange.upstream or upstream).encode(),
            "method": lambda exchange: exchange.request.method,
            "path": lambda exchange: exchange.path,
            "status": lambda exchange: b"" if exchange.response is None else b"%d" % exchange.response.status,
            "now": lambda exchange: b"%d" % wall_clock(),
        }
        return values[name]

    def template(self, text: str, escape: Escape, literal: Escape = as_it_is) -> bytes | Value:
        """Compile a text: octets where it is the same for every exchange.

        Args:
            text: As it is written.
            escape: What makes values harmless.
            literal: What is done to the rest.
        """
        parts = split(text)
        if len(parts) == 1:
            return literal(parts[0].encode())
        made: list[bytes | Value] = []
        for place, part in enumerate(parts):
            if place % 2:
                # The path is whole segments already, in normal form.
                whole = part == "path" and escape is in_segment
                value = self.value(part)
                if whole:
                    made.append(_below(value))
                else:
                    made.append(value if part in _NUMBERS else _escaped(value, escape))
            elif part:
                made.append(literal(part.encode()))
        if len(made) == 1 and not isinstance(made[0], bytes):
            return made[0]
        return lambda exchange: b"".join([part if isinstance(part, bytes) else part(exchange) for part in made])


def in_field(value: bytes) -> bytes:
    """Escape a value for a field."""
    if _NOT_IN_FIELDS.search(value) is None:
        return value
    return _NOT_IN_FIELDS.sub(lambda found: b"%%%02X" % found[0][0], value)


def in_segment(value: bytes) -> bytes:
    """Escape a value for a segment of a path.

    Raises:
        RequestAmbiguous: Some server could read it as more than one segment, and as one that leads upwards.
    """
    escaped = quote_from_bytes(value, _IN_SEGMENTS).encode()
    # A value that is nothing but dots may stand beside other text: what they come to is seen when the path is whole.
    if b"%" in escaped and leaves(escaped):
        raise RequestAmbiguous()
    return escaped


def in_path(literal: bytes) -> bytes:
    """Escape what an operator wrote for a path: its slashes and escapes stay."""
    return quote_from_bytes(literal, _IN_SEGMENTS + "/;%").encode()


def in_query(value: bytes) -> bytes:
    """Escape a name or a value for a query."""
    return quote_from_bytes(value, "").encode()


def _below(path: Value) -> Value:
    """Return a path that is put below something else, and must not lead above it."""

    def below(exchange: Exchange) -> bytes:
        found = path(exchange)
        if b"%" in found and climbs(found):
            raise RequestAmbiguous()
        return found

    return below


def _escaped(value: Value, escape: Escape) -> Value:
    return lambda exchange: escape(value(exchange))


def _claim(name: str) -> Value:
    def claim(exchange: Exchange) -> bytes:
        principal = exchange.principal
        return b"" if principal is None else _text(find_claim(principal.claims, name))

    return claim


def _text(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return b",".join(map(_text, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _param(name: str) -> Value:
    return lambda exchange: (exchange.params or {}).get(name, "").encode("utf-8", "surrogatepass")


def _header(name: str) -> Value:
    lower = name.lower().encode()
    # Of the request as it came: it is put in place of the changed one only once all values are known.
    return lambda exchange: exchange.request.headers.joined(lower) or b""


def _query(name: str) -> Value:
    wanted = name.encode()

    def query(exchange: Exchange) -> bytes:
        if not exchange.request.query:
            return b""
        return next((value for found, value in pairs(exchange.request.query) if found == wanted), b"")

    return query
