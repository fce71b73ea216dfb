"""Settings of upstreams into upstreams."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from gateway.composition.builders.backends import Building, backups_of, placing
from gateway.composition.builders.conditions import Others, build_condition, build_fallback
from gateway.composition.builders.dry_run import breaker_note
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.upstream.backend import Upstream
from gateway.upstream.dry_run import DryRunUpstream

if TYPE_CHECKING:
    from gateway.middleware.gate import Gate


def build_upstream(
    upstream: UpstreamSettings,
    settings: Settings,
    foundation: Foundation,
    keys: set[Hashable],
    others: Others,
    gates: Mapping[str, Gate],
) -> Upstream:
    """Build an upstream; its pools and what is known of its backends are carried over where nothing has changed.

    Args:
        upstream: Its settings.
        settings: The whole configuration.
        foundation: What it is built on.
        keys: Takes the identities of its pools.
        others: Finds the upstream to fall back to.
        gates: Before upstreams that are limited, by name.

    Raises:
        gateway.config.ConfigError: A certificate cannot be used.
    """
    breaker = settings.breaker_of(upstream)
    condition = build_condition(upstream, breaker, foundation)
    building = Building(upstream, settings, condition)
    backends = []
    for backend in upstream.backends:
        keys.add(building.key(backend))
        backends.append(building.backend(backend, foundation))
    if condition is not None and condition.detector is not None:
        foundation.carried.then(partial(setattr, condition.detector, "backups", backups_of(backends)))
    kind: Callable[..., Upstream] = Upstream
    if breaker is not None and breaker.dry_run:
        kind = partial(DryRunUpstream, breaker_note(upstream.name, foundation))
    made = kind(
        upstream.name,
        building.balancer(backends, foundation.random),
        backends,
        placing(upstream, backends),
        foundation.metrics.upstream(upstream.name).attempt,
        condition,
        None if breaker is None else build_fallback(upstream, breaker.fallback, foundation, others, gates),
    )
    if upstream.discovery is not None:
        from gateway.composition.builders.members import follow

        follow(made, upstream, settings, foundation, keys)
    return made
