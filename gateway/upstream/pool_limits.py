"""What bounds the connections to a backend, as its pool reads it from the configuration."""

from __future__ import annotations

from typing import Protocol


class PoolLimits(Protocol):
    """How large a pool may be.

    Attributes:
        max_idle: Kept open while nobody uses them.
        max_connections: Open at once, connecting ones included; those that are lent are not counted.
        idle_timeout: Seconds that one may be unused.
        max_age: Seconds from which one is not used again; 0 for no bound.
        max_pending: Attempts that may wait for one.
        queue_timeout: Seconds that they may wait.
    """

    @property
    def max_idle(self) -> int: ...

    @property
    def max_connections(self) -> int: ...

    @property
    def idle_timeout(self) -> float: ...

    @property
    def max_age(self) -> float: ...

    @property
    def max_pending(self) -> int: ...

    @property
    def queue_timeout(self) -> float: ...
