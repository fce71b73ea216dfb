"""One spelling for hosts; `tests/http1/test_framing.py` has what is no host."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.hosts import is_of_dns, normal_host


@given(st.ip_addresses(v=6))
def test_every_spelling_of_an_ipv6_address_is_one(address: IPv6Address) -> None:
    """Exploded, in capitals, as it comes: the same, and the same again."""
    spellings = (address.exploded, address.exploded.upper(), address.compressed)

    normal = {normal_host(f"[{spelling}]".encode()) for spelling in spellings}

    assert len(normal) == 1
    assert normal == {normal_host(one) for one in normal}
    assert all(is_of_dns(one) for one in normal)


LONG = b".".join([b"a" * 62] * 4)  # 251 octets


@pytest.mark.parametrize(
    ("host", "dns"),
    [
        (b"a_b.example:80", True),
        (b"a.example.", True),
        (b"a.example.:80", True),
        (b"[::1]:80", True),
        (b"[::ffff:1.2.3.4]", True),
        (b"127.0.0.1", True),
        (b"localhost", True),
        (b"", True),
        (b"a" * 63 + b".example", True),
        (LONG + b".a", True),
        (LONG + b".a.:65535", True),
        (b"a=b", False),
        (b"%61", False),
        (b"a~", False),
        (b"a.example..", False),
        (b"a.example..:80", False),
        (b"a.example...", False),
        (b"a..example", False),
        (b".a.example", False),
        (b".", False),
        (b"..", False),
        (b".:80", False),
        (b"a" * 64 + b".example", False),
        (b"a." + b"b" * 64, False),
        (LONG + b".aa", False),
        (LONG + b".aa.:80", False),
    ],
)
def test_names_of_dns_are_told_from_others(host: bytes, dns: bool) -> None:
    """Only with the former everybody agrees on what they name."""
    assert is_of_dns(host) is dns
