"""All connections of a store go to one master: the one that sentinels have named last (D-209).

Asked by `gateway.storage.redis_link` when a server that a sentinel named has
answered. A master that stood still while it was replaced says that it is the
master until a sentinel reaches it, some ten seconds later: what it is asked by
then is counted by nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

Place = tuple[str, int]
"""Host and port."""


class Named(Protocol):
    """What is asked of `gateway.storage.redis_link.Link`."""

    @property
    def master(self) -> Place | None: ...

    @property
    def named(self) -> float: ...

    def drop(self) -> None: ...


class OneMaster:
    """Which master is in use.

    Attributes:
        links: All connections of the store.
    """

    __slots__ = ("_named", "_place", "links")

    def __init__(self) -> None:
        self.links: Sequence[Named] = ()
        self._place: Place | None = None
        self._named = 0.0

    def agrees(self, link: Named) -> bool:
        """Whether a master that has answered is the one to use; the connections to another one are let go of then.

        Only who has answered takes the others along: a sentinel may be behind, and name a master that is gone.
        """
        if self._place is not None and link.master != self._place:
            if link.named < self._named:
                return False
            for other in self.links:
                if other is not link and other.master != link.master:
                    other.drop()
        self._place, self._named = link.master, max(link.named, self._named)
        return True
