"""What a request asks of a cache; how it is answered is in `tests/flow/test_cache.py`."""

from __future__ import annotations

import pytest

from gateway.caching.kept import Kept
from gateway.caching.wishes import NO_WISHES, wishes
from gateway.headers import HeaderBlock, Headers

KEPT = Kept(200, HeaderBlock(Headers()), b"", 100, 160, 160, 160, 160)


@pytest.mark.parametrize(
    ("said", "now", "fresh", "demanding"),
    [
        (b"", 159, True, False),
        (b"", 160, False, False),
        (b"no-cache", 100, False, True),
        (b"max-age=10", 110, True, True),
        (b"max-age=10", 110.5, False, True),
        (b"max-age=oops", 100, True, True),
        (b"max-age=oops", 101, False, True),
        (b"min-fresh=10", 149, True, True),
        (b"min-fresh=10", 150, False, True),
        (b"max-stale=10", 165, False, False),
    ],
)
def test_what_is_fresh_enough(said: bytes, now: float, fresh: bool, demanding: bool) -> None:
    """A wish makes an answer less fresh, never more."""
    made = wishes(Headers([(b"Cache-Control", said)]))

    assert (made.fresh(KEPT, now), made.demanding) == (fresh, demanding)


def test_nothing_is_made_where_nothing_is_asked() -> None:
    """As in nearly every request."""
    assert wishes(Headers([(b"Host", b"h")])) is NO_WISHES
