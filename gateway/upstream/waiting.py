"""Who waits for a stream to one backend, in the order in which they came, and until when."""

from __future__ import annotations

from collections import OrderedDict

from gateway.transport.deadlines import NEVER
from gateway.upstream.contract import Hearer


class Waiting(OrderedDict[Hearer, float]):
    """The queue of a backend: hearers, and until when each of them waits.

    It is an `OrderedDict`, not an object with one: whether it is empty is asked twice a request.
    """

    __slots__ = ()

    def join(self, hearer: Hearer, until: float) -> None:
        """Wait, until so many monotonic seconds."""
        self[hearer] = until

    def leave(self, hearer: Hearer) -> bool:
        """Wait no more; returns whether it did."""
        return self.pop(hearer, None) is not None

    def first(self) -> Hearer:
        """Return who came first, and waits no more."""
        return self.popitem(last=False)[0]

    def first_for(self, fresh: bool) -> Hearer | None:
        """Return who came first of those who take a connection that is fresh, or not; it waits no more."""
        for hearer in self:
            if fresh or not hearer.fresh:
                del self[hearer]
                return hearer
        return None

    def due(self, now: float) -> list[Hearer]:
        """Return those whose time is over; they wait on."""
        return [hearer for hearer, until in self.items() if until <= now]

    @property
    def earliest(self) -> float:
        """Until when one of them waits at least."""
        return min(self.values(), default=NEVER)
