"""What the gateway asks of upstreams beside what clients ask: the way to an upstream, for copies and for parts.

Tests: `tests/flow/test_mirror.py::test_one_copy_as_the_backend_sees_it`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from gateway.composition.builders.tracing import Tracing
from gateway.composition.foundation import Foundation
from gateway.config.schema.routes import Route, WeightedUpstream
from gateway.forwarding.hedges import Hedges
from gateway.forwarding.kinds import forwarder_for
from gateway.forwarding.retries import Retries
from gateway.http.fields import FieldFilter
from gateway.interfaces import Middleware
from gateway.middleware.chain import Chain
from gateway.upstream.backend import Upstream

if TYPE_CHECKING:
    from gateway.forwarding.beside import Watch
    from gateway.forwarding.mirror import Mirror


class Subrequests:
    """Makes the ways.

    Args:
        foundation: What the configuration is built on.
        upstreams: By name.
        steps: Lists the steps before an upstream, from the settings of a route that leads to it alone, and whether its
            answers may be kept.
        tracing: How exchanges are traced.
    """

    def __init__(
        self,
        foundation: Foundation,
        upstreams: Mapping[str, Upstream],
        steps: Callable[[Route, bool], Sequence[Middleware]],
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Tracing(foundation)
        self._foundation = foundation
        self._upstreams = upstreams
        self._steps = steps

    @cached_property
    def keeper(self) -> Watch:
        """Return what watches all that is asked; loaded where something is."""
        from gateway.forwarding.beside import Watch

        foundation = self._foundation
        return Watch(foundation.deadlines, foundation.pool.client_gone, foundation.now)

    def chain(
        self,
        route: Route,
        upstream: str,
        passes: FieldFilter,
        timeout: float,
        retries: Retries | None = None,
        hedges: Hedges | None = None,
        keeps: bool = False,
    ) -> Chain:
        """Make the chain of exchanges that are asked of an upstream for a route.

        Args:
            route: The route.
            upstream: Name of the upstream.
            passes: Which of the client's fields are sent.
            timeout: Seconds for an answer.
            retries: What is tried again.
            hedges: When a second attempt is made.
            keeps: Whether answers may be kept for when a breaker is open.
        """
        from gateway.forwarding.subrequest import fail

        leading = route.model_copy(update={"upstream": (WeightedUpstream(name=upstream),)})
        forwarder = forwarder_for(self._upstreams[upstream])(
            self._upstreams[upstream],
            self._tracing.attempts,
            passes,
            timeout,
            False,  # Via is for clients
            retries,
            hedges,
            timeout if route.request_timeout else inf,
        )
        return self._tracing.chain(self._steps(leading, keeps), forwarder.forward, fail)

    def mirror(self, route: Route, passes: FieldFilter) -> Mirror | None:
        """Make the step that copies the requests of a route; None for none.

        Args:
            route: Its settings.
            passes: Which fields of the client's are sent.
        """
        settings = route.mirror
        if settings is None or not settings.ratio or not route.upstream:
            return None
        from gateway.forwarding.mirror import Mirror

        foundation = self._foundation
        count = foundation.metrics.counter("gateway_mirror_requests_total").add
        return Mirror(
            self.chain(route, settings.upstream, passes, route.timeout),
            settings.ratio,
            route.timeout,
            self.keeper,
            foundation.random,
            foundation.later,
            lambda outcome: count(route.name, settings.upstream, outcome),
        )
