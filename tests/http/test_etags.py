"""Entity tags of `If-None-Match`."""

from __future__ import annotations

import pytest

from gateway.http.etags import is_among


@pytest.mark.parametrize("field", [b'"a"', b'W/"a"', b'"b","a"', b'"b" ,\tW/"a"', b'"b, c", "a"', b"*", b"\t*"])
def test_it_is_among_them(field: bytes) -> None:
    """Weak comparison (RFC 9110 section 8.8.3.2): a tag that is weak equals one that is not."""
    assert is_among(b'"a"', field)


@pytest.mark.parametrize(
    "field", [b"", b"a", b'"b"', b'w/"b"', b'"a', b'a"', b'"A"', b'"b,"', b'"*"', b"**", b'"b", *']
)
def test_it_is_not(field: bytes) -> None:
    """Case counts, and so do the quotes."""
    assert not is_among(b'"a"', field)
