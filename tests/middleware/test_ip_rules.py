"""Addresses let in and turned away, one level of rules at a time."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import AddressRefused
from gateway.exchange import Exchange
from gateway.http.forwarded import NetworkSet
from gateway.middleware.ip_rules import IPRules

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

NETWORKS = st.lists(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False)), max_size=5
)


def admits(rules: IPRules, exchange: Exchange, address: str) -> bool:
    """Whether a client of this address gets through."""
    exchange.client_address = address
    try:
        rules.on_request(exchange)
    except AddressRefused:
        return False
    return True


def rules(allow: list[str], deny: list[str]) -> IPRules:
    """One level."""
    return IPRules(NetworkSet(allow), NetworkSet(deny))


@pytest.mark.parametrize("address", ["", "somebody", "192.0.2.999", "192.0.2.1 ", "unix", "2001:db8::1::2"])
@pytest.mark.parametrize("level", [([], ["203.0.113.0/24"]), (["0.0.0.0/0", "::/0"], []), ([], ["0.0.0.0/0"])])
def test_what_is_no_address_is_refused(make: MakeExchange, address: str, level: tuple[list[str], list[str]]) -> None:
    """Whatever the rules: it might stand for an address that is denied."""
    assert not admits(rules(*level), make(), address)


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("10.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:a00:1", True),
        ("10.66.0.1", False),
        ("::ffff:10.66.0.1", False),
        ("2001:db8::1", True),
        ("2001:DB8:0::0001", True),
        ("2001:db8:bad::1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_one_address_in_any_spelling(make: MakeExchange, address: str, admitted: bool) -> None:
    """An IPv4 client that comes over IPv6 (`::ffff:…`) is taken for the IPv4 client."""
    level = rules(["10.0.0.0/8", "2001:db8::/32"], ["10.66.0.0/16", "2001:db8:bad::/48"])

    assert admits(level, make(), address) is admitted


@given(NETWORKS, NETWORKS, st.ip_addresses(v=4))
def test_denied_wins_and_an_empty_list_allows_all(
    allow: list[IPv4Network], deny: list[IPv4Network], address: IPv4Address
) -> None:
    """The same result as asking every network one after the other."""
    exchange = Exchange.__new__(Exchange)
    level = rules([str(each) for each in allow], [str(each) for each in deny])

    expected = not any(address in each for each in deny) and (not allow or any(address in each for each in allow))
    assert admits(level, exchange, str(address)) is expected
