"""PROXY headers as backends get them: our own reader understands each; nginx and HAProxy do in `tests/system`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET6, inet_ntop
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.peer import Ends
from gateway.transport.proxy_greeting import OF_ITSELF, Version, greeting
from gateway.transport.proxy_header import Header, HeaderReader

FOUR = Ends("192.0.2.7", 40000, "198.51.100.1", 443)
SIX = Ends("2001:db8::7", 40000, "2001:db8::1", 443)


def spelled(address: IPv4Address | IPv6Address) -> str:
    """As the system spells it, in which Python before 3.13 differs: `::ffff:192.0.2.7`."""
    return inet_ntop(AF_INET6, address.packed)


ports = st.integers(0, 65535)
ends_of: dict[Literal[4, 6], st.SearchStrategy[Ends]] = {
    4: st.builds(Ends, st.ip_addresses(v=4).map(str), ports, st.ip_addresses(v=4).map(str), ports),
    6: st.builds(Ends, st.ip_addresses(v=6).map(spelled), ports, st.ip_addresses(v=6).map(spelled), ports),
}


def read(octets: bytes) -> Header | None:
    """Read it as we would."""
    return HeaderReader().feed(octets)


@pytest.mark.parametrize(
    ("version", "ends", "octets"),
    [
        ("v1", FOUR, b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"),
        ("v1", SIX, b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n"),
        ("v2", FOUR, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x9c\x40\x01\xbb"),
        ("v1", Ends("192.0.2.7", 40000, "2001:db8::1", 443), b"PROXY TCP4 192.0.2.7 0.0.0.0 40000 0\r\n"),
        ("v1", Ends("2001:db8::7", 0, "", 0), b"PROXY TCP6 2001:db8::7 :: 0 0\r\n"),
        ("v1", Ends("fe80::7%eth0", 1, "fe80::1%eth0", 2), b"PROXY TCP6 fe80::7 fe80::1 1 2\r\n"),
        ("v1", Ends("", 0, "", 0), b"PROXY UNKNOWN\r\n"),
        ("v2", Ends("", 0, "", 0), b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"),
    ],
)
def test_what_is_sent(version: Version, ends: Ends, octets: bytes) -> None:
    """What is not known is left out, and never made up."""
    assert greeting(version, ends) == octets


@pytest.mark.parametrize(("version", "local"), [("v1", False), ("v2", True)])
def test_what_is_sent_for_ourselves(version: Version, local: bool) -> None:
    """Health checks are nobody's."""
    assert read(OF_ITSELF[version]) == Header(None, local, b"")


@given(ends=st.one_of(*ends_of.values()), version=st.sampled_from(["v1", "v2"]))
def test_what_is_sent_is_understood(ends: Ends, version: Version) -> None:
    """Both versions say the same."""
    assert read(greeting(version, ends)) == Header(ends, False, b"")


@given(text=st.text(max_size=60), version=st.sampled_from(["v1", "v2"]))
def test_no_text_for_an_address_makes_another_header(text: str, version: Version) -> None:
    """It comes from a trusted proxy, and is an address; but nothing that it says could end the line."""
    assert read(greeting(version, Ends(text, 1, text, 2))) is not None
