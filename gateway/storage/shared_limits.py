"""The store of limits that instances share: asks Redis, and knows what to do without it.

Tests: `tests/storage/test_limits.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.storage.leases import Leased
from gateway.storage.limits import Asking, Commands, Shared


class RedisLimits:
    """Counts in Redis.

    Args:
        redis: The store.
        local: Decides while Redis does not answer.
        instances: How many share a limit then without knowing of each other.
        count_fallback: Called for each decision of `local`.
    """

    def __init__(
        self, redis: Commands, local: LimitStore, instances: int, count_fallback: Callable[[], object]
    ) -> None:
        self._redis = redis
        self._local = local
        self._instances = instances
        self._count_fallback = count_fallback

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """Prepare to decide under these limits; see `gateway.limiting.limit.Decide`."""
        local = self._local.bind([limit.share(self._instances) for limit in limits])
        count = self._count_fallback

        def fallback(keys: Sequence[bytes], now: float) -> Verdict | Awaitable[Verdict]:
            count()
            return local(keys, now)

        # Requests in advance make sense only where they save the question.
        leased = all(limit.lease > 1 for limit in limits)
        return (Leased if leased else Shared)(Asking(self._redis, limits), fallback).decide
