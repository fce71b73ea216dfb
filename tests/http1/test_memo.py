from __future__ import annotations

from gateway.http1.memo import HeadMemo


class Small(HeadMemo[int]):
    """A memo that is soon full."""

    heads = 3
    octets = 10


def test_a_head_is_worth_keeping_when_it_comes_again() -> None:
    """One that differs every time is never kept."""
    memo = Small()

    assert [memo.came_before(head) for head in (b"a", b"b", b"a", b"a", b"c")] == [False, False, True, True, False]


def test_a_long_head_is_not_worth_keeping() -> None:
    """What a client can make the gateway keep is bounded in octets."""
    memo = Small()

    assert [memo.came_before(b"a" * size) for size in (10, 10, 11, 11)] == [False, True, False, False]


def test_what_is_kept_is_bounded_in_number() -> None:
    """A full memo begins anew, and so do the marks of what was seen."""
    memo = Small()
    for number in range(100):
        head = b"%d" % number
        memo.came_before(head)
        memo.remember(head, number)
        assert memo[head] == number
        assert len(memo) <= Small.heads
        assert len(memo._seen) <= 4 * Small.heads
