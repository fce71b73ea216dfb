"""Request fields in normal form; what that means for the cache is in `tests/flow/test_cache_keys.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.normal import normal, usual_codings


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        (b"accept", b" Text/HTML ; q=0.5 ,  */* ", b"text/html;q=0.5,*/*"),
        (b"accept-language", b"EN;q=1, de;q=1.000,fr;q=0.1", b"en,de,fr;q=0.1"),
        (b"accept-language", b"en;q=1.5", b"en;q=1.5"),
        (b"accept", b'a/b;x="Q, R"', b'a/b;x="Q, R"'),
        (b"x-device", b" A  b\t", b"A b"),
        (b"x-list", b"a, b", b"a, b"),
    ],
)
def test_normal_forms(name: bytes, value: bytes, wanted: bytes) -> None:
    """Only what means the same everywhere becomes the same."""
    assert normal(name, value) == wanted


@given(st.sampled_from([b"accept", b"accept-language", b"x-any"]), st.binary(max_size=30))
def test_a_normal_form_is_its_own(name: bytes, value: bytes) -> None:
    """Made twice it is what it was."""
    once = normal(name, value)
    assert normal(name, once) == once


@given(st.text("gzipbrstd ,;q=01.*x", max_size=30))
def test_codings_are_their_own(field: str) -> None:
    """What a backend is sent stands for itself."""
    once = usual_codings(field.encode())
    assert once is None or usual_codings(once) == once
