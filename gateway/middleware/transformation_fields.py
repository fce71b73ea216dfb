"""How a route changes header fields: they are taken out, renamed, set and added, in this order.

# Note [Who takes fields out of requests]
Fields that a request rule takes out, renames or replaces do not pass the route's filter
(`gateway.http.fields.FieldFilter`), which is asked for each field anyway: so they are gone in every spelling that a
backend may read as the same name, from trailers too, and nothing is done per request. What rules put in stands in
`Exchange.headers_out`, which no filter and no `Connection` of a client's takes out. Only what is renamed, and what a
step of the gateway wrote before, is looked for here. So the fields of the request stay as they came, for those who
choose a backend by them.

Tests: `tests/flow/test_transformations.py::test_fields_of_requests`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.body import Body
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.fields import FieldFilter, connection_options, folded
from gateway.message import Response
from gateway.middleware.runtime_values import Value

Line = tuple[bytes, bytes | Value]
"""A name, and a value."""


class RequestFields:
    """Changes the fields that a backend gets.

    Args:
        renamed: Lower-case names, each with the new one as it is written.
        taken: Lower-case names of fields that go by no filter, and are taken out here: a trusted proxy's.
        own: Names of the gateway's own fields that rules take out or replace, `folded`.
        added: What is put in.
    """

    __slots__ = ("_added", "_fixed", "_looked_for", "_own", "_renamed", "_taken")

    def __init__(
        self, renamed: Mapping[bytes, bytes], taken: Iterable[bytes], own: Iterable[bytes], added: Sequence[Line]
    ) -> None:
        self._renamed = tuple(renamed.items())
        self._taken = frozenset(taken)
        self._looked_for = self._taken.union(renamed)
        self._own = frozenset(own)
        self._added = tuple(added)
        fixed = [(name, value) for name, value in added if isinstance(value, bytes)]
        self._fixed = tuple(fixed) if len(fixed) == len(self._added) else None

    def change(self, exchange: Exchange) -> Headers:
        """Put the fields in that are added or have another name; return the client's, without those that these replace.

        Called once for an exchange: attempts that are made again send the same fields.
        """
        headers = exchange.request.headers
        out = exchange.headers_out
        if self._own:
            own = self._own
            out = exchange.headers_out = [field for field in out if folded(field[0].lower()) not in own]
        if self._looked_for and not self._looked_for.isdisjoint(headers.index):
            headers = self._move(headers, out)
        if self._fixed is not None:
            out.extend(self._fixed)
        else:
            for name, value in self._added:
                out.append((name, value if isinstance(value, bytes) else value(exchange)))
        return headers

    def _move(self, headers: Headers, out: list[tuple[bytes, bytes]]) -> Headers:
        # What Connection names is for this hop only, and stays so: it does not go on under another name.
        hop = connection_options(headers)
        gone = {folded(name) for name in self._taken}
        for old, new in self._renamed:
            if old in headers.index and old not in hop:
                gone.add(folded(new.lower()))
                out += [(new, value) for value in headers.get_all(old)]
        return Headers.of([field for field in headers.fields if folded(field[0]) not in gone])


class ResponseFields:
    """Changes the fields that a client gets.

    Args:
        removed: Lower-case names of fields that are taken out or replaced.
        renamed: Lower-case names, each with the new one as it is written.
        replaced: Lower-case names of fields that stand in the place of others, whatever these were renamed to.
        added: What is put in.
    """

    __slots__ = ("_added", "_removed", "_renamed", "_replaced", "_trailers")

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
        gone = frozenset([*removed, *renamed, *replaced])
        self._trailers = FieldFilter(gone) if gone else None

    def change(self, exchange: Exchange, response: Response) -> None:
        """Change the fields of an answer; what is taken out does not come in trailers either."""
        headers = response.headers
        body = response.body
        if self._trailers is not None and isinstance(body, Body):
            body.sift_trailers(self._trailers)
        for name in self._removed:
            headers.remove(name)
        if self._renamed:
            self._rename(headers)
        for name in self._replaced:
            headers.remove(name)
        for name, made in self._added:
            headers.add(name, made if isinstance(made, bytes) else made(exchange))

    def _rename(self, headers: Headers) -> None:
        """Rename all at once, as in requests: two fields may change their names with each other."""
        index = headers.index
        moved = [(old, lower, new, headers.get_all(old)) for old, lower, new in self._renamed if old in index]
        for old, lower, _, _ in moved:
            headers.remove(old)
            headers.remove(lower)
        for _, _, new, values in moved:
            for value in values:
                headers.add(new, value)
