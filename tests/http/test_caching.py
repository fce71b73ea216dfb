"""What a shared cache may keep (RFC 9111)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.headers import Headers
from gateway.http.caching import LONGEST, age, directives, keep_from_shared_caches, may_keep, usable, varies


def fields(*lines: bytes) -> Headers:
    """Return header fields from lines."""
    return Headers([(line.partition(b":")[0], line.partition(b":")[2].strip()) for line in lines])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], {}),
        ([b"Cache-Control: max-age=60, Public"], {b"max-age": b"60", b"public": b""}),
        ([b"Cache-Control: max-age=60", b"Cache-Control: no-store"], {b"max-age": b"60", b"no-store": b""}),
        ([b'Cache-Control: private="Set-Cookie, X", max-age="5"'], {b"private": b"Set-Cookie, X", b"max-age": b"5"}),
        ([b"Cache-Control: max-age=1, max-age=2"], {b"max-age": b"1"}),
        ([b"Cache-Control: ,, =x, ,max-age"], {b"x": b"", b"max-age": b""}),
    ],
)
def test_directives(lines: list[bytes], expected: dict[bytes, bytes]) -> None:
    """Section 5.2: case does not matter, arguments may be quoted."""
    assert directives(fields(*lines)) == expected


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


@pytest.mark.parametrize(
    ("status", "lines", "identified", "expected"),
    [
        (200, [], False, True),
        (200, [b"Cache-Control: max-age=0"], False, True),
        (404, [], False, False),
        (206, [], False, False),
        (204, [], False, False),
        (200, [b"Cache-Control: no-store"], False, False),
        (200, [b"Cache-Control: NO-STORE, public"], False, False),
        (200, [b"Cache-Control: private"], False, False),
        (200, [b'Cache-Control: private="x"'], False, False),
        (200, [b"Cache-Control: no-cache"], False, False),
        (200, [b"Set-Cookie: a=b"], False, False),
        (200, [], True, False),
        (200, [b"Cache-Control: max-age=60"], True, False),
        (200, [b"Cache-Control: public"], True, True),
        (200, [b"Cache-Control: s-maxage=60"], True, True),
        (200, [b"Cache-Control: must-revalidate, max-age=5"], True, True),
        (200, [b"Cache-Control: public, private"], True, False),
    ],
)
def test_what_may_be_kept(status: int, lines: list[bytes], identified: bool, expected: bool) -> None:
    """Sections 3 and 3.5: what was said to somebody is for them alone, unless the server says otherwise."""
    headers = fields(*lines)

    assert may_keep(status, headers, directives(headers), identified) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], 1000),
        ([b"Cache-Control: max-age=60"], 1060),
        ([b"Cache-Control: max-age=60, s-maxage=10"], 10),
        ([b"Cache-Control: max-age=60, must-revalidate"], 60),
        ([b"Cache-Control: max-age=60, proxy-revalidate"], 60),
        ([b"Cache-Control: must-revalidate"], 0),
        ([b"Cache-Control: max-age=60, stale-if-error=30"], 90),
        ([b"Cache-Control: max-age=60, stale-if-error=5000"], 1060),
        ([b"Cache-Control: max-age=x"], 1000),
        ([b"Cache-Control: max-age=-1"], 1000),
        ([b"Cache-Control: max-age=99999999999999999999"], LONGEST + 1000),
        ([b"Date: Sat, 21 Nov 2026 10:00:00 GMT", b"Expires: Sat, 21 Nov 2026 10:01:00 GMT"], 1060),
        ([b"Date: Sat, 21 Nov 2026 10:00:00 GMT", b"Expires: Sat, 21 Nov 2026 09:00:00 GMT"], 1000),
        ([b"Date: Sat, 21 Nov 2026 10:00:00 GMT", b"Expires: 0"], 1000),
        ([b"Date: Sat, 21 Nov 2026 10:00:00 GMT", b"Expires: Sat, 21 Nov 2026 10:01:00"], 1000),
        ([b"Expires: Sat, 21 Nov 2026 10:01:00 GMT"], 1000),
    ],
)
def test_for_how_long_it_may_be_used(lines: list[bytes], expected: float) -> None:
    """Section 4.2: while it is fresh; longer by what is configured, unless the server forbids or says less."""
    headers = fields(*lines)

    assert usable(headers, directives(headers), 1000) == expected


@pytest.mark.parametrize(("lines", "expected"), [([], 0), ([b"Age: 70"], 70), ([b"Age: x"], 0), ([b"Age: -3"], 0)])
def test_how_old_it_came(lines: list[bytes], expected: float) -> None:
    """Section 5.1."""
    assert age(fields(*lines)) == expected


@given(st.binary(max_size=60), st.binary(max_size=40), st.binary(max_size=40))
def test_no_field_of_a_backend_breaks_it(control: bytes, expires: bytes, date: bytes) -> None:
    """Whatever they say, there is an answer."""
    headers = Headers([(b"Cache-Control", control), (b"Expires", expires), (b"Date", date), (b"Age", expires)])

    assert usable(headers, directives(headers), 10) >= 0
    assert age(headers) >= 0


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
