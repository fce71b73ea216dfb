"""What an exchange is placed by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.balancing.keys import hash_key
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.forwarded import ForwardedRules, NetworkSet
from gateway.message import Request
from gateway.peer import Peer
from gateway.principal import Principal


def exchange_of(*fields: tuple[bytes, bytes]) -> Exchange:
    """Make an exchange with these fields, from 203.0.113.9 by way of a proxy."""
    nobody: Any = None
    peer = ForwardedRules(NetworkSet(["10.0.0.1"])).for_peer("10.0.0.1", b"http")
    headers = Headers([(b"X-Forwarded-For", b"203.0.113.9"), *fields])
    exchange = Exchange(Request(b"GET", b"/a//b?c", headers), nobody, Peer("10.0.0.1", peer), 0.0, 30.0)
    exchange.path = b"/a/b"
    return exchange


@pytest.mark.parametrize(
    ("hash_on", "key"),
    [
        ("ip", b"203.0.113.9"),
        ("path", b"/a/b"),
        ("header:X-Tenant", b"acme"),
        ("header:x-tenant", b"acme"),
        ("cookie:sid", b"s1=="),
        ("cookie:late", b"x"),
        ("header:X-Missing", b"203.0.113.9"),
        ("header:X-Empty", b"203.0.113.9"),
        ("cookie:missing", b"203.0.113.9"),
        ("cookie:empty", b"203.0.113.9"),
        ("cookie:SID", b"203.0.113.9"),
    ],
)
def test_an_exchange_is_placed_by_what_the_configuration_says(hash_on: str, key: bytes) -> None:
    """Without the header or cookie, by the client's address; the path in its normal form."""
    exchange = exchange_of(
        (b"X-Tenant", b"acme"), (b"X-Empty", b""), (b"Cookie", b"xsid=no; sid=s1==; empty="), (b"Cookie", b"late=x")
    )

    assert hash_key(hash_on)(exchange) == key


@pytest.mark.parametrize("hash_on", ["", "claim:", "header:", "cookie:", "header", "IP", "ip:x"])
def test_anything_else_is_refused(hash_on: str) -> None:
    """With what there is to choose from."""
    with pytest.raises(ValueError, match="expected ip, path, header:NAME, cookie:NAME or claim:NAME"):
        hash_key(hash_on)


@pytest.mark.parametrize(
    ("hash_on", "key"),
    [
        ("claim:tenant", b"acme"),
        ("claim:realm_access.org", b"7"),
        ("claim:https://example.com/team", "gr\u00fcn".encode()),
        ("claim:realm_access.api.example.com.org", b"8"),
        ("claim:missing", b"203.0.113.9"),
        ("claim:empty", b"203.0.113.9"),
        ("claim:tenant.name", b"203.0.113.9"),
    ],
)
def test_an_exchange_is_placed_by_a_claim_of_its_caller(hash_on: str, key: bytes) -> None:
    """A path leads into objects; without the claim, by the client's address."""
    exchange = exchange_of()
    claims: dict[str, object] = {"tenant": "acme", "empty": "", "https://example.com/team": "gr\u00fcn"}
    claims |= {"realm_access": {"org": 7, "api.example.com": {"org": 8}}}
    exchange.principal = Principal("alice", claims=claims)

    assert hash_key(hash_on)(exchange) == key


def test_who_nobody_asked_for_is_placed_by_address() -> None:
    """A route without authentication has no claims."""
    assert hash_key("claim:sub")(exchange_of()) == b"203.0.113.9"
