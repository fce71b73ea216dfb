from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.port import ConnectionLimit


def test_room_is_what_is_left() -> None:
    """Each connection takes a place and gives it back."""
    limit = ConnectionLimit(2)
    assert limit.room() == 2

    limit.enter()
    limit.enter()
    assert limit.room() == 0

    limit.leave()
    assert limit.room() == 1


def test_no_limit_is_room_for_all() -> None:
    """0 means none, as everywhere in the configuration."""
    limit = ConnectionLimit(0)
    limit.enter()

    assert limit.room() == sys.maxsize


def test_those_who_wait_are_told_once_when_there_is_room() -> None:
    """A port that waits is called at the first place that gets free, and not again."""
    limit = ConnectionLimit(1)
    told: list[str] = []
    limit.enter()
    limit.when_room(lambda: told.append("a"))
    limit.when_room(lambda: told.append("b"))
    assert told == []

    limit.leave()
    limit.enter()
    limit.leave()

    assert told == ["a", "b"]


def test_who_asks_while_there_is_room_is_told_at_once() -> None:
    """No call is lost between the question and the wait."""
    told: list[bool] = []

    ConnectionLimit(1).when_room(lambda: told.append(True))

    assert told == [True]


def test_a_higher_limit_makes_room() -> None:
    """A new configuration is felt without waiting for a connection to end."""
    limit = ConnectionLimit(1)
    told: list[bool] = []
    limit.enter()
    limit.when_room(lambda: told.append(True))

    limit.resize(2)

    assert told == [True]


def test_a_lower_limit_holds_back_until_enough_have_gone() -> None:
    """Room is never negative."""
    limit = ConnectionLimit(3)
    for _ in range(3):
        limit.enter()

    limit.resize(1)
    assert limit.room() == 0
    limit.leave()
    limit.leave()
    assert limit.room() == 0

    limit.leave()
    assert limit.room() == 1


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_a_port_that_heeds_room_never_holds_more_than_the_limit(steps: list[bool], most: int) -> None:
    """True is a client that comes, False one that goes; those who wait are let in when there is room."""
    limit = ConnectionLimit(most)
    queue = 0
    reading = True

    def read_again() -> None:
        nonlocal reading
        reading = True

    for comes in steps:
        if comes:
            queue += 1
        elif limit.held:
            limit.leave()
        while reading and queue and limit.room():
            queue -= 1
            limit.enter()
        if reading and not limit.room():
            reading = False
            limit.when_room(read_again)
        assert limit.held <= most
        assert limit.held == most or not queue
