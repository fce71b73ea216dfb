"""Which answers are kept, and for how long; more of it in `tests/flow/test_cache.py`."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.freshness import VALIDATABLE, Policy, chosen_by, keep, tags_of
from gateway.caching.kept import Kept
from gateway.headers import Headers
from gateway.http.caching import LONGEST

NOW = 1_800_000_000.0


def made(
    *fields: tuple[bytes, bytes], policy: Policy | None = None, asked: float = NOW, status: int = 200
) -> Kept | None:
    """Return an answer with some fields as it is kept."""
    return keep(status, Headers(fields), policy or Policy(), False, asked, NOW)


def times(kept: Kept | None) -> list[float]:
    """Return the times of an answer, as seconds from now."""
    assert kept is not None
    return [moment - NOW for moment in (kept.born, kept.fresh, kept.lent, kept.saved, kept.until)]


def date(seconds: float) -> bytes:
    """Return a date, so many seconds from now."""
    return formatdate(NOW + seconds, usegmt=True).encode()


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ([(b"Cache-Control", b"max-age=60")], [0, 60, 60, 60, 60]),
        ([(b"Cache-Control", b"max-age=60"), (b"Age", b"20")], [-20, 40, 40, 40, 40]),
        ([(b"Cache-Control", b"max-age=60"), (b"Age", b"20, 30")], [-30, 30, 30, 30, 30]),
        ([(b"Cache-Control", b"max-age=60"), (b"Date", date(-10))], [-10, 50, 50, 50, 50]),
        ([(b"Cache-Control", b"max-age=60"), (b"Date", date(100))], [0, 60, 60, 60, 60]),
        ([(b"Cache-Control", b"max-age=60"), (b"Date", date(-10)), (b"Age", b"5")], [-10, 50, 50, 50, 50]),
        ([(b"Expires", date(60)), (b"Date", date(-10))], [-10, 60, 60, 60, 60]),
        ([(b"Expires", date(60))], [0, 60, 60, 60, 60]),
        ([(b"Expires", date(90)), (b"Expires", date(60))], [0, 60, 60, 60, 60]),
        ([(b"Expires", b"Fri, 31 Dec 9999 23:59:59 GMT")], [0, *[LONGEST] * 4]),
        ([(b"Cache-Control", b"max-age=60, stale-while-revalidate=10")], [0, 60, 70, 60, 70]),
        ([(b"Cache-Control", b"max-age=60, stale-if-error=10")], [0, 60, 60, 70, 70]),
        ([(b"Cache-Control", b"max-age=60"), (b"ETag", b'"1"')], [0, 60, 60, 60, 60 + VALIDATABLE]),
        ([(b"Cache-Control", b"max-age=0"), (b"ETag", b'"1"')], [0, 0, 0, 0, VALIDATABLE]),
        ([(b"Cache-Control", b"no-cache, max-age=60"), (b"ETag", b'"1"')], [0, 0, 0, 0, VALIDATABLE]),
    ],
)
def test_times(fields: list[tuple[bytes, bytes]], wanted: list[float]) -> None:
    """RFC 9111 section 4.2, and RFC 5861."""
    assert times(made(*fields)) == wanted


def test_the_time_that_a_request_took_counts() -> None:
    """The age that an answer came with was true when it was sent, which may have been at once (section 4.2.3)."""
    assert times(made((b"Cache-Control", b"max-age=60"), (b"Age", b"20"), asked=NOW - 5))[:2] == [-25, 35]


def test_override_counts_from_now() -> None:
    """However old the answer says it is; how old it is, is still said."""
    kept = made((b"Age", b"1000"), (b"Cache-Control", b"max-age=1"), policy=Policy(override=30))
    assert times(kept)[:2] == [-1000, 30]


def test_fields_that_are_kept() -> None:
    """Not those of one hop, of the store, or with tags; a date is put in where there is none."""
    kept = made(
        (b"Cache-Control", b"max-age=60"),
        (b"Age", b"1"),
        (b"X-Request-ID", b"1"),
        (b"Surrogate-Key", b"a b"),
        (b"X-Own", b"1"),
    )
    assert kept is not None
    assert {name for name, _, _ in kept.block.fields} == {b"cache-control", b"x-own", b"date"}
    assert kept.tags == (b"a", b"b")


def test_tags() -> None:
    """Separated by blanks or commas, each once."""
    headers = Headers([(b"T", b"a, b a"), (b"T", b"c")])
    assert tags_of(headers, b"t") == (b"a", b"b", b"c")
    assert tags_of(headers, b"") == ()


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        (b"x" * 1024, True),
        (b"x" * 1025, False),
        (b" ".join(b"%d" % number for number in range(1000)), True),
        (b" ".join(b"%d" % number for number in range(1001)), False),
    ],
)
def test_what_could_not_be_purged_is_not_kept(tags: bytes, kept: bool) -> None:
    """A purge by a tag that was left out would not find the answer."""
    answer = made((b"Cache-Control", b"max-age=60"), (b"Surrogate-Key", tags))

    assert (answer is not None) is kept
    assert answer is None or len(answer.tags) == len(tags.split())


def test_chosen_by() -> None:
    """What `Vary` says, and what a coding says."""
    assert chosen_by(Headers([(b"Vary", b"B, a")])) == (b"a", b"b")
    assert chosen_by(Headers([(b"Vary", b"B"), (b"Content-Encoding", b"gzip")])) == (b"accept-encoding", b"b")
    assert chosen_by(Headers([(b"Vary", b"*"), (b"Content-Encoding", b"gzip")])) is None


_forbidding = st.sampled_from(["no-cache", "no-store", "private", "must-revalidate", "proxy-revalidate", 'private="a"'])
_others = st.sampled_from(["max-age=60", "max-age=0", "s-maxage=30", "public", 'no-cache="a"', "x", "stale-if-error=9"])
_directive = _forbidding | _others


@given(st.lists(_directive, max_size=4), st.booleans(), st.sampled_from([200, 206, 304, 404, 500]))
def test_what_forbids_it_forbids_it(said: list[str], identified: bool, status: int) -> None:
    """Whatever else is said: what must not be kept is not, and what must not be stale is not."""
    headers = Headers([(b"Cache-Control", ", ".join(said).encode()), (b"ETag", b'"1"')])
    kept = keep(status, headers, Policy(60, None, 60, 60), identified, NOW, NOW)

    if {"no-store", "private", 'private="a"'} & set(said) or status not in (200, 404):
        assert kept is None
    if identified and not {"public", "s-maxage=30", "must-revalidate"} & set(said):
        assert kept is None
    if kept is not None:
        assert kept.born <= kept.fresh <= min(kept.lent, kept.saved) <= kept.until
        if {"must-revalidate", "proxy-revalidate", "no-cache"} & set(said):
            assert kept.fresh == kept.lent == kept.saved
        if "no-cache" in said:
            assert kept.fresh <= NOW
