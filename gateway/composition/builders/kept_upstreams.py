"""Upstreams that a configuration takes over from the one before: those that would be made from the same.

Tests: `tests/composition/builders/test_taking_over.py::test_an_upstream_that_is_the_same_is_not_built_again`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.composition.builders.upstreams import build_upstream
from gateway.composition.carried import Noted
from gateway.composition.fingerprint import digest, files_below
from gateway.composition.foundation import Foundation
from gateway.composition.slices import LOOK, ROUTE, Slices
from gateway.config import Settings
from gateway.config.differences import same
from gateway.config.named_files import files_named_in
from gateway.config.problems import below
from gateway.config.schema.upstreams import Upstream as UpstreamSettings
from gateway.upstream.backend import Upstream

if TYPE_CHECKING:
    from gateway.middleware.gate import Gate


class KeptUpstream(NamedTuple):
    """An upstream, and what tells whether the next configuration may take it over.

    Attributes:
        upstream: The upstream.
        made_from: All that it was made from.
        fallback: The name of the upstream that it falls back to.
        keys: The identities of its pools.
        noted: What it asked for.
    """

    upstream: Upstream
    made_from: tuple[Any, ...]
    fallback: str | None
    keys: set[Hashable]
    noted: Noted


async def keep_upstreams(
    settings: Settings,
    foundation: Foundation,
    gates: Mapping[str, Gate],
    before: Mapping[str, KeptUpstream],
    slices: Slices,
) -> dict[str, KeptUpstream]:
    """Return the upstreams of a configuration by name; those that are not as they were before are built.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        gates: Before upstreams that are limited, by name.
        before: Of the configuration in force.
        slices: Counts the work.

    Raises:
        gateway.config.ConfigError: A certificate cannot be used.
    """
    made_from: dict[str, tuple[Any, ...]] = {}
    unchanged: set[str] = set()
    for one in settings.upstreams:
        made_from[one.name] = _made_from(one, settings)
        was = before.get(one.name)
        if was is not None and same(was.made_from, made_from[one.name]):
            unchanged.add(one.name)
        await slices.did(LOOK)
    # An upstream holds the one that it falls back to.
    while lost := {name for name in unchanged if before[name].fallback not in (None, *unchanged)}:
        unchanged -= lost
    kept: dict[str, KeptUpstream] = {}
    others: list[tuple[str, dict[str, Upstream]]] = []
    for one in settings.upstreams:
        if one.name in unchanged:
            kept[one.name] = before[one.name]
            foundation.carried.again(before[one.name].noted)
            continue
        breaker = settings.breaker_of(one)
        fallback = None if breaker is None else breaker.fallback.upstream
        # Looked up when it is needed: it may be built later. In a dictionary of its own, since an upstream that is
        # taken over must not hold on to all others of its first configuration.
        other: dict[str, Upstream] = {}
        if fallback is not None:
            others.append((fallback, other))
        keys: set[Hashable] = set()
        with below(f"upstreams[{one.name}]."), foundation.carried.noting() as noted:
            upstream = build_upstream(one, settings, foundation, keys, other.__getitem__, gates)
        kept[one.name] = KeptUpstream(upstream, made_from[one.name], fallback, keys, noted)
        await slices.did(ROUTE)
    for fallback, other in others:
        other[fallback] = kept[fallback].upstream
    return kept


def _made_from(upstream: UpstreamSettings, settings: Settings) -> tuple[Any, ...]:
    reads = upstream.discovery is not None or "https" in upstream.schemes
    files = digest(files_below(files_named_in(upstream))) if reads else b""
    limits = settings.limits
    return (
        upstream,
        settings.breaker_of(upstream),
        files,
        settings.discovery_cache,
        settings.timeouts.connect,
        limits.response_header,
        limits.connections,
    )
