"""What is taken out of a `Forwarded` field, whatever a client wrote into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.forwarded_field import names_only, of_target


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", b""),
        (b"for=192.0.2.1", b""),
        (b"for=192.0.2.1;Proto=https;host=a.test", b"Proto=https;host=a.test"),
        (b'for="[2001:db8::1]:80", host="a.test:8080" ; by=_x', b'host="a.test:8080"'),
        (b"for=a;host=a.test,,for=b, proto=http", b"host=a.test, proto=http"),
        (b'for="a;host=evil,proto=b";host=a.test', b"host=a.test"),
        (b'x="\\"";host=a.test', b"host=a.test"),
        (b"for;host=a.test", b""),
        (b'host="a.test', b""),
        (b"host = a.test", b""),
        (b"host=a.test;", b"host=a.test"),
    ],
)
def test_what_was_asked_for(value: bytes, expected: bytes) -> None:
    """Hosts and schemes, as they are written; nothing of what has no form."""
    assert of_target(value) == expected


@given(st.binary(max_size=60) | st.text(alphabet='forhstpy=;,"\\\\ :[]1a', max_size=60).map(str.encode))
def test_it_is_its_own(value: bytes) -> None:
    """What was taken out says the same again."""
    assert of_target(of_target(value)) == of_target(value)


@pytest.mark.parametrize(
    ("value", "only"),
    [
        (b"for=192.0.2.1", True),
        (b'for="192.0.2.1:80";proto=http;host=x', True),
        (b"for=192.0.2.1, for=192.0.2.1", True),
        (b"proto=https", True),
        (b"", True),
        (b"for=192.0.2.2", False),
        (b"for=evil, for=192.0.2.1", False),
        (b"for=192.0.2.1;by=evil", False),
        (b"for=192.0.2.1;x=evil", False),
        (b'for="192.0.2.1', False),
    ],
)
def test_whether_it_names_another_client(value: bytes, only: bool) -> None:
    """Or says anything that is no address, host or scheme."""
    assert names_only(value, b"192.0.2.1") is only


def test_addresses_of_ipv6() -> None:
    """Stand in quotes and brackets, with or without a port."""
    assert names_only(b'for="[2001:db8::1]:80", for="[2001:db8::1]"', b"2001:db8::1")
    assert not names_only(b'for="[2001:db8::2]"', b"2001:db8::1")
