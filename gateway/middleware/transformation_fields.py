"""How a route changes header fields: they are taken out, renamed, set and added, in this order.

# Note [Who takes fields out of requests]
Fields that a request rule takes out or replaces do not pass the route's filter (`gateway.http.fields.FieldFilter`),
which is asked for each field anyway: so they are gone in every spelling that a backend may read as the same name, from
trailers too, and nothing is done per request. What rules put in stands in `Exchange.headers_out`, which no filter and
no `Connection` of a client's takes out. Only what is renamed, and what a step of the gateway wrote before, is looked
for here.

Tests: `tests/flow/test_transformations.py::test_fields_of_requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.exchange import Exchange
from gateway.headers import Field, Headers
from gateway.http.fields import connection_options, folded
from gateway.middleware.runtime_values import Value

Line = tuple[bytes, bytes | Value]
"""A name, and a value."""


class RequestFields:
    """Changes the fields that a backend gets.

    Args:
        renamed: Lower-case names, each with the new one as it is written.
        taken: Lower-case names of fields that the route's filter lets pass and the rules do not: what has been renamed
            may take their place.
        own: Names of the gateway's own fields that rules take out or replace, `folded`.
        added: What is put in.
    """

    __slots__ = ("_added", "_fixed", "_looked_for", "_own", "_renamed", "_taken")

    def __init__(
        self, renamed: Mapping[bytes, bytes], taken: Iterable[bytes], own: Iterable[bytes], added: Sequence[Line]
    ) -> None:
        self._renamed = dict(renamed)
        self._taken = frozenset(taken)
        self._looked_for = self._taken | self._renamed.keys()
        self._own = frozenset(own)
        self._added = tuple(added)
        fixed = [(name, value) for name, value in added if isinstance(value, bytes)]
        self._fixed = tuple(fixed) if len(fixed) == len(self._added) else None

    def change(self, exchange: Exchange) -> Headers:
        """Return the client's fields as they are changed, and put those in that are added."""
        if self._own:
            exchange.headers_out = [
                field for field in exchange.headers_out if folded(field[0].lower()) not in self._own
            ]
        if self._fixed is not None:
            exchange.headers_out.extend(self._fixed)
        else:
            exchange.headers_out += [
                (name, value if isinstance(value, bytes) else value(exchange)) for name, value in self._added
            ]
        headers = exchange.request.headers
        if not self._looked_for or self._looked_for.isdisjoint(headers.index):
            return headers
        return self._rewritten(headers)

    def _rewritten(self, headers: Headers) -> Headers:
        # What Connection names is for this hop only, and stays so: it does not go on under another name.
        hop = connection_options(headers)
        renamed = self._renamed
        there = {new.lower() for old, new in renamed.items() if old in headers.index and old not in hop}
        gone = self._taken | there
        fields: list[Field] = []
        for field in headers.fields:
            new = None if field[0] in hop else renamed.get(field[0])
            if new is not None:
                fields.append((new.lower(), new, field[2]))
            elif field[0] not in gone:
                fields.append(field)
        return Headers.of(fields)


class ResponseFields:
    """Changes the fields that a client gets.

    Args:
        removed: Lower-case names of fields that are taken out or replaced.
        renamed: Lower-case names, each with the new one as it is written.
        replaced: Lower-case names of fields that stand in the place of others, whatever these were renamed to.
        added: What is put in.
    """

    __slots__ = ("_added", "_removed", "_renamed", "_replaced")

    def __init__(
        self,
        removed: Sequence[bytes],
        renamed: Mapping[bytes, bytes],
        replaced: Sequence[bytes],
        added: Sequence[Line],
    ) -> None:
        self._removed = tuple(removed)
        self._renamed = tuple((old, new.lower(), new) for old, new in renamed.items())
        self._replaced = tuple(replaced)
        self._added = tuple(added)

    def change(self, exchange: Exchange, headers: Headers) -> None:
        """Change the fields of an answer."""
        for name in self._removed:
            headers.remove(name)
        for old, lower, new in self._renamed:
            if old in headers.index:
                values = headers.get_all(old)
                headers.remove(old)
                headers.remove(lower)
                for value in values:
                    headers.add(new, value)
        for name in self._replaced:
            headers.remove(name)
        for name, made in self._added:
            headers.add(name, made if isinstance(made, bytes) else made(exchange))
