"""304s both ways; how they are answered is in `tests/flow/test_cache_validation.py`."""

from __future__ import annotations

import pytest

from gateway.caching.freshness import Policy
from gateway.caching.kept import Kept
from gateway.caching.validation import conditions_for, fields_of_304, has, is_about, made_fresh, not_since
from gateway.headers import HeaderBlock, Headers

NOW = 1_800_000_000.0


def kept(*fields: tuple[bytes, bytes], tags: tuple[bytes, ...] = ()) -> Kept:
    """Return an answer that is stale."""
    return Kept(200, HeaderBlock(Headers(fields)), b"body", NOW - 100, NOW, NOW, NOW, NOW, tags, 7)


@pytest.mark.parametrize(
    ("listed", "etag", "found"),
    [
        (b'"a"', b'"a"', True),
        (b'"a"', b'W/"a"', True),
        (b'W/"a"', b'"a"', True),
        (b'"b", "a"', b'"a"', True),
        (b"*", b'"a"', True),
        (b"*", None, True),
        (b'"a"', None, False),
        (b'"b"', b'"a"', False),
        (b"a", b'"a"', False),
        (b'"a"', b"a", False),
    ],
)
def test_tags_are_compared(listed: bytes, etag: bytes | None, found: bool) -> None:
    """By the weak comparison of RFC 9110 section 8.8.3.2."""
    assert has(listed, etag) is found


def test_dates_are_compared() -> None:
    """Not modified since: at that time, or before."""
    early, late = b"Mon, 08 Jun 2026 10:00:00 GMT", b"Mon, 08 Jun 2026 11:00:00 GMT"
    assert not_since(late, early)
    assert not_since(early, early)
    assert not not_since(early, late)
    assert not not_since(b"soon", late)
    assert not not_since(None, late)
    assert not not_since(early, None)


def test_both_validators_are_sent() -> None:
    """Those that there are."""
    both = kept((b"ETag", b'W/"1"'), (b"Last-Modified", b"then"))
    assert [(name, value) for _, name, value in conditions_for(both)] == [
        (b"If-None-Match", b'W/"1"'),
        (b"If-Modified-Since", b"then"),
    ]
    assert conditions_for(kept()) == []


def test_a_304_has_few_fields() -> None:
    """RFC 9110 section 15.4.5."""
    headers = Headers([(b"ETag", b"1"), (b"Content-Type", b"a/b"), (b"Vary", b"a"), (b"X-Own", b"1")])
    assert [name for name, _ in fields_of_304(headers)] == [b"ETag", b"Vary"]


@pytest.mark.parametrize(
    ("ours", "theirs", "about"),
    [
        ((b"ETag", b'"1"'), (b"ETag", b'"1"'), True),
        ((b"ETag", b'"1"'), (b"ETag", b'W/"1"'), True),
        ((b"ETag", b'"1"'), (b"ETag", b'"2"'), False),
        ((b"ETag", b'"1"'), (b"X", b""), True),
        ((b"Last-Modified", b"then"), (b"Last-Modified", b"then"), True),
        ((b"Last-Modified", b"then"), (b"Last-Modified", b"now"), False),
    ],
)
def test_what_a_304_is_about(ours: tuple[bytes, bytes], theirs: tuple[bytes, bytes], about: bool) -> None:
    """Its validator is that of what is kept, where it has one."""
    assert is_about(Headers([theirs]), kept(ours)) is about


def test_what_a_304_changes() -> None:
    """The fields that it has take the place of those that are kept, but for those that describe the content."""
    before = kept(
        (b"ETag", b'"1"'), (b"Content-Type", b"a/b"), (b"X-Own", b"1"), (b"X-Other", b"1"), (b"Date", b"long ago"),
        tags=(b"t",),
    )  # fmt: skip
    headers = Headers([(b"Cache-Control", b"max-age=60"), (b"Content-Type", b"c/d"), (b"X-Own", b"2")])

    merged, after = made_fresh(before, headers, Policy(), False, NOW, NOW)

    assert after is not None
    assert (after.body, after.tags, after.stamp, after.born, after.fresh) == (b"body", (b"t",), 7, NOW, NOW + 60)
    assert merged.get(b"content-type") == b"a/b"
    assert (merged.get(b"x-own"), merged.get(b"x-other")) == (b"2", b"1")
    assert after.block.index[b"date"] != b"long ago"


def test_a_304_may_forbid_to_keep_it() -> None:
    """What it says counts from now on."""
    _, after = made_fresh(
        kept((b"ETag", b'"1"')), Headers([(b"Cache-Control", b"no-store")]), Policy(), False, NOW, NOW
    )

    assert after is None
