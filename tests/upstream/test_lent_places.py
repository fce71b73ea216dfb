"""Lent places: who has lent, in which order, and who is given up; see also tests/flow/test_dawdlers.py."""

from __future__ import annotations

from gateway.upstream.contract import Connection
from gateway.upstream.lent_places import LentPlaces


class Slow(Connection):
    """A connection that says when it is given up."""

    def __init__(self, name: str, told: list[str]) -> None:
        super().__init__(1)
        self.name = name
        self.told = told

    def give_up(self) -> None:
        self.told.append(self.name)


def test_a_place_is_lent_once() -> None:
    """And given back once; that it was lent is remembered on the connection."""
    lent = LentPlaces(2)
    slow = Slow("slow", [])

    assert [lent.lend(slow), lent.lend(slow), len(lent)] == [True, False, 1]
    assert [lent.reclaim(slow), lent.reclaim(slow), len(lent)] == [True, False, 0]
    assert slow.has_lent


def test_who_has_waited_longest_goes() -> None:
    """Since it lent its place the last time."""
    told: list[str] = []
    lent = LentPlaces(2)
    first, second = Slow("first", told), Slow("second", told)
    for one in (first, second):
        lent.lend(one)
    assert lent.all_lent
    lent.reclaim(first)
    assert not lent.all_lent
    lent.lend(first)
    lent.give_up_longest()

    assert told == ["second"]
