"""A part of an answer that is kept; how it goes out is in `tests/flow/test_cache.py`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.kept import Kept
from gateway.caching.ranges import UNSATISFIABLE, part_of
from gateway.headers import HeaderBlock, Headers


def kept(body: bytes, status: int = 200) -> Kept:
    """Return an answer."""
    return Kept(status, HeaderBlock(Headers()), body, 0, 0, 0, 0, 0)


def part(said: bytes, body: bytes, status: int = 200) -> tuple[int, int] | None:
    """Return what a request with a Range gets."""
    return part_of(Headers([(b"Range", said)]), kept(body, status))


@given(st.binary(max_size=20), st.integers(0, 25), st.none() | st.integers(0, 25))
def test_a_part_is_what_was_asked_for(body: bytes, first: int, last: int | None) -> None:
    """From one octet to another, both included, as far as there are any."""
    found = part(b"bytes=%d-%b" % (first, b"" if last is None else b"%d" % last), body)

    if last is not None and last < first:
        assert found is None
    elif first >= len(body):
        assert found == UNSATISFIABLE
    else:
        assert found is not None
        assert body[found[0] : found[1]] == body[first : None if last is None else last + 1]


@given(st.binary(max_size=20), st.integers(0, 25))
def test_the_end_of_it(body: bytes, count: int) -> None:
    """So many octets, or all."""
    found = part(b"bytes=-%d" % count, body)

    if count and body:
        assert found is not None
        assert body[found[0] : found[1]] == body[-count:]
    else:
        assert found == UNSATISFIABLE


@given(st.binary(max_size=20))
def test_any_octets_are_a_range_or_none(said: bytes) -> None:
    """Nothing that a client sends raises; only a 200 has parts."""
    found = part(b"bytes=" + said, b"hello")
    assert found is None or found == UNSATISFIABLE or (0 <= found[0] < found[1] <= 5)
    assert part(b"bytes=0-1", b"hello", 404) is None
