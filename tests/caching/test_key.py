"""What a request asks for, as a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.key import kept_query, make_key, url_of

_texts = st.binary(max_size=5).filter(lambda text: b"\n" not in text)
_values = st.lists(st.none() | _texts, max_size=3)
_parts = st.tuples(_texts, _texts, _texts, _texts, _texts, _values)


def _primary(parts: tuple[bytes, bytes, bytes, bytes, bytes, list[bytes | None]]) -> bytes:
    scope, scheme, host, path, target, values = parts
    return make_key(scope, "route", scheme, host, path, target, b"", values).primary


@given(_parts, _parts)
def test_what_differs_has_another_key(
    one: tuple[bytes, bytes, bytes, bytes, bytes, list[bytes | None]],
    other: tuple[bytes, bytes, bytes, bytes, bytes, list[bytes | None]],
) -> None:
    """No two requests that differ in a part share a key, however they are cut; no value is not an empty one."""
    if len(one[5]) == len(other[5]):
        assert (_primary(one) == _primary(other)) is (one == other)


@pytest.mark.parametrize(
    ("scheme", "host", "url"),
    [
        (b"http", b"example.com:80", b"example.com/a"),
        (b"https", b"example.com:443", b"example.com/a"),
        (b"http", b"example.com:443", b"example.com:443/a"),
        (b"http", b"example.com", b"example.com/a"),
        (b"http", b"[::1]:80", b"[::1]/a"),
    ],
)
def test_the_port_of_the_scheme_is_left_out_of_urls(scheme: bytes, host: bytes, url: bytes) -> None:
    """`http://example.com:80/a` is `http://example.com/a`, to whoever purges it; in the key they are two."""
    assert url_of(scheme, host, b"/a") == url
    assert make_key(b"", "r", scheme, host, b"/a", b"/a", b"").url == url
    assert host in make_key(b"", "r", scheme, host, b"/a", b"/a", b"").primary


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"a=1&b=2&a=3", b"a=1&a=3"),
        (b"%61=1", b"%61=1"),
        (b"b=2", b""),
        (b"b=2;a=1", b""),
        (b"a=1;b=2", b"a=1;b=2"),
        (b"&&a=1&", b"a=1"),
        (b"a", b"a"),
        (b"A=1", b""),
        (b"", b""),
    ],
)
def test_parameters_that_count_are_kept_as_written(query: bytes, kept: bytes) -> None:
    """Repeated ones all count; names are compared decoded; `;` separates nothing."""
    assert kept_query(query, frozenset([b"a"])) == kept
