"""Write the values of JSON records: what `gateway.middleware.log_members` has in common.

The octets are those that `orjson` makes of the same record. Text is given to it, one value at a time, and what came
before is remembered: names of routes and backends, addresses, user agents. Numbers are written here.

Tests: `tests/middleware/test_log_members.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from orjson import dumps

from gateway.exchange import Exchange
from gateway.http.memo import Memo

NULL: Final = b"null"
_NUMBERS: Final = [b"%d" % number for number in range(2000)]
_FRACTIONS: Final = [b"." + (b"%03d" % number).rstrip(b"0") if number else b".0" for number in range(1000)]
_MOST_MICROSECONDS: Final = 1_000_000_000_000_000
"""Up to here a number of thousandths and the float next to it are written alike."""


class Octets(Memo[bytes, bytes]):
    """Values of request fields, as JSON."""

    most = 1024
    longest = 512


class Texts(Memo[str, bytes]):
    """Names and addresses, as JSON."""

    most = 1024
    longest = 512


def number(value: int) -> bytes:
    """Write an integer."""
    return _NUMBERS[value] if 0 <= value < 2000 else b"%d" % value


def milliseconds(seconds: float) -> bytes:
    """Write whole microseconds, as milliseconds: with a decimal point, and no more digits than there are."""
    microseconds = int(seconds * 1e6)
    if 0 <= microseconds < _MOST_MICROSECONDS:
        return number(microseconds // 1000) + _FRACTIONS[microseconds % 1000]
    return dumps(microseconds / 1e3)


class Member:
    """One member of the record.

    Attributes:
        before: What stands before its value: its name, behind what begins or separates members.
    """

    __slots__ = ("before",)

    def __init__(self) -> None:
        self.before = b""

    def stand_behind(self, before: bytes) -> None:
        """Have `before`; called once, before the first value: what is remembered has it in front."""
        self.before = before

    def value(self, exchange: Exchange) -> bytes:
        """Return `before` and the value in JSON: one object less to join than if they were two.

        Raises:
            TypeError: `orjson` does not write it: it has a lone surrogate in it.
        """
        raise NotImplementedError


class TextMember(Member):
    """A text that is one of a few, or comes from the same clients again and again."""

    __slots__ = ("_known", "_none")

    def __init__(self) -> None:
        super().__init__()
        self._known = Texts()
        self._none = NULL

    def stand_behind(self, before: bytes) -> None:
        super().stand_behind(before)
        self._none = before + NULL

    def quoted(self, text: str | None) -> bytes:
        """Write a text, or null."""
        if text is None:
            return self._none
        known = self._known.get(text)
        if known is None:
            known = self.before + dumps(text)
            if self._known.came_before(text):
                self._known.remember(text, known)
        return known


class OctetsMember(Member):
    """Octets that the same clients send again and again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        super().__init__()
        self._known = Octets()

    def quoted(self, octets: bytes, encoding: str, errors: str) -> bytes:
        """Write octets as text."""
        known = self._known.get(octets)
        if known is None:
            known = self.before + dumps(str(octets, encoding, errors))
            if self._known.came_before(octets):
                self._known.remember(octets, known)
        return known


class Expression(Member):
    """Any other member.

    Args:
        evaluate: Returns the value of `gateway.middleware.log_fields`.
    """

    __slots__ = ("_evaluate",)

    def __init__(self, evaluate: Callable[[Exchange], object]) -> None:
        super().__init__()
        self._evaluate = evaluate

    def value(self, exchange: Exchange) -> bytes:
        return self.before + dumps(self._evaluate(exchange))
