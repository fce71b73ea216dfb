"""What a source of members promises, and what it fails with.

Implemented by the sources beside this module, called by `gateway.discovery.finder`. One contract suite runs on all of
them.

Tests: `tests/contracts/test_sources.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from gateway.discovery.members import Member


class SourceFault(Exception):
    """The place cannot be asked, or what it says cannot be used; the words are for the log, and hold no secret."""


class Answer(NamedTuple):
    """All that a place knows at one time.

    Attributes:
        members: What can be used, each URL once.
        refused: Of what cannot be used, why.
    """

    members: Iterable[Member]
    refused: list[str]


Tell = Callable[[Answer], None]
"""Takes a whole answer, not what has changed; the same one may be told again."""


class Source(Protocol):
    """A place that knows members.

    Attributes:
        longest_pause: Seconds until it is asked again, however often it has failed.
    """

    longest_pause: float

    async def follow(self, tell: Tell) -> None:
        """Ask, tell, and go on telling whenever there is news.

        Ends when the place has ended what it was asked and may be asked again at once; a cancelled one leaves nothing
        behind.

        Raises:
            SourceFault: It has to be asked again, after a while.
        """

    def close(self) -> None:
        """Let go of what is kept for the next question; nobody follows it any more."""
