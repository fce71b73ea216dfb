"""In which order requests are replayed."""

from __future__ import annotations

from gateway.recorded.order import by_beginning
from gateway.recorded.request import Recorded


def request(line: int, began: float) -> Recorded:
    """Make one."""
    return Recorded(line, began, "GET", "/")


def test_requests_come_in_the_order_in_which_they_began() -> None:
    """A log has the slow ones after those that they were before; equal moments keep the order of the lines."""
    found = by_beginning([request(1, 5.0), request(2, 1.0), request(3, 5.0), request(4, 2.0)])

    assert [one.line for one in found] == [2, 4, 1, 3]


def test_no_more_are_held_than_was_said() -> None:
    """One that began long before comes late, but comes."""
    found = by_beginning([request(1, 5.0), request(2, 6.0), request(3, 7.0), request(4, 1.0)], held=2)

    assert [one.line for one in found] == [1, 4, 2, 3]
