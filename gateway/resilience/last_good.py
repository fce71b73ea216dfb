"""Memory of the last good answers of an upstream, for when it cannot be asked.

Layer 2: bounded by the octets that it holds, the least used goes first. What
may be kept, and until when, `gateway.http.caching` says; who records and who
asks is in `gateway.middleware.last_good`. `now` is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from gateway.headers import Headers

MOST_VARIANTS = 8
"""Answers kept for one address that differ by the request (`Vary`)."""
OVERHEAD = 512
"""Octets that an answer takes beside its content and fields, roughly; a field takes a fifth of it."""

Values = tuple[bytes | None, ...]
"""What the request fields of `Answer.varies` were."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One that was kept.

    Attributes:
        headers: Its fields.
        body: Its content.
        varies: Lower-case names of the request fields that it was chosen by.
        values: What these were.
        made: Monotonic seconds, by the age that it came with.
        until: Monotonic seconds when it may not be used any more.
    """

    headers: Headers
    body: bytes
    varies: tuple[bytes, ...]
    values: Values
    made: float
    until: float

    @property
    def octets(self) -> int:
        """Return what it takes up."""
        fields = sum([len(name) + len(value) + OVERHEAD // 5 for _, name, value in self.headers.fields])
        return len(self.body) + fields + OVERHEAD


class LastGood:
    """The answers of one upstream.

    Args:
        most: Octets that it may hold; those that are being recorded may be as many again.

    Attributes:
        octets: What it holds.
    """

    __slots__ = ("_answers", "_most", "_reserved", "octets")

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Hashable, list[Answer]] = OrderedDict()
        self._reserved = 0
        self.octets = 0

    def reserve(self, octets: int) -> bool:
        """Ask for room to record an answer; returns whether there is some. To be released."""
        if self._reserved + octets > self._most:
            return False
        self._reserved += octets
        return True

    def release(self, octets: int) -> None:
        """The recording is over."""
        self._reserved -= octets

    def keep(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer in place of the one before it."""
        if answer.octets > self._most:
            return
        answers = self._answers.setdefault(key, [])
        self._answers.move_to_end(key)
        for older in answers:
            if older.varies == answer.varies and older.values == answer.values:
                answers.remove(older)
                self.octets -= older.octets
                break
        answers.append(answer)
        self.octets += answer.octets
        if len(answers) > MOST_VARIANTS:
            self.octets -= answers.pop(0).octets
        while self.octets > self._most:
            self._drop(next(iter(self._answers)))

    def find(self, key: Hashable, values: Callable[[tuple[bytes, ...]], Values], now: float) -> Answer | None:
        """Return the newest answer that fits a request, None without one.

        Args:
            key: What was asked for.
            values: Tells what the request has in some fields.
            now: Monotonic seconds.
        """
        for answer in reversed(self._answers.get(key, ())):
            if now < answer.until and answer.values == values(answer.varies):
                self._answers.move_to_end(key)
                return answer
        return None

    def forget(self, key: Hashable) -> None:
        """What was asked for has been changed."""
        if key in self._answers:
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self.octets -= sum([answer.octets for answer in self._answers.pop(key)])

    def __len__(self) -> int:
        return sum(map(len, self._answers.values()))
