"""What each has a count of its own."""

from __future__ import annotations

from datetime import date
from ipaddress import IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.limiting.keys import LONGEST, limit_key, needs_principal
from gateway.message import Request
from gateway.principal import Principal
from tests.peers import direct


def exchange(address: str = "192.0.2.1", principal: Principal | None = None, **headers: str) -> Exchange:
    """A real one, since compiled keys take no other."""
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    made = Exchange(Request(b"GET", b"/", Headers(fields)), Downstream(), direct(address), 0.0, 1.0)
    made.principal = principal
    return made


def key(*scopes: str, route: str = "orders", **how: Any) -> bytes:
    """The key of an exchange."""
    return limit_key(scopes, route)(exchange(**how))


def test_addresses_are_apart() -> None:
    """Each has its own count."""
    assert key("ip", address="192.0.2.1") != key("ip", address="192.0.2.2")


def test_all_of_an_ipv6_network_is_one_caller() -> None:
    """Whoever has one address of a /64 has them all."""
    assert key("ip", address="2001:db8::1") == key("ip", address="2001:db8:0:0:ffff::2")
    assert key("ip", address="2001:db8::1") != key("ip", address="2001:db8:0:1::1")


def test_an_ipv4_address_within_ipv6_is_the_same_caller() -> None:
    """However the listener is bound."""
    assert key("ip", address="::ffff:192.0.2.1") == key("ip", address="192.0.2.1")


def test_a_zone_or_no_address_at_all_is_a_key_too() -> None:
    """Nothing that a peer may be called raises."""
    assert key("ip", address="fe80::1%eth0") == key("ip", address="fe80::1")
    assert key("ip", address="not:an:address") == b"anot:an:address"
    assert key("ip", address="") == b"4"


@pytest.mark.parametrize("text", ["1.2.33.4", "10.1.2.3", "8.8.8.88"])
def test_no_ipv6_network_spells_an_ipv4_address(text: str) -> None:
    """Who has a /32 chooses what the next 32 bits are, and would spend what another has."""
    network = str(IPv6Address(text.encode() + bytes(8)))

    assert key("ip", address=network) != key("ip", address="6" + text)
    assert key("ip", address=network) != key("ip", address=text)


def test_what_was_too_long_is_told_from_what_was_not() -> None:
    """A digest has a letter of its own: it could be any octets."""
    assert key("header:X-Tenant", X_Tenant="x" * 100).startswith(b"#")


def test_users_keys_and_claims_are_those_of_the_principal() -> None:
    """Wherever the request comes from."""
    alice = Principal("alice", key_id="k1", claims={"org": {"plan": "free"}, "org.plan": "gold", "tenant": 7})

    for scope in ("user", "api_key", "claim:tenant", "claim:org.plan"):
        assert key(scope, principal=alice) == key(scope, principal=alice, address="198.51.100.7")
    assert key("claim:org.plan", principal=alice) == b"cgold"
    assert key("claim:org.plan", principal=Principal("x", claims={"org": {"plan": "free"}})) == b"cfree"
    assert key("claim:tenant", principal=alice) == b"c7"
    claims = {"resource_access": {"api.example.com": {"plan": "free"}}, "https://a.example/t": "t1"}
    dots = Principal("x", claims=claims)
    assert key("claim:resource_access.api.example.com.plan", principal=dots) == b"cfree"
    assert key("claim:https://a.example/t", principal=dots) == b"ct1"


def test_a_claim_that_json_does_not_know_is_a_key_too() -> None:
    """A plugin may put anything among the claims of a principal; the request is not to fail for that."""
    assert key("claim:since", principal=Principal("x", claims={"since": date(2026, 1, 2)})) == b'c"2026-01-02"'


@pytest.mark.parametrize("scope", ["user", "api_key", "claim:org.plan", "header:X-Tenant"])
def test_who_shows_nothing_is_counted_by_address(scope: str) -> None:
    """A limit that could be left by leaving something out would be none."""
    nobody = None if scope == "user" else Principal("alice", claims={"org": "text"})

    assert key(scope, principal=nobody) == key("ip")


def test_who_is_let_in_without_a_name_is_counted_by_address() -> None:
    """They are many, and nobody's count is theirs together."""
    assert key("user", principal=Principal("")) == key("ip")


def test_a_value_is_never_taken_for_an_address() -> None:
    """A header that says 192.0.2.1 does not spend what that address has."""
    assert key("header:X-Tenant", X_Tenant="192.0.2.1") != key("ip")


def test_routes_are_apart() -> None:
    """And the same for everybody."""
    assert key("route") == key("route", address="198.51.100.7")
    assert key("route") != key("route", route="users")


@given(st.lists(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=8), min_size=2, max_size=2))
def test_no_two_combinations_look_the_same(values: list[str]) -> None:
    """However their parts are cut."""
    tenant, plan = values
    one = key("header:X-Tenant", "header:X-Plan", X_Tenant=tenant, X_Plan=plan)
    other = key("header:X-Tenant", "header:X-Plan", X_Tenant=tenant + plan[:1], X_Plan=plan[1:])

    assert (one == other) is (not plan[:1] or (tenant, plan) == (tenant + plan[:1], plan[1:]))


def test_what_a_client_chooses_takes_no_more_room_than_an_address() -> None:
    """However much it sends."""
    assert len(key("header:X-Tenant", X_Tenant="x" * 30_000)) <= LONGEST
    assert len(key("header:X-Tenant", "user", X_Tenant="x" * 30_000, principal=Principal("y" * 1000))) <= LONGEST


def test_limits_by_principal_are_told_from_the_others() -> None:
    """They are looked at behind authentication (C-06)."""
    assert not any(map(needs_principal, (["ip"], ["route", "header:X"], ["header:user"])))
    assert all(map(needs_principal, (["user"], ["ip", "api_key"], ["claim:sub"])))


def test_two_that_were_too_long_are_apart() -> None:
    """Each value has a digest of its own: else one client used up what another has."""
    one, other = (key("header:X-Tenant", X_Tenant=letter * 100) for letter in "ab")

    assert one != other
    assert len(one) == len(other) == 17


def test_a_claim_of_many_members_is_the_same_in_any_order() -> None:
    """Issuers write objects in whatever order they like, and dates as they are."""
    claims: list[dict[str, Any]] = [{"org": {"a": 1, "b": 2}}, {"org": {"b": 2, "a": 1}}, {"org": {"a": 1, "b": 3}}]
    one, same, other = (key("claim:org", principal=Principal("x", claims=each)) for each in claims)

    assert one == same != other
