"""How many exchanges the gateway has in flight, and how many of them hold a place of `limits.in_flight`.

An exchange whose content is gathered first (`gateway.middleware.request_buffer`) holds no place until that content
is there: otherwise a few clients that send one octet a second would hold all of them.
`gateway.serving.tree.Root` counts exchanges here; the steps of `gateway.middleware.admission` say which of them
still arrive.
"""

from __future__ import annotations

from collections.abc import Hashable


class Occupancy:
    """The exchanges in flight.

    Attributes:
        in_flight: Exchanges between the end of their head and their last octet.
        arriving: Those of them whose content is still to be gathered.
    """

    __slots__ = ("arriving", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self.arriving: set[Hashable] = set()

    @property
    def places_held(self) -> int:
        """Exchanges that count towards `limits.in_flight`."""
        return self.in_flight - len(self.arriving)
