"""What was found out before, by the octets or the text that it was found out of.

Asked for every request, so it is a dictionary: a subclass says how much is kept. Who fills it asks `came_before` first:
clients choose the keys, and what comes once must neither cost much nor displace what comes often.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from mypy_extensions import mypyc_attr

K = TypeVar("K", bound=bytes | str)
T = TypeVar("T")


@mypyc_attr(allow_interpreted_subclasses=True)
class Memo(dict[K, T]):
    """Results by octets, or by text; emptied when it is full.

    Attributes:
        most: Results that are remembered at once.
        longest: Octets (or characters) of the longest key that is remembered.
    """

    most: ClassVar[int] = 256
    longest: ClassVar[int] = 4096

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def came_before(self, key: K) -> bool:
        """Whether a result is worth remembering: its key is not too long, and has come before.

        Most keys that come once never come again: remembering those costs more than finding out, and displaces others.
        """
        if len(key) > self.longest:
            return False
        # Attributes of a subclass of dict are looked up by name, also when compiled: so each is asked for once.
        seen = self._seen
        mark = hash(key)
        if mark in seen:
            return True
        if len(seen) >= 4 * self.most:
            seen.clear()
        seen.add(mark)
        return False

    def remember(self, key: K, known: T) -> None:
        """Keep a result."""
        if len(self) >= self.most:
            self.clear()
        self[key] = known
