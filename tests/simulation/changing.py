"""Changes that are no reload of something new, in some runs: back to what was in force, a limit alone, one that fails.

What is drawn for them is drawn by themselves. Runs without them draw what they drew before there were any.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from gateway.config import ConfigError, Settings
from tests.simulation import beside, drawn

if TYPE_CHECKING:
    from tests.simulation.world import World

KEPT = 5


class Broken:
    """A plugin that does not start."""

    def __init__(self, config: dict[str, Any]) -> None:
        """It has no configuration."""

    def start(self, services: object) -> None:
        raise RuntimeError("no licence")

    def on_request(self, exchange: object) -> None:
        """It is never asked."""


class Changing:
    """Changes the configuration of a run.

    Args:
        seed: Of the run.

    Attributes:
        happens: Whether this run has such changes.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"changes {seed}")  # nothing is kept secret
        self.happens = self._chance.random() < 0.25
        self._before: list[Settings] = []

    def maybe_change(self, world: World) -> str:
        """Make one at one step in twenty."""
        if not self.happens:
            return ""
        in_force = world.harness.gateway.root.tree.settings
        if not self._before or self._before[-1] is not in_force:
            self._before = [*self._before[1 - KEPT :], in_force]
        if self._chance.random() >= 0.05:
            return ""
        return self._chance.choice((self._go_back, self._limit, self._fail))(world)

    def _go_back(self, world: World) -> str:
        """Put into force what was so before."""
        place = self._chance.randrange(len(self._before))
        world.puts(self._before[place])
        return f"back by {len(self._before) - 1 - place}"

    def _limit(self, world: World) -> str:
        """Change what holds for all, and nothing else."""
        settings = world.harness.gateway.root.tree.settings
        most = self._chance.choice((0, 2, 5))
        world.puts(settings.model_copy(update={"limits": settings.limits.model_copy(update={"in_flight": most})}))
        return f"limits.in_flight: {most}"

    def _fail(self, world: World) -> str:
        """Try other backends, with a plugin that does not start: all is as it was."""
        upstreams = drawn.upstreams(self._chance, world.ports, world.of_http2)
        routes = [drawn.route(self._chance, name, world.budgets, world.shares) for name in ("a", "b")]
        if world.asks_beside:
            beside.draw(self._chance, upstreams, routes)
        routes[0]["plugins"] = ["broken"]
        plugins = [{"name": "broken", "class": f"{__name__}.Broken"}]
        gateway = world.harness.gateway
        tree, things = gateway.root.tree, dict(gateway.foundation.carried._things)
        pools = list(gateway.foundation.pool.pools())
        try:
            world.harness.apply(upstreams=upstreams, routes=routes, plugins=plugins)
        except ConfigError:
            assert gateway.root.tree is tree, "what failed is in force"
            assert list(gateway.foundation.pool.pools()) == pools, "what failed has left a pool"
            assert gateway.foundation.carried._things == things, "what failed has left something"
            return "a change fails"
        raise AssertionError("a plugin that did not start is in force")
