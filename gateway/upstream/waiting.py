"""Who waits for a stream to one backend, in the order in which they came, and until when."""

from __future__ import annotations

from collections import OrderedDict

from gateway.transport.deadlines import NEVER
from gateway.upstream.contract import Hearer


class Waiting:
    """The queue of a backend."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: OrderedDict[Hearer, float] = OrderedDict()

    def join(self, hearer: Hearer, until: float) -> None:
        """Wait, until so many monotonic seconds."""
        self._until[hearer] = until

    def leave(self, hearer: Hearer) -> bool:
        """Wait no more; returns whether it did."""
        return self._until.pop(hearer, None) is not None

    def first(self) -> Hearer:
        """Return who came first, and waits no more."""
        return self._until.popitem(last=False)[0]

    def first_for(self, fresh: bool) -> Hearer | None:
        """Return who came first of those who take a connection that is fresh, or not; it waits no more."""
        for hearer in self._until:
            if fresh or not hearer.fresh:
                del self._until[hearer]
                return hearer
        return None

    def due(self, now: float) -> list[Hearer]:
        """Return those whose time is over; they wait on."""
        return [hearer for hearer, until in self._until.items() if until <= now]

    @property
    def earliest(self) -> float:
        """Until when one of them waits at least."""
        return min(self._until.values(), default=NEVER)

    def __len__(self) -> int:
        return len(self._until)
