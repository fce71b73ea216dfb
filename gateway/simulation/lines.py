"""Connections of clients: one request at a time on each, and kept for the next.

Tests: `tests/simulation/test_lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpResponseParser
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from gateway.memory.end import End

Answered = Callable[["Line", int], None]
"""Takes a connection and the status that came on it, 0 where it ended without an answer."""


class Line(End):
    """A client's connection.

    Args:
        answered: Is told of each answer.

    Attributes:
        asked_at: Seconds when the request was made that is under way.
        usable: Whether another request may be made on it when that is answered.
    """

    def __init__(self, answered: Answered) -> None:
        super().__init__()
        self.asked_at = 0.0
        self.usable = True
        self._answered = answered
        self._waits = False
        self._is_head = False
        self._parser = HttpResponseParser(self)

    def ask(self, octets: bytes, is_head: bool, now: float) -> None:
        """Make a request.

        Args:
            octets: All of it.
            is_head: Whether its method is HEAD: the answer has no content, and nothing else is asked behind it.
            now: Seconds.
        """
        self.asked_at, self._waits, self._is_head = now, True, is_head
        self.send(octets)

    def dataReceived(self, data: bytes) -> None:
        """Read; nothing is kept."""
        self._parser.feed_data(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over, perhaps without an answer."""
        super().connectionLost(reason)
        self.usable = False
        if self._waits:
            self._waits = False
            self._answered(self, 0)

    # Called by httptools.

    def on_headers_complete(self) -> None:
        """The parser does not know that there is no content, so it is not asked again."""
        if self._is_head and self._parser.get_status_code() >= 200:
            self._complete(keeps=False)

    def on_message_complete(self) -> None:
        """An answer is there; one before it (1xx) is none."""
        if self._parser.get_status_code() >= 200:
            self._complete(keeps=self._parser.should_keep_alive())

    def _complete(self, keeps: bool) -> None:
        if not self._waits:
            return
        self._waits = False
        self.usable = keeps
        if not keeps:
            self.close()
        self._answered(self, self._parser.get_status_code())
