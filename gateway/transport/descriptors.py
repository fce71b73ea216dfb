"""How many descriptors the process may have: each connection takes one, to a client or to a backend.

Most systems start programs with a soft limit of 1,024, for the sake of those
that still use `select`, and a hard limit that a program may raise it to.
"""

from __future__ import annotations

import resource
from contextlib import suppress

OWN = 64
"""Descriptors that the gateway needs for itself: ports, logs, the event loop, Redis."""


def raise_limit() -> None:
    """Raise the soft limit to the hard one; where that fails, the limit stays as it was."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS has a hard limit that it does not take
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def limit(*, hard: bool = False) -> int | None:
    """Give the number that this process may have, or may raise it to; None for no limit."""
    found = resource.getrlimit(resource.RLIMIT_NOFILE)[hard]
    return None if found == resource.RLIM_INFINITY else found


def shortage(connections: int, most: int | None) -> str | None:
    """Say what is wrong with holding so many clients where there are `most` descriptors; None where nothing is.

    Args:
        connections: `limits.connections`.
        most: What the process may have; None for no limit.
    """
    if most is None or connections + OWN < most:
        return None
    return (
        f"limits.connections is {connections}, and this process may have {most} descriptors (ulimit -n, LimitNOFILE): "
        f"with {max(0, most - OWN)} clients none is left for a backend. Raise the limit, or lower limits.connections"
    )
