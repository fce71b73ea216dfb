"""Answers made of what was kept; what of them goes out is in `tests/flow/test_cache.py`."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from gateway.body import Body
from gateway.caching.kept import Kept
from gateway.caching.key import make_key
from gateway.caching.memory import MemoryStore
from gateway.caching.status import hit
from gateway.headers import HeaderBlock, Headers
from gateway.http1.response_head import encode
from gateway.message import Request, Response
from gateway.middleware.cache_answer import answer, answer_hit

REQUEST = Request(b"GET", b"/", Headers([(b"Host", b"h")]), b"h")


def kept() -> Kept:
    """Return an answer that was made at second 100 and is fresh until 160."""
    fields = [(b"Content-Type", b"text/plain"), (b"Cache-Control", b"max-age=60"), (b"Date", b"then")]
    return Kept(200, HeaderBlock(Headers(fields)), b"hello", 100.25, 160.25, 160.25, 160.25, 160.25)


def lend(content: bytes, first: int, until: int) -> Body:
    """Make the body of a long answer; there is none here."""
    raise AssertionError(content, first, until)


def written(response: Response, changes: bool) -> tuple[bytes, object]:
    """Return what goes out, behind a step that adds a field, or takes one out."""
    if changes:
        response.headers.remove(b"content-type")
    response.headers.add(b"X-Request-ID", b"1")
    head, _ = encode(REQUEST, response, lambda: b"now", close=False)
    return head, response.body


@given(st.lists(st.tuples(st.floats(100.0, 160.0), st.integers(1, 4), st.booleans()), max_size=6), st.booleans())
def test_a_hit_is_the_same_whatever_was_answered_before(hits: list[tuple[float, int, bool]], says: bool) -> None:
    """Once and again within a second, in any order of times, and whatever steps do to the fields of others."""
    warm = kept()
    for now, times, changes in hits:
        for _ in range(times):
            cold = kept()
            expected = answer(cold, REQUEST, now, hit(cold, now) if says else b"", lend)
            assert written(answer_hit(warm, now, says), changes) == written(expected, changes)


def test_nothing_is_copied_for_the_same_hit() -> None:
    """From the third on within a second it is the fields of a block, and always the content itself."""
    warm = kept()
    for _ in range(2):
        answer_hit(warm, 110.0, says=True)

    one, other = answer_hit(warm, 110.0, says=True), answer_hit(warm, 110.1, says=True)

    assert one.headers.fields is other.headers.fields
    assert one.body is other.body is warm.body
    assert answer_hit(warm, 111.0, says=True).headers.fields is not one.headers.fields


def test_what_is_counted_is_what_is_held() -> None:
    """With what is remembered of hits: the bound of the store is one of memory."""
    store = MemoryStore(10**9)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(200):
            fields = [(b"X-Field-%d" % place, b"%d-%d" % (number, place) * 5) for place in range(8)]
            path = b"/%d" % number
            key = make_key(b"", "r", b"http", b"h", path, path, b"")
            one = Kept(200, HeaderBlock(Headers(fields)), b"x" * 100, 100.0, 160.0, 160.0, 160.0, 160.0, (), 1)
            store.keep(key, (), lambda names: (), one)
            for _ in range(3):
                written(answer_hit(one, 110.0, says=True), changes=False)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < store.octets < 2 * (after - before)
