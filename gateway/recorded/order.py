"""Put requests into the order in which they began: a log has them in the order in which they ended.

Tests: `tests/recorded/test_order.py`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.recorded.request import Recorded

HELD: Final = 10_000
"""Requests that are held back at most, to see whether one comes that began before them."""


def by_beginning(requests: Iterable[Recorded], held: int = HELD) -> Iterator[Recorded]:
    """Yield requests in the order in which they began, and of those that began at once in that of their lines.

    Args:
        requests: In the order of a log.
        held: How many are kept in memory. One that took longer than so many others after it comes late, but comes.
    """
    heap: list[tuple[float, int, Recorded]] = []
    for request in requests:
        item = (request.began, request.line, request)
        if len(heap) < held:
            heapq.heappush(heap, item)
        else:
            yield heapq.heappushpop(heap, item)[2]
    while heap:
        yield heapq.heappop(heap)[2]
