"""What callers of a store must reckon with."""

from __future__ import annotations

from gateway.storage.replies import code_of, meaning_of, place_of


class StoreUnavailable(Exception):
    """A store did not do what it was asked, within its time or at all.

    Not an error of an exchange: who asked decides whether it becomes one (`gateway.errors`), or does without.

    Attributes:
        reason: One word: `down`, `timeout`, `lost`, `refused`.
    """

    def __init__(self, reason: str = "down", words: str = "") -> None:
        super().__init__(f"{reason}: {words}" if words else reason)
        self.reason = reason


class CommandRefused(StoreUnavailable):
    """Redis answered with an error.

    Attributes:
        code: `NOSCRIPT`, `READONLY`, `NOAUTH`, `MOVED`, …, also where a script wraps it (`gateway.storage.replies`).
        meaning: What the store does about it (`gateway.storage.replies`).
        place: Slot, host and port where the key is, for MOVED and ASK.
    """

    def __init__(self, answer: str) -> None:
        self.code = code_of(answer)
        self.meaning = meaning_of(self.code)
        self.place = place_of(answer)
        # The code only: what follows it may quote the command, and with it a key or a password.
        super().__init__("refused", self.code)
