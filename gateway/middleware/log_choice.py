"""Which exchanges the access log tells of, where it does not tell of all.

What failed is always written: an answer of 5xx, an error of the gateway
(refusals too: they are what an audit looks for), a client that went away.

Tests: `tests/middleware/test_log_choice.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.exchange import Exchange


class LogChoice:
    """Tell whether an exchange is written; all conditions that are given must hold, unless it failed."""

    __slots__ = ("_below", "_min_duration", "_min_status", "_paths", "_random", "_sample")

    def __init__(
        self,
        random: Callable[[], float],
        sample: float = 1.0,
        min_status: int = 0,
        min_duration: float = 0.0,
        exclude_paths: Iterable[str] = (),
    ) -> None:
        """Keep the conditions.

        Args:
            random: As `random.random`.
            sample: Share that is written.
            min_status: The least status that is written.
            min_duration: Seconds that an exchange must have taken.
            exclude_paths: Paths that are not written; one that ends in `*` stands for all that begin like it.
        """
        paths = [path.encode() for path in exclude_paths]
        self._random = random
        self._sample = sample
        self._min_status = min_status
        self._min_duration = min_duration
        self._paths = frozenset(path for path in paths if not path.endswith(b"*"))
        self._below = tuple(path[:-1] for path in paths if path.endswith(b"*"))

    def __call__(self, exchange: Exchange) -> bool:
        """Decide; once for an exchange, when it is over."""
        response = exchange.response
        if exchange.error is not None or response is None or response.status >= 500:
            return True
        if response.status < self._min_status or exchange.finished - exchange.started < self._min_duration:
            return False
        path = exchange.request.path
        # A path in another spelling than the normal one is never left out: `/static/../admin` begins like `/static/*`.
        if path == exchange.path and (path in self._paths or path.startswith(self._below)):
            return False
        return self._sample >= 1.0 or self._random() < self._sample
