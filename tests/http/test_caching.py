"""What a message says of caches (RFC 9111)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.http.caching import LONGEST, age, date, directives, field_names, keep_from_shared_caches, seconds, varies


def fields(*lines: bytes) -> Headers:
    """Return header fields from lines."""
    return Headers([(line.partition(b":")[0], line.partition(b":")[2].strip()) for line in lines])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ()),
        ([b"Vary: Accept-Encoding"], (b"accept-encoding",)),
        ([b"Vary: Origin , accept", b"Vary: ACCEPT"], (b"accept", b"origin")),
        ([b"Vary: accept, *"], None),
    ],
)
def test_what_an_answer_was_chosen_by(lines: list[bytes], expected: tuple[bytes, ...] | None) -> None:
    """Section 4.1."""
    assert varies(fields(*lines)) == expected


@pytest.mark.parametrize(("lines", "expected"), [([], 0), ([b"Age: 70"], 70), ([b"Age: x"], 0), ([b"Age: -3"], 0)])
def test_how_old_it_came(lines: list[bytes], expected: float) -> None:
    """Section 5.1."""
    assert age(fields(*lines)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], [b"Cache-Control: private"]),
        ([b"Cache-Control: public, max-age=60, s-maxage=90"], [b"Cache-Control: max-age=60, private"]),
        ([b"Cache-Control: Public", b"Cache-Control: immutable"], [b"Cache-Control: immutable, private"]),
        ([b'Cache-Control: private="X", max-age="5"'], [b'Cache-Control: max-age="5", private']),
        ([b"Cache-Control: private, max-age=60"], [b"Cache-Control: private, max-age=60"]),
        ([b"Cache-Control: no-store", b"Surrogate-Control: x"], [b"Cache-Control: no-store", b"Surrogate-Control: x"]),
        ([b"CDN-Cache-Control: max-age=9", b"surrogate-control: max-age=9"], [b"Cache-Control: private"]),
    ],
)
def test_kept_from_shared_caches(lines: list[bytes], expected: list[bytes]) -> None:
    """What is for one client is kept by that client only, and no longer than before."""
    headers = fields(*lines)

    keep_from_shared_caches(headers)

    assert headers == fields(*expected)


def read(*lines: bytes) -> dict[bytes, bytes]:
    """Return the directives of a message with these lines."""
    return dict(directives(Headers([(b"Cache-Control", line) for line in lines])))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"max-age=60", {b"max-age": b"60"}),
        (b"MAX-AGE=60 , no-store", {b"max-age": b"60", b"no-store": b""}),
        (b'max-age="60"', {b"max-age": b"60"}),
        (b"max-age = 60", {b"max-age": b"60"}),
        (b"max-age", {b"max-age": b""}),
        (b"max-age=60, max-age=10", {b"max-age": b"10"}),
        (b"max-age=10, max-age=60", {b"max-age": b"10"}),
        (b"max-age=10, max-age=soon", {b"max-age": b"soon"}),
        (b'no-cache="a, b", max-age=1', {b"no-cache": b"a, b", b"max-age": b"1"}),
        (b'no-cache="a", no-cache="b"', {b"no-cache": b"a,b"}),
        (b'no-cache="a", no-cache', {b"no-cache": b""}),
        (b'foo="max-age=60"', {b"foo": b"max-age=60"}),
        (b'foo="a\\"b, no-store"', {b"foo": b'a\\"b, no-store'}),
        (b"=, no-store", {b"no-store": b""}),
        (b"max-age=6 0, no-store", {b"max-age": b"", b"no-store": b""}),
        (b'"no-store", public', {b"no-store": b"", b"public": b""}),
        (b"private; max-age=60", {b"private": b"", b"max-age": b""}),
        (b"No-Store;max-age=60, public", {b"no-store": b"", b"max-age": b"", b"public": b""}),
        (b"no-store no-cache", {b"no-store": b"", b"no-cache": b""}),
        (b'private="x, max-age=60', {b"private": b"", b"max-age": b"60"}),
        (b'no-cache="x', {b"no-cache": b""}),
        (b"public; immutable; stale-if-error=5", {}),
        (b"", {}),
        (b",,", {}),
    ],
)
def test_directives_are_read(line: bytes, found: dict[bytes, bytes]) -> None:
    """Of one that is repeated the smaller number counts, of one for fields all of them.

    Of what is not well-formed, what forbids something counts; the rest is passed over.
    """
    assert read(line) == found


def test_lines_are_one_list() -> None:
    """However many there are."""
    assert read(b"max-age=60", b"public") == {b"max-age": b"60", b"public": b""}
    assert dict(directives(Headers())) == {}


@given(st.binary(max_size=60))
def test_any_octets_are_read(line: bytes) -> None:
    """And `no-store` behind them is found, where they do not open a quotation."""
    read(line)
    assert b'"' in line or b"no-store" in read(line + b",no-store")


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"0", 0), (b"60", 60), (b"99999999999", LONGEST), (b"-1", None), (b"1.5", None), (b"", None), (None, None)],
)
def test_seconds(text: bytes | None, number: float | None) -> None:
    """Whole ones, and no more than RFC 9111 wants."""
    assert seconds(text) == number


def test_names() -> None:
    """Of fields, in lower case."""
    assert field_names(b" Set-Cookie ,, X-Own") == (b"set-cookie", b"x-own")


def test_dates() -> None:
    """Those of RFC 9110, and nothing else."""
    assert date(b"Thu, 01 Jan 1970 00:01:00 GMT") == 60
    assert date(b"Thursday, 01-Jan-70 00:01:00 GMT") == 60
    assert date(b"0") is None
    assert date(b"") is None


def test_a_date_without_a_zone_is_that_of_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form of asctime, wherever the gateway runs."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert date(b"Thu Jan  1 00:02:00 1970") == 120
        assert date(b"Thu, 01 Jan 1970 00:02:00 -0000") == 120
    finally:
        monkeypatch.undo()
        time.tzset()
