"""Members that come and go, and registries that fail, in some runs: the main upstream finds its backends.

What a registry would say is told to the finder itself; the file that its source looks for is never there, so that
faults come between answers. Runs without members draw what they drew before there were any.
"""

from __future__ import annotations

import random
from typing import Any

from gateway.discovery.contract import Answer
from gateway.discovery.finder import Finder
from gateway.discovery.members import Member
from gateway.testing import Harness

NOWHERE = "/nonexistent/members.json"


class Registry:
    """Says who is a member.

    Args:
        seed: Of the run.

    Attributes:
        happens: Whether this run has any.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"found {seed}")  # nothing is kept secret
        self.happens = self._chance.random() < 0.25
        self._all: list[Member] = []

    def draw(self, upstreams: list[dict[str, Any]]) -> None:
        """Let the main upstream find its backends, all of them or all but one."""
        if not self.happens:
            return
        main = upstreams[0]
        backends = main["backends"]
        kept = self._chance.choice((0, 0, 1)) if len(backends) > 1 else 0
        self._all = [Member(one["url"], one["weight"]) for one in backends[kept:]]
        main["backends"] = backends[:kept]
        main["discovery"] = {"type": "file", "path": NOWHERE, "keep_empty": self._chance.random() < 0.5}

    def change(self, harness: Harness) -> str:
        """Let there be other members, or none, or answers that are none."""
        finder = _finder(harness)
        some = self._chance.sample(self._all, self._chance.randint(0, len(self._all)))
        members = [one._replace(weight=self._chance.choice((1, 1, 3, 0))) for one in some]
        refused = self._chance.choice(([], [], ["expected a URL, found 7"]))
        finder._heard(Answer(sorted(members), refused))
        return f"members: {', '.join(f'{one.url} x{one.weight}' for one in members) or 'none'}, {len(refused)} refused"

    def maybe_change(self, harness: Harness) -> str:
        """Do so at one step in ten."""
        return self.change(harness) if self.happens and self._chance.random() < 0.1 else ""

    def recover(self, harness: Harness) -> None:
        """Let all be members, of which requests are answered."""
        if self.happens:
            _finder(harness)._heard(Answer([one._replace(weight=1) for one in sorted(self._all)], []))


def _finder(harness: Harness) -> Finder:
    found = harness.gateway.root.tree.upstreams["main"].discovery._finder
    assert isinstance(found, Finder)
    return found


def looked_at(harness: Harness) -> None:
    """Look for members without a place, and places without a member; raises AssertionError where there are any."""
    tree, pool = harness.gateway.root.tree, harness.gateway.foundation.pool
    in_force = {backend.pool for upstream in tree.upstreams.values() for backend in upstream.backends}
    assert set(pool.pools()) == in_force, "a pool is of no member, or a member has no pool"
    assert set(pool._pools) == tree.pool_keys, "the snapshot knows other pools than there are"
    main = tree.upstreams["main"]
    if main.discovery is not None:
        found = {backend.name for backend in main.discovery._found.values()}
        assert set(main.discovery._roster.held) == found, "what is held is of no member"
        if main.condition is not None:
            standing = {backend.name for backend in main.backends}
            assert set(main.condition.standings) == standing, "what is known is of no member"
