from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.pem import certificates
from tests.pki import Authority, key_pem, pem

ONE, TWO = Authority("One"), Authority("Two")
TWO_PEM = pem(TWO.certificate)


def test_all_are_read_in_their_order() -> None:
    """Whatever stands between them: words, a key, lines of another system."""
    _, key = ONE.issue("a.example")
    content = b"subject=One\n" + pem(ONE.certificate) + key_pem(key) + TWO_PEM.replace(b"\n", b"\r\n")

    assert certificates(content) == [ONE.certificate, TWO.certificate]


def test_a_file_without_any_has_none() -> None:
    """An empty one, and one of keys."""
    _, key = ONE.issue("a.example")

    assert certificates(b"") == certificates(key_pem(key)) == []


@given(st.integers(min_value=len(b"-----BEGIN CERTIFICATE-----"), max_value=len(TWO_PEM) - 2))
def test_one_that_is_cut_short_is_not_passed_over(length: int) -> None:
    """Wherever the writer of the file was interrupted."""
    with pytest.raises(ValueError, match=r"cut short|PEM|asn1"):
        certificates(pem(ONE.certificate) + TWO_PEM[:length])
