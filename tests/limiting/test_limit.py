"""Limits, and what is taken in advance of them."""

from __future__ import annotations

from gateway.limiting.limit import Limit, unused


def test_what_is_taken_in_advance_shortens_what_may_be_taken() -> None:
    """A request that is used later than it was taken must not add to those taken since."""
    limit = Limit(b"", "ip", 1000, 10.0, 100, lease=50)

    assert limit.leased_for == 0.2
    assert limit.counted_window == 10.2
    assert limit.counted_burst == 80


def test_one_by_one_nothing_is_taken_in_advance() -> None:
    """The window is the window."""
    limit = Limit(b"", "ip", 1000, 10.0, 100)

    assert (limit.leased_for, limit.counted_window, limit.counted_burst) == (0.0, 10.0, 100)


def test_a_share_is_never_nothing() -> None:
    """Instances that do not know of each other let a little too much through rather than nobody."""
    share = Limit(b"", "ip", 10, 60.0, 5, lease=4).share(8)

    assert (share.requests, share.burst, share.lease) == (1, 1, 1)


def test_who_has_used_nothing_may_do_what_a_burst_allows() -> None:
    """Not more than is said to be left after that; a window knows no burst."""
    assert unused(Limit(b"", "ip", 100, 60.0, 5)).remaining == 5
    assert unused(Limit(b"", "ip", 100, 60.0, 500)).remaining == 100
    assert unused(Limit(b"", "ip", 100, 60.0, 5, sliding=True)).remaining == 100


def test_who_has_used_nothing_may_go_on_at_once() -> None:
    """Nothing is waited for, and nothing has to come back."""
    verdict = unused(Limit(b"", "ip", 100, 60.0, 5))

    assert (verdict.allowed, verdict.retry_after, verdict.full_in) == (True, 0.0, 0.0)
