"""What a request must look like for a route: host, path, method, header fields, query.

Layer 2. `RouteRule` is the route's part of the configuration that decides
about matching; `gateway.routing.table` compiles it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from gateway.headers import Headers
from gateway.http.expressions import searcher
from gateway.http.expressions import wanted as expected
from gateway.http.queries import pairs

LONGEST_VALUE: Final = 4096
"""A field or query value over this many octets matches no condition: it bounds what comparing one may cost."""

NAMED_ONLY: Final = b"TRACE"
"""TRACE: a route takes it only where its `methods` name it, since the answer shows fields that no script may read."""

USUAL: Final = frozenset([b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"])
"""What `Allow` says of a route for any method."""

Accept: TypeAlias = Callable[[bytes], object]


@dataclass(frozen=True)
class RouteRule:
    """When a route applies: one of its hosts with one of its paths.

    Attributes:
        name: The route's name, for logs.
        host: `api.example.com`, `*.example.com` (one or more labels), or None for any.
        path: A pattern, see `gateway.routing.pattern`, or `~` and an expression, see `gateway.routing.expression`.
        methods: Methods that are accepted, HEAD where GET is; None for any but TRACE.
        headers: Field name to what its value must be: equal text, `~regex`, or `*` for presence.
        query: Parameter name to the same, for one of its values.
    """

    name: str
    host: str | None = None
    path: str = "/*"
    methods: frozenset[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


def takes(methods: frozenset[bytes] | None, method: bytes) -> bool:
    """Whether a route for these methods takes a method: HEAD goes where GET goes (RFC 9110 section 9.3.2)."""
    if methods is None:
        return method != NAMED_ONLY
    return method in methods or (method == b"HEAD" and b"GET" in methods)


class Conditions:
    """The header and query conditions of one route, compiled.

    Raises:
        ValueError: A regular expression does not compile.
    """

    __slots__ = ("_headers", "_query", "count")

    def __init__(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        self._headers = [(name.lower().encode(), _accept(wanted)) for name, wanted in headers.items()]
        self._query = [(name.encode(), _accept(wanted)) for name, wanted in query.items()]
        self.count = len(headers) + len(query)

    def hold(self, headers: Headers, query: bytes) -> bool:
        """Whether a request meets all of them."""
        for name, accept in self._headers:
            # All lines of a field as one value: what is compared is what the backend will see.
            value = headers.joined(name)
            if value is None or len(value) > LONGEST_VALUE or not accept(value):
                return False
        if self._query:
            given = query_values(query)
            for name, accept in self._query:
                if not any(len(value) <= LONGEST_VALUE and accept(value) for value in given.get(name, ())):
                    return False
        return True


def _accept(wanted: str) -> Accept:
    """Compile what a value must be."""
    if wanted == "*":
        return _present
    if wanted.startswith("~"):
        try:
            return searcher(wanted[1:])
        except ValueError as error:
            raise ValueError(f"expected {expected(wanted[1:])} after '~', found {wanted!r}: {error}") from None
    return wanted.encode().__eq__


def _present(_value: bytes) -> bool:
    return True


def query_values(query: bytes) -> dict[bytes, list[bytes]]:
    """Take a query of `name=value` pairs apart, `+` and escapes decoded."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in pairs(query):
        values.setdefault(name, []).append(value)
    return values
