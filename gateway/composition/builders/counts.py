"""Settings of one rate limit into what is counted: the limit, and those of its tiers.

# Note [Shared counts]
A limit of `rate_limits` has one count for each key over all routes that it
matches; a route's own `rate_limit` counts on that route alone. What a count is
for (where the limit stands, its scope, algorithm and window, and the tier) is
its identity: a reload that leaves these alone keeps the count, also where the
limit itself is another.

# Note [Counts of tiers]
Each tier has counts of its own, under the same keys (D-204). So who gets a better plan in the middle of a window has
all of it at once, and callers on a large plan use up nothing of what others at the same address have.

Tests: `tests/composition/builders/test_limits.py::test_limits_that_are_alike_count_apart`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from gateway.config.schema.limiting import RateLimit
from gateway.http.forwarded import NetworkSet
from gateway.limiting.keys import limit_key
from gateway.limiting.keys import needs_principal as scope_needs_principal
from gateway.limiting.limit import EXACT, Limit
from gateway.limiting.plans import Plans
from gateway.limiting.plans import needs_principal as tiers_need_principal
from gateway.middleware.rate_limit import Counted


class Made(NamedTuple):
    """A limit and those of its tiers, None for a tier without a limit; `exempt` are addresses without any."""

    settings: RateLimit
    limit: Limit
    tiers: tuple[tuple[str, Limit | None], ...]
    exempt: Container[str]

    @property
    def needs_principal(self) -> bool:
        """Whether it has to be known who is calling."""
        return scope_needs_principal(self.settings.scope) or tiers_need_principal(self.settings.tiers)

    def counted(self, labels: list[str], route: str, matches: Callable[[bytes], bool] | None = None) -> Counted:
        """Make what a step asks.

        Args:
            labels: Labels of the limits before it, to which its own is added.
            route: Name of the route.
            matches: Whether it is for a path; None for every path.
        """
        dry_run = self.settings.dry_run
        # What is in dry run is in no field, so it takes no label from those that are.
        label = self.limit.label if dry_run else _label(self.limit.label, labels)
        key = limit_key(self.settings.scope, route)
        limit = replace(self.limit, label=label)
        if not self.tiers and not self.settings.except_:
            return Counted(limit, key, matches, None, dry_run)
        tiers = [
            (condition, None if tier is None else Counted(replace(tier, label=label), key))
            for condition, tier in self.tiers
        ]
        return Counted(limit, key, matches, Plans(Counted(limit, key), tiers, self.exempt).of, dry_run)


class Identities:
    """Names counts: Note [Shared counts].

    Args:
        kind: Of which limits.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._given: dict[object, int] = {}

    def limit(self, place: str, settings: RateLimit) -> Made:
        """Make a limit, and those of its tiers.

        Args:
            place: Where it stands: its path or route.
            settings: What it says.
        """
        limit = _limit(settings, settings.limit, self._of(place, settings, settings.limit))
        tiers = tuple(
            (condition, _limit(settings, most, self._of(place, settings, most, condition)) if most else None)
            for condition, most in settings.tiers.items()
        )
        return Made(settings, limit, tiers, NetworkSet(map(str, settings.except_)))

    def _of(self, place: str, limit: RateLimit, most: int, *tier: str) -> bytes:
        """Return the identity of a limit; limits that are alike are told apart by a number, in their order."""
        # Windows up to EXACT are kept request by request, larger ones in parts: neither could go on from the other.
        what = (self._kind, place, limit.scope, limit.algorithm, limit.window, most <= EXACT, *tier)
        number = self._given[what] = self._given.get(what, 0) + 1
        # All are of one length: else an identity and a key could, put together, be the octets of another pair.
        return blake2b(repr((*what, number)).encode(), digest_size=8).digest()


def _limit(settings: RateLimit, most: int, identity: bytes) -> Limit:
    return Limit(
        identity=identity,
        label="+".join(settings.scope),
        requests=most,
        window=settings.window,
        burst=most if settings.burst is None else max(1, settings.burst * most // settings.limit),
        sliding=settings.algorithm == "sliding_window",
        lease=min(settings.lease, most),
    )


def _label(label: str, taken: list[str]) -> str:
    """Give a limit a label that none before it has: `ip`, then `ip-2`."""
    taken.append(label)
    number = taken.count(label)
    return label if number == 1 else f"{label}-{number}"
