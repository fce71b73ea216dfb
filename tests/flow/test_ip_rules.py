"""Clients turned away by their address, before anything else is done for them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing import Harness

CLIENT = "192.0.2.1"


def gateway(route: dict[str, Any] | None = None, **settings: Any) -> Harness:
    """One route with these rules, and rules for all."""
    return Harness(
        "orders", routes=[{"name": "orders", "path": "/*", "upstream": "orders", **(route or {})}], **settings
    )


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ({}, 200),
        ({"ip_allow": ["192.0.2.0/24"]}, 200),
        ({"ip_allow": ["198.51.100.0/24"]}, 403),
        ({"ip_allow": ["192.0.2.1"]}, 200),
        ({"ip_deny": ["192.0.2.1/32"]}, 403),
        ({"ip_deny": ["198.51.100.0/24"]}, 200),
        ({"ip_allow": ["192.0.2.0/24"], "ip_deny": ["192.0.2.1"]}, 403),
        ({"ip_allow": ["192.0.2.1"], "ip_deny": ["192.0.2.0/24"]}, 403),
        ({"ip_deny": ["::/0"]}, 200),
        ({"ip_allow": ["::/0"]}, 403),
        ({"ip_allow": ["::ffff:192.0.2.0/120"]}, 200),
    ],
)
@pytest.mark.parametrize("level", ["route", "top"])
def test_who_is_let_in(level: str, rules: dict[str, Any], status: int) -> None:
    """By either level alone; what is denied stays denied whatever is allowed."""
    made = gateway(rules) if level == "route" else gateway(**rules)

    response = made.get("/")

    assert response.status == status
    if status == 403:
        assert response.headers.get(b"gateway-reason") == b"auth.forbidden"
        assert made.backend("orders").requests == []
        assert made.last_log["reason"] == "auth.forbidden"


@pytest.mark.parametrize(("top", "route"), [("ip_allow", "ip_deny"), ("ip_deny", "ip_allow")])
def test_both_levels_must_admit(top: str, route: str) -> None:
    """Neither overrides the other."""
    assert gateway({route: [CLIENT]}, **{top: [CLIENT]}).get("/").status == 403


def test_v6_clients() -> None:
    """IPv4 clients that come over IPv6 count as IPv4 clients."""
    made = gateway(ip_allow=["2001:db8::/32", "192.0.2.0/24"])
    for address, status in (("2001:db8::7", 200), ("2001:db9::7", 403), ("::ffff:192.0.2.9", 200)):
        client = made.client(address)
        assert made.request("GET", "/", client=client).status == status


def test_a_trusted_proxy_says_who_the_client_is() -> None:
    """Other peers do not."""
    for trusted, status in ((["192.0.2.1"], 403), ([], 200)):
        made = gateway(ip_deny=["203.0.113.0/24"], trusted_proxies=trusted)
        assert made.get("/", X_Forwarded_For="203.0.113.5").status == status


def test_an_address_that_cannot_be_read_is_refused() -> None:
    """It might be one of those that are denied."""
    made = gateway(ip_deny=["203.0.113.0/24"])

    assert made.request("GET", "/", client=made.client("somebody")).status == 403


def test_what_no_route_takes_is_ruled_too_and_health_is_not() -> None:
    """A stranger does not learn which routes exist; a load balancer must reach the health paths."""
    made = gateway(ip_deny=[CLIENT])
    made.apply(routes=[{"name": "orders", "path": "/orders", "upstream": "orders"}])

    assert made.get("/nothing").status == 403
    assert made.get("/health").status == 200


def test_public_metrics_are_ruled() -> None:
    """They are for those who are let in."""
    made = gateway(ip_deny=[CLIENT], admin={"metrics_public": True})

    assert made.get("/metrics").status == 403
    assert made.request("GET", "/metrics", client=made.client("198.51.100.1")).status == 200
