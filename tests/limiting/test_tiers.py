"""Which of several limits speaks."""

from __future__ import annotations

from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.tiers import tightest

LIMIT = Limit(b"", "ip", 10, 60.0, 10)


def allowed(remaining: int, full_in: float = 0.0) -> Verdict:
    """A permission."""
    return Verdict(True, LIMIT, remaining, 0.0, full_in)


def refused(retry_after: float) -> Verdict:
    """A refusal."""
    return Verdict(False, LIMIT, 0, retry_after, 60.0)


def test_a_refusal_goes_before_a_permission() -> None:
    """Whatever is left elsewhere."""
    no = refused(1.0)

    assert tightest([allowed(0), no, allowed(5)]) is no


def test_the_longest_refusal_speaks() -> None:
    """Before that is over nothing passes."""
    long = refused(30.0)

    assert tightest([refused(1.0), long]) is long


def test_the_limit_with_the_fewest_requests_left_speaks() -> None:
    """Of equals, the one that takes longest to recover."""
    fewest, slowest = allowed(1, 5.0), allowed(1, 9.0)

    assert tightest([allowed(3), fewest, slowest]) is slowest


def test_a_verdict_says_what_it_is() -> None:
    """In a test that fails, for one."""
    assert repr(allowed(3)) == "<Verdict allowed, 3 of 10 left>"
    assert repr(refused(1.5)) == "<Verdict refused for 1.5 s, 0 of 10 left>"
