"""What bounds the connections to a backend, as its pool reads it from the configuration.

# Note [Surplus connections]
A burst takes many connections, and all of them become unused at once. Were those over `max_idle` closed at that moment,
a client with 256 requests at a time would have most of its connections dialled for each burst. So they are kept for
`SURPLUS` seconds, and used first: who is used again within that time stays, the rest goes (D-315). With `max_idle: 0`
nothing is kept.
"""

from __future__ import annotations

from typing import Final, Protocol

SURPLUS: Final = 5.0
"""Seconds that one over `max_idle` may be unused; as in HAProxy (`pool-purge-delay`)."""


class PoolLimits(Protocol):
    """How large a pool may be.

    Attributes:
        max_idle: Kept open while nobody uses them; Note [Surplus connections] has what becomes of more.
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
