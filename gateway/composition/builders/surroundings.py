"""All that the leaf of a route is made from beside the route and its upstreams.

Note [What a leaf is made from]

A leaf is taken over by the next configuration where its route is the same, its upstreams are the same objects, and so
is everything else that its steps are made from: this. What no leaf depends on may be left out; what is forgotten here
is a leaf that goes by settings that are no longer in force. `tests/composition/builders/test_taking_over.py` compares
what is taken over with what is built from nothing, for changes of every kind of key.

Tests: `tests/composition/builders/test_taking_over.py::test_a_page_that_changes_is_read_again`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.composition.builders.paths import Paths
from gateway.composition.fingerprint import digest, files_below
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.dry_runs import has_dry_runs
from gateway.config.named_files import named_files
from gateway.listening.endpoint_files import files_of

OF_THEIR_OWN = frozenset({"routes", "upstreams", "plugins"})
"""Keys whose things are looked at one by one."""

NOT_IN_LEAVES = frozenset({"defaults", "groups", "health_paths", "log", "log_shipping", "strict"})
"""Keys that no leaf is made from: what routes take over from `defaults` and `groups` stands in the routes."""

_KEYS = tuple(key for key in Settings.model_fields if key not in OF_THEIR_OWN | NOT_IN_LEAVES)


def surroundings(
    settings: Settings,
    foundation: Foundation,
    paths: Paths,
    decisive: frozenset[bytes],
    log_access: Callable[[bytes], None],
    explains: bool,
) -> tuple[Any, ...]:
    """Return what can be compared with the surroundings of the configuration before.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        paths: What is asked about the paths of its routes.
        decisive: Request fields that something is decided by.
        log_access: Takes the lines of the access log.
        explains: Whether errors are explained in the log.
    """
    keys = [getattr(settings, key) for key in _KEYS]
    named = named_files(settings.model_copy(update=dict.fromkeys(OF_THEIR_OWN, ())))
    # What listeners believe of clients' certificates is a step.
    named.update(*(files_of(endpoint) for endpoint in (settings.admin.endpoint, *_endpoints(settings))))
    return (
        *keys,
        foundation,
        digest(files_below(named)),
        decisive,
        log_access,
        explains,
        paths.of_upstreams,
        bool(settings.plugins),  # the access log has a member for them
        has_dry_runs(settings),
        any(route.aggregate is not None for route in settings.routes),
        # One step knows the cookies of all sticky upstreams.
        [(one.name, one.sticky, one.backends) for one in settings.upstreams if one.sticky is not None],
        # Requests to other routes may change what these keep.
        [(one.name, one.hosts, one.path, one.cache.max_entry) for one in settings.routes if one.cache is not None],
    )


def _endpoints(settings: Settings) -> list[str]:
    return [listener.endpoint for listener in settings.listeners]


def file_digest(names: tuple[str, ...]) -> bytes:
    """Return a digest of the content of the files that a route names."""
    return digest(map(Path, names)) if names else b""
