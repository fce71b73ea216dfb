"""How a route changes the query: parameters are taken out, set and added.

What no rule names stays as it was written. Names are compared decoded.

Tests: `tests/flow/test_transformations.py::test_the_query`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.exchange import Exchange
from gateway.http.queries import decoded
from gateway.middleware.runtime_values import Value

Parameter = tuple[bytes, bytes | Value]
"""A name, decoded, and the escaped value with the escaped name before it (`a%20b=`)."""


class QueryRules:
    """Changes queries.

    Args:
        removed: Names of parameters that are taken out.
        replaced: Parameters that stand in the place of those of the same name.
        added: Parameters that are put at the end.
    """

    __slots__ = ("_added", "_removed", "_replaced")

    def __init__(self, removed: Iterable[bytes], replaced: Sequence[Parameter], added: Sequence[Parameter]) -> None:
        self._removed = frozenset(removed)
        self._replaced = dict(replaced)
        self._added = tuple(made for _, made in added)

    def change(self, query: bytes, exchange: Exchange) -> bytes:
        """Return the query for the backend."""
        replaced = {name: _written(made, exchange) for name, made in self._replaced.items()}
        kept: list[bytes] = []
        for part in query.split(b"&") if query else ():
            name = decoded(part.partition(b"=")[0])
            if name in self._replaced:
                if name in replaced:  # the first of them: the others go
                    kept.append(replaced.pop(name))
            elif name not in self._removed:
                kept.append(part)
        kept += replaced.values()
        kept += [_written(made, exchange) for made in self._added]
        return b"&".join(kept)


def _written(made: bytes | Value, exchange: Exchange) -> bytes:
    return made if isinstance(made, bytes) else made(exchange)
