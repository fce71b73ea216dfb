"""Which of the paths that the gateway answers itself belong to routes of the configuration.

A route that names such a path (`/health`, `/health/*`) wins over the gateway, on
its hosts and where its conditions are met. One that would take any path (`/*`,
`/:page`) does not: it stands behind nearly every gateway, and `/health` is there
for whoever watches the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from twisted.logger import Logger

from gateway.routing.overlap import matches
from gateway.routing.pattern import parse_pattern
from gateway.routing.rule import RouteRule
from gateway.routing.table import RouteTable

T = TypeVar("T")
_log = Logger(namespace="gateway.routing")


def claimed(routes: Sequence[tuple[RouteRule, T]], paths: Iterable[bytes]) -> RouteTable[T] | None:
    """Return the routes that claim paths of the gateway's own, None where none does; a warning names each.

    Args:
        routes: All routes.
        paths: The gateway's own.
    """
    own = sorted(paths)
    claims = []
    firsts = {path.decode().split("/")[1] for path in own}
    for rule, value in routes:
        first = rule.path.lstrip("/").partition("/")[0]
        if first not in firsts and "%" not in first:
            continue  # of ten thousand routes nearly all: they need not be taken apart
        pattern = parse_pattern(rule.path)
        taken = [path.decode() for path in own if matches(pattern, path)]
        if taken:
            claims.append((rule, value))
            _log.warn(
                "Route {name} ({pattern}) takes {paths} from the gateway, which would answer there itself",
                name=rule.name,
                pattern=rule.path,
                paths=", ".join(taken),
            )
    return RouteTable(claims) if claims else None
