"""What an application's agents go through: the steps and the forwarder of one upstream, in the configuration in force.

Compiled when an agent is first used under a configuration: one that no agent asks costs nothing. In logs and metrics
an agent's exchanges are those of a route `gateway://UPSTREAM`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from gateway.composition.assembly import Gateway
from gateway.composition.builders.retries import retries_within, retry_budget
from gateway.composition.snapshot import Snapshot
from gateway.config.schema.routes import Route
from gateway.forwarding.kinds import forwarder_for
from gateway.forwarding.subrequest import fail
from gateway.http.fields import FRAMING, HOP_BY_HOP, NEVER_FORWARDED, FieldFilter
from gateway.serving.tree import RouteLeaf
from gateway.telemetry.metrics import agents_name

_REMADE = frozenset([b"x-request-id", b"traceparent", b"tracestate"])
# An application is believed: it may say who is calling, and for whom it asks.
_PASSES = FieldFilter(HOP_BY_HOP | FRAMING | NEVER_FORWARDED | _REMADE)


def agent_route(upstream: str, timeout: str | float, retry: Mapping[str, Any] | None) -> Route:
    """Return the settings of an agent's exchanges, as a route has them.

    Raises:
        ValueError: One of them is not as it has to be.
    """
    return Route.model_validate(
        {
            "name": agents_name(upstream),
            "path": "/*",
            "upstream": upstream,
            "timeout": timeout,
            "retry": None if retry is None else dict(retry),
        }
    )


class AgentLeaf:
    """Finds what an agent's exchanges go through.

    Args:
        route: The agent's settings.
        gateway: Whose upstream is asked.

    Attributes:
        timeout: Seconds for an answer to begin.
    """

    def __init__(self, route: Route, gateway: Gateway) -> None:
        self.timeout = route.timeout
        self._route = route
        self._gateway = gateway
        self._budget = None if route.retry is None else retry_budget(route.retry)
        self._tree: Snapshot | None = None
        self._leaf: RouteLeaf | None = None

    def find(self) -> RouteLeaf | None:
        """Return it for the configuration in force; None where that does not have the upstream any more."""
        tree = self._gateway.root.tree
        if tree is not self._tree:
            self._tree, self._leaf = tree, self._compile(tree)
        return self._leaf

    def _compile(self, tree: Snapshot) -> RouteLeaf | None:
        foundation = self._gateway.foundation
        route = self._route.within(tree.settings.timeouts.request)
        ((name, _),) = route.upstreams
        upstream = tree.upstreams.get(name)
        if upstream is None:
            return None
        retries = None
        if route.retry is not None and route.retry.attempts and self._budget is not None:
            retries = retries_within(self._budget, route.name, route.retry, foundation)
        forwarder = forwarder_for(upstream)(
            upstream,
            tree.tracing.attempts,
            _PASSES,
            route.timeout,
            False,  # an application is no server that Via would tell of
            retries,
            None,
            route.timeout if route.request_timeout else inf,
        )
        chain = tree.tracing.chain(tree.agent_steps(route), forwarder.forward, fail)
        return RouteLeaf(route.name, "", chain, route.exchange_timeout)
