"""Whether every server would find the same route in a path that is forwarded.

Layer 2, asked by `gateway.serving.tree` for the paths that can be read in
more than one way. What decides about a request (its route, and so the address
rules and who may call, and the limits that are for some paths only) is found by
the normal form of its path; a backend goes by its own reading. Where one of
these belongs to another route, or is under other limits, the request is refused:
with `/*` behind a token and `/public/*` open, `/admin/../public/x` would
otherwise be let through as public and served as `/admin/…`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from gateway.errors import GatewayError, RequestAmbiguous
from gateway.http.readings import Reading, Readings, TooManyReadings, folded
from gateway.message import Request
from gateway.routing.overlap import matches
from gateway.routing.pattern import Pattern, folded_pattern
from gateway.routing.table import RouteTable
from gateway.routing.tree import Match

T = TypeVar("T")


class PathRules:
    """What is asked about the paths of a route.

    Args:
        kinds: What the servers behind the route may disagree about.
        normalized: Whether they get the normal form in place of what the client wrote.
        by_path: The patterns of limits that are for some paths of the route.

    Attributes:
        readings: Finds what the servers may make of a path.
        always: Whether a path that is in normal form is asked about too.
        normalized: As given.
    """

    __slots__ = ("_by_path", "_by_path_folded", "always", "normalized", "readings")

    def __init__(
        self,
        kinds: Collection[Reading] = (Reading.DOTS, Reading.SLASHES),
        normalized: bool = False,
        by_path: Sequence[Pattern] = (),
    ) -> None:
        self.readings = Readings(kinds)
        self.always = self.readings.always
        self.normalized = normalized
        self._by_path = by_path
        self._by_path_folded = [folded_pattern(pattern) for pattern in by_path]

    def limits(self, path: bytes) -> list[bool]:
        """Say of each limit that is for some paths whether it is for this one."""
        return [matches(pattern, path) for pattern in self._by_path]

    def limits_folded(self, path: bytes) -> list[bool]:
        """Say the same for a server that does not tell upper from lower case."""
        return [matches(pattern, path) for pattern in self._by_path_folded]


def settle(request: Request, path: bytes, table: RouteTable[T], match: Match[T], rules: PathRules) -> None:
    """Decide in which spelling a path is forwarded, and refuse a path that a server could read as another route's.

    Args:
        request: What is forwarded; its target is changed where the route forwards the normal form.
        path: The normal form, by which the route was found.
        table: All routes.
        match: What was found.
        rules: Those of the route.

    Raises:
        RequestAmbiguous: A server could find another route, or other limits, in the path.
    """
    written = request.path
    if written == b"*":
        return
    forwarded = path if rules.normalized else written
    if rules.readings.concern(forwarded):
        try:
            _agree(request, forwarded, path, table, match, rules)
        except (GatewayError, TooManyReadings):
            raise RequestAmbiguous() from None
    if forwarded is not written:
        request.target = forwarded + request.target[len(written) :]


def _agree(
    request: Request, forwarded: bytes, path: bytes, table: RouteTable[T], match: Match[T], rules: PathRules
) -> None:
    """Ask for the route and limits of every reading.

    Raises:
        GatewayError: A reading finds no route, another one, or other limits.
        TooManyReadings: There are more readings than are worked out.
    """
    limits = rules.limits(path)
    caseless = table.caseless if rules.readings.folds_case else None
    for reading in rules.readings.of(forwarded):
        if reading != path:
            found = table.match(request.host, reading, request.method, request.headers, request.query)
            if found.value is not match.value or rules.limits(reading) != limits:
                raise RequestAmbiguous()
        if caseless is not None:
            alike = folded(reading)
            found = caseless.match(request.host, alike, request.method, request.headers, request.query)
            if found.value is not match.value or rules.limits_folded(alike) != limits:
                raise RequestAmbiguous()
