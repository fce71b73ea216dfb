"""What clients cause fills no log: one line a minute of a kind, few of all kinds, and nothing goes uncounted."""

from __future__ import annotations

from gateway.limiting.sparing import AGAIN, AT_ONCE, MOST, Sparing, more


class Told:
    """A clock, and what asks by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sparing = Sparing(lambda: self.now)

    def tell(self, kind: object) -> int | None:
        return self.sparing.may_tell(kind)


def test_the_same_is_told_once_a_minute_and_how_often_it_was_not() -> None:
    """The first at once."""
    made = Told()

    assert [made.tell("a") for _ in range(4)] == [0, None, None, None]
    made.now += AGAIN - 1
    assert made.tell("a") is None
    made.now += 1
    assert [made.tell("a"), made.tell("a")] == [4, None]


def test_of_all_kinds_together_there_are_few() -> None:
    """So many at once, then one in two seconds; who had no place is counted, and told of when there is one."""
    made = Told()
    told = [made.tell(number) for number in range(AT_ONCE + 5)]

    assert told == [0] * AT_ONCE + [None] * 5
    made.now += 2
    assert [made.tell(AT_ONCE), made.tell(AT_ONCE + 1)] == [1, None]
    assert made.tell("another") is None


def test_it_knows_so_many_kinds() -> None:
    """However many names somebody makes up, memory is bounded."""
    made = Told()
    for number in range(3 * MOST):
        made.tell(number)

    assert len(made.sparing._kinds) <= MOST


def test_a_line_says_what_was_left_out() -> None:
    """Nothing where nothing was."""
    assert more(0) == ""
    assert more(3) == "; and 3 more since this was said last"
