"""What plugins get from the gateway: a client, clocks, a logger, Redis, metrics.

Tests: `tests/flow/test_plugin_life.py::test_services`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gateway.composition.foundation import Foundation

PREFIX = "gateway_plugin_"


class PluginMetrics(Service):
    """Metrics of one plugin (`gateway.plugin.Meters`).

    Kept for as long as a configuration has a plugin of this name: one that is made anew counts on.

    Args:
        name: What the configuration calls the plugin.
        registry: Returns where they are shown.
    """

    def __init__(self, name: str, registry: Callable[[], Any]) -> None:
        self._prefix = PREFIX + re.sub(r"\W", "_", name) + "_"
        self._registry = registry
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def counter(self, name: str, words: str, labels: Sequence[str] = ()) -> Any:
        from prometheus_client import Counter

        return self._get(Counter, name, words, labels)

    def gauge(self, name: str, words: str, labels: Sequence[str] = ()) -> Any:
        from prometheus_client import Gauge

        return self._get(Gauge, name, words, labels)

    def histogram(
        self, name: str, words: str, labels: Sequence[str] = (), buckets: Sequence[float] | None = None
    ) -> Any:
        from prometheus_client import Histogram

        more = {} if buckets is None else {"buckets": tuple(buckets)}
        return self._get(Histogram, name, words, labels, **more)

    def stopService(self) -> None:
        """Show them no more: no configuration has the plugin."""
        super().stopService()
        for _, metric in self._made.values():
            self._registry().unregister(metric)
        self._made.clear()

    def _get(self, kind: Any, name: str, words: str, labels: Sequence[str], **more: Any) -> Any:
        made_as = kind, tuple(labels), tuple(more.items())
        known = self._made.get(name)
        if known is not None:
            if known[0] == made_as:
                return known[1]
            self._registry().unregister(known[1])  # another version of the plugin counts something else by this name
        metric = kind(self._prefix + name, words, tuple(labels), registry=self._registry(), **more)
        self._made[name] = made_as, metric
        return metric


class PluginServices:
    """What `start` of a plugin gets (`gateway.plugin.Services`).

    Args:
        name: What the configuration calls the plugin.
        foundation: What the gateway is built on.
        redis: The link, None where the configuration has none.
        metrics: Of this plugin.
    """

    def __init__(self, name: str, foundation: Foundation, redis: Any, metrics: PluginMetrics) -> None:
        self.name = name
        self.clock = foundation.reactor
        self.now = foundation.now
        self.wall_clock = foundation.wall_clock
        self.random = foundation.random
        self.logger = Logger(namespace=f"gateway.plugin.{name}")
        self.redis = redis
        self.metrics = metrics
        self._dialer = foundation.dialer

    @cached_property
    def client(self) -> Any:
        from gateway.dialling.asking import Client  # loads treq: most plugins ask nobody

        return Client(self.clock, self._dialer)

    def close(self) -> Deferred[Any] | None:
        """Close what was opened."""
        client = self.__dict__.get("client")
        return None if client is None else client.close()
