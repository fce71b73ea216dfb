"""The paths that the gateway answers itself, and which of them belong to routes of the configuration.

A route that names such a path (`/health`, `/health/*`) wins over the gateway, on
its hosts and where its conditions are met. One that would take any path (`/*`,
`/:page`) does not: it stands behind nearly every gateway, and `/health` is there
for whoever watches the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from twisted.logger import Logger

from gateway.answering.health import PATHS as HEALTH_PATHS
from gateway.composition.builders.rates import Rates
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.identity.orders import Control
from gateway.interfaces import ErrorRenderer, Middleware
from gateway.message import Response
from gateway.routing.expression import MARK
from gateway.routing.overlap import matches
from gateway.routing.pattern import parse_pattern
from gateway.routing.rule import RouteRule
from gateway.serving.tree import ContentLeaf, Leaf

if TYPE_CHECKING:
    from gateway.composition.whole import Whole

T = TypeVar("T")
_log = Logger(namespace="gateway.routing")


class Steps(Protocol):
    """Lists the steps of our own paths, each kind by its own rules (`gateway.composition.pipeline`)."""

    def outermost(self, name: str, pattern: str, /) -> list[Middleware]: ...

    def health(self, path: str, /) -> list[Middleware]: ...

    def public_metrics(self, path: str, /) -> list[Middleware]: ...


def own_paths(
    settings: Settings,
    foundation: Foundation,
    control: Control,
    limits: Rates,
    steps: Steps,
    render_error: ErrorRenderer,
) -> dict[bytes, Leaf]:
    """Return what answers the gateway's own paths: tokens, health, and metrics where they are public.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        control: Refuses tokens from now on, at every instance.
        limits: Makes the limits that hold for all paths.
        steps: Lists the steps of each.
        render_error: Makes the responses to errors, but for those at the token endpoint, which are for programs.
    """
    own: dict[bytes, Leaf] = {}
    if settings.auth is not None and settings.auth.oauth is not None:
        # Loaded by those who issue tokens.
        from gateway.composition.builders.oauth import token_paths

        own |= token_paths(settings, foundation, control, limits, steps.outermost)
    if settings.health_paths:
        for path in HEALTH_PATHS:
            own[path] = ContentLeaf(steps.health(path.decode()), partial(_health, foundation), render_error)
    if settings.admin.metrics_public:
        public = steps.public_metrics("/metrics")
        if foundation.whole is not None:
            public = [*public, _OfAllWorkers(foundation.whole)]
        own[b"/metrics"] = ContentLeaf(public, partial(_metrics, foundation), render_error)
    return own


def claims(routes: Sequence[tuple[RouteRule, T]], paths: Iterable[bytes]) -> list[tuple[RouteRule, T]]:
    """Return the routes that claim paths of the gateway's own; a warning names each.

    Args:
        routes: All routes.
        paths: The gateway's own.
    """
    own = sorted(paths)
    found = []
    firsts = {path.decode().split("/")[1] for path in own}
    for rule, value in routes:
        if rule.path.startswith(MARK):
            continue  # an expression comes after all that names a path, and so after the gateway's own
        first = rule.path.lstrip("/").partition("/")[0]
        if first not in firsts and "%" not in first:
            continue  # nearly all of ten thousand routes are passed over here, before their patterns are parsed
        pattern = parse_pattern(rule.path)
        taken = [path.decode() for path in own if matches(pattern, path)]
        if taken:
            found.append((rule, value))
            _log.warn(
                "Route {name} ({pattern}) takes {paths} from the gateway, which would answer there itself",
                name=rule.name,
                pattern=rule.path,
                paths=", ".join(taken),
            )
    return found


def _health(foundation: Foundation, exchange: Exchange) -> tuple[int, bytes, bytes]:
    status, body = foundation.health.report(exchange.request.path)
    return status, b"application/json", body


class _OfAllWorkers:
    """The step that asks the other workers for their figures, and answers."""

    name = "figures"

    def __init__(self, whole: Whole) -> None:
        self._whole = whole

    async def on_request(self, exchange: Exchange) -> Response | None:
        if exchange.request.method not in (b"GET", b"HEAD"):
            return None  # the leaf refuses it
        media_type, body = await self._whole.exposition(exchange.request.headers.get(b"accept") or b"")
        return Response(200, Headers([(b"Content-Type", media_type), (b"Cache-Control", b"no-store")]), body)


def _metrics(foundation: Foundation, exchange: Exchange) -> tuple[int, bytes, bytes]:
    accept = exchange.request.headers.get(b"accept") or b""
    media_type, body = foundation.metrics.exposition(accept, foundation.now())
    return 200, media_type, body
