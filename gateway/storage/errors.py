"""What callers of a store must reckon with."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """A store did not do what it was asked, within its time or at all.

    Not an error of an exchange until somebody says so.

    Attributes:
        reason: One word: `down`, `timeout`, `lost`, `refused`.
    """

    def __init__(self, reason: str = "down", words: str = "") -> None:
        super().__init__(f"{reason}: {words}" if words else reason)
        self.reason = reason


class CommandRefused(StoreUnavailable):
    """Redis answered with an error.

    Attributes:
        code: Its first word: `NOSCRIPT`, `READONLY`, `NOAUTH`, `MOVED`, …
    """

    def __init__(self, answer: str) -> None:
        self.code = answer.partition(" ")[0]
        # The code only: what follows it may quote the command, and with it a key or a password.
        super().__init__("refused", self.code)
