r"""How a route changes the path: a prefix is taken off, a match is replaced, a prefix is put on.

# Note [The path that rules see]
The rules see the normal form of the path, which is what the route was found by. With the path as it was written,
`/api/../api/x` would lose its first `/api` only, and the backend would read `/../api/x` in another way than the route's
rules have. A path that no rule changes goes on as it would without rules.

A path that was changed is held to what holds for paths of clients: no segment `.` or `..` however it is written, no
character that ends a path, nothing that some server could read as leading above the root, or above what a rule has put
before it: who adds a prefix keeps clients below it.

Tests: `tests/flow/test_transformations.py::test_the_path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.errors import MalformedRequest, RequestAmbiguous
from gateway.exchange import Exchange
from gateway.http.paths import check_path, is_normal
from gateway.middleware.below_base import climbs
from gateway.middleware.runtime_values import Value

Part = bytes | int | Value
"""Of a replacement: octets, the number of a group, or a value of the exchange."""

_DOTS: Final = re.compile(rb"/(?:\.|%2[eE]){1,2}(?:(?:;|%3[bB])[^/]*)?(?=/|\Z)").search


class PathRules:
    """Changes paths.

    Args:
        strip: A prefix without a slash at its end, in normal form; empty for none.
        search: Finds what is replaced; None for nothing.
        replacement: What takes its place.
        prefix: What is put on.
    """

    __slots__ = ("_prefix", "_replacement", "_search", "_strip", "_strip_below")

    def __init__(
        self,
        strip: bytes,
        search: Callable[[bytes], Any] | None,
        replacement: Sequence[Part],
        prefix: bytes | Value,
    ) -> None:
        self._strip = strip
        self._strip_below = strip + b"/"
        self._search = search
        self._replacement = tuple(replacement)
        self._prefix = prefix

    def change(self, path: bytes, exchange: Exchange) -> bytes:
        """Return the path for the backend; the same object where no rule changes it.

        Args:
            path: In normal form.
            exchange: For values.

        Raises:
            MalformedRequest: What the client sent would end the path, or be a segment of dots.
            RequestAmbiguous: Some server could read the new path as one above the root.
        """
        made = path
        of_client: list[bytes] = []
        if self._strip:
            if path.startswith(self._strip_below):
                made = path[len(self._strip) :]
            elif path == self._strip:
                made = b"/"
        if self._search is not None:
            made = self._replaced(made, exchange, of_client)
        prefix = self._prefix
        if prefix:
            of_client.append(made)
            made = (prefix if isinstance(prefix, bytes) else prefix(exchange)) + made
        return path if made is path or made == path else checked(made, of_client)

    def _replaced(self, path: bytes, exchange: Exchange, of_client: list[bytes]) -> bytes:
        """Return a path with the first match replaced; what comes behind something else is put into `of_client`."""
        assert self._search is not None
        found = self._search(path)
        if found is None:
            return path
        made = [path[: found.start()]]
        for part in self._replacement:
            if isinstance(part, int):
                group = found.group(part) or b""
                of_client.append(group)
                made.append(group)
            else:
                made.append(part if isinstance(part, bytes) else part(exchange))
        rest = path[found.end() :]
        of_client.append(rest)
        made.append(rest)
        return b"".join(made)


def checked(path: bytes, of_client: Sequence[bytes] = ()) -> bytes:
    """Return a path that was made from what a client sent, with one slash at its start.

    Args:
        path: As it was made.
        of_client: Those pieces of it that are as the client wrote them, and must not lead above what is before them.

    Raises:
        MalformedRequest: A segment of it is `.` or `..`, or it has a character that no path has.
        RequestAmbiguous: Some server could read it as one above the root, or a piece as one above what is before it.
    """
    if is_normal(path):
        return path
    # `//evil.example/` would be a host to a backend that redirects to the path with a slash more.
    path = b"/" + path.lstrip(b"/")
    check_path(path)
    if _DOTS(path):
        raise MalformedRequest("a segment of the changed path would be `.` or `..`")
    if (b"%" in path or b".." in path) and (climbs(path) or any(map(climbs, of_client))):
        raise RequestAmbiguous()
    return path
