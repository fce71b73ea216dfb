from __future__ import annotations

from gateway.http.memo import Memo


class Small(Memo[bytes, int]):
    """A memo that is soon full."""

    most = 3
    longest = 10


def test_a_key_is_worth_keeping_when_it_comes_again() -> None:
    """One that differs every time is never kept."""
    memo = Small()

    assert [memo.came_before(key) for key in (b"a", b"b", b"a", b"a", b"c")] == [False, False, True, True, False]


def test_a_long_key_is_not_worth_keeping() -> None:
    """What a client can make the gateway keep is bounded in octets."""
    memo = Small()

    assert [memo.came_before(b"a" * size) for size in (10, 10, 11, 11)] == [False, True, False, False]


def test_what_is_kept_is_bounded_in_number() -> None:
    """A full memo begins anew, and so do the marks of what was seen."""
    memo = Small()
    for number in range(100):
        key = b"%d" % number
        memo.came_before(key)
        memo.remember(key, number)
        assert memo[key] == number
        assert len(memo) <= Small.most
        assert len(memo._seen) <= 4 * Small.most
