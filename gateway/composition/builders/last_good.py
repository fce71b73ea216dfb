"""Settings of `circuit_breaker.fallback.cached` into what keeps the last good answers of upstreams.

Tests: `tests/flow/test_last_good.py::test_what_was_good_last_is_answered_while_the_breaker_is_open`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.resilience import Fallback
from gateway.config.schema.routes import Route
from gateway.http.fields import FieldFilter

if TYPE_CHECKING:
    # Loaded with the first upstream that keeps answers.
    from gateway.middleware.last_good import Keeping, LastGoodStep


def keeping_of(upstream: str, fallback: Fallback, foundation: Foundation) -> Keeping:
    """Return how answers of an upstream are kept: in the memory of the configuration before."""
    from gateway.middleware.last_good import Keeping, LastGood

    size = fallback.cache_size
    answers = foundation.carried.get(("last good", upstream), lambda: LastGood(size))
    foundation.carried.then(partial(answers.resize, size))
    return Keeping(answers, fallback.cache_entry, fallback.max_stale)


class LastGoods:
    """Makes the steps that record.

    Args:
        settings: The configuration.
        foundation: What it is built on.

    Attributes:
        stores: Where the answers of upstreams are kept.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._now = foundation.wall_clock
        self._keeping: dict[str, Keeping] = {}
        for upstream in settings.upstreams:
            breaker = settings.breaker_of(upstream)
            if breaker is not None and breaker.fallback.cached:
                self._keeping[upstream.name] = keeping_of(upstream.name, breaker.fallback, foundation)
        stores = {name: keeping.answers.store for name, keeping in self._keeping.items()}
        self.stores = tuple(stores.values())
        show = partial(
            foundation.metrics.gauge,
            "gateway_last_good_bytes",
            lambda: [((name,), store.octets) for name, store in stores.items()],
        )
        foundation.carried.then(show)

    def step(self, route: Route | None, passes: FieldFilter) -> LastGoodStep | None:
        """Make the step of a route, None where none of its upstreams falls back on what it said before.

        Args:
            route: Its settings.
            passes: Which fields of the client's are sent.
        """
        if route is None or not self._keeping:
            return None
        from gateway.middleware.last_good import LastGoodStep

        keeping = {name: self._keeping[name] for name, _ in route.upstreams if name in self._keeping}
        tags = b"" if route.cache is None else route.cache.tags.lower().encode()
        return LastGoodStep(keeping, passes, self._now, tags) if keeping else None
