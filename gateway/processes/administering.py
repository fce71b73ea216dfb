"""What the admin ports of all workers are asked about the configuration, answered by the parent, who keeps it.

The leaves are those of a gateway of one process; wrong tokens are counted here, for all workers together. They are made
when somebody asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from gateway.composition.changes import Changes
from gateway.composition.configured import Configured
from gateway.composition.slices import Slices
from gateway.config import Settings

if TYPE_CHECKING:
    from gateway.admin.resources import Tree


class Administering:
    """Answers requests that workers pass on.

    Args:
        changes: Change the configuration of all workers.
        configured: Knows what it was made from, and what is in force.
        reactor: Turns between the slices of a long answer.
        now: Monotonic seconds.
    """

    def __init__(
        self, changes: Changes, configured: Configured, reactor: Any, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._changes = changes
        self._configured = configured
        self._reactor = reactor
        self._now = now
        self._tree: Tree | None = None

    def __call__(self, said: dict[str, Any]) -> Deferred[dict[str, Any]]:
        """Answer one."""
        from gateway.admin.passing import answer

        if self._tree is None:
            self._tree = self._make()
        return answer(self._tree, said)

    def _settings(self) -> Settings:
        return self._configured.settings

    def _make(self) -> Tree:
        # Large: few ask for more than metrics and health.
        from gateway.admin.configuration import configuration_leaves
        from gateway.admin.guard import Guard
        from gateway.admin.resources import Tree
        from gateway.composition.administration import Administration

        guard = Guard(lambda: self._settings().admin.token.get_secret_value(), self._now)
        slices = partial(Slices, self._reactor)
        administration = Administration(self._changes, self._configured, self._settings, slices)
        leaves = configuration_leaves(guard, administration)
        return Tree({b"/" + name.encode(): leaf for name, leaf in leaves.items()})
