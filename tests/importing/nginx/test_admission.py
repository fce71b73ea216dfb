"""Limits, addresses and passwords."""

from __future__ import annotations

import pytest

from gateway.importing.nginx.admission import addresses, limits, password, probe_address, zones
from gateway.importing.nginx.reading import parse
from tests.importing.nginx.test_passing import Lines, scope

ZONES = zones(
    parse("limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s; limit_req_zone $http_x zone=b:1m rate=30r/m;", "x"),
    Lines(),
)


def test_a_zone_by_something_else() -> None:
    """It is told, and the limits that name it too."""
    left = Lines()
    known = zones(parse("limit_req_zone $cookie_a zone=c:1m rate=1r/s;", "x"), left)

    assert limits(scope("limit_req zone=c;"), known, left) == {}
    assert left == ["limit_req_zone $cookie_a zone=c:1m rate=1r/s", "limit_req zone=c"]


def test_a_limit_that_refuses_at_once() -> None:
    """One more than `burst` may come at once, since nginx does not count the first."""
    found = limits(scope("limit_req zone=a burst=20 nodelay; limit_req_status 429;"), ZONES, Lines())

    assert found == {"rate_limit": {"rate": "10/s", "burst": 21, "scope": "ip"}}


def test_a_limit_that_makes_wait() -> None:
    """The queue is as long as `burst`, and as patient as its last one must be."""
    found = limits(scope("limit_req zone=b burst=5; limit_req_status 429;"), ZONES, Lines())

    assert found == {
        "rate_limit": {"rate": "30/m", "burst": 1, "scope": "header:X"},
        "rate_limit_queue": {"size": 5, "timeout": "10000ms"},
    }


def test_another_status() -> None:
    """It is always 429 here: nginx's 503 is told."""
    left = Lines()
    limits(scope("limit_req zone=a;"), ZONES, left)

    assert left == ["limit_req zone=a"]


@pytest.mark.parametrize(
    ("text", "keys", "left"),
    [
        ("allow 10.0.0.0/8; deny all;", {"ip_allow": ["10.0.0.0/8"]}, []),
        ("deny 10.0.0.1; allow 10.0.0.0/8; deny all;", {"ip_allow": ["10.0.0.0/8"], "ip_deny": ["10.0.0.1"]}, []),
        ("deny 10.0.0.1;", {"ip_deny": ["10.0.0.1"]}, []),
        ("deny all;", {"ip_deny": ["0.0.0.0/0", "::/0"]}, []),
        ("allow all; deny 10.0.0.1;", {}, ["deny 10.0.0.1"]),
        (
            "allow 10.0.0.4; deny 10.0.0.0/29; allow 10.0.0.0/7; deny all;",
            {
                "ip_allow": ["10.0.0.4", "10.0.0.0/7"],
                "ip_deny": ["10.0.0.0/30", "10.0.0.5", "10.0.0.6/31"],
            },
            [],
        ),
        ("allow 10.0.0.0/8; deny 10.1.0.0/16; allow fd00::/8; deny all;", {"ip_allow": ["10.0.0.0/8", "fd00::/8"]}, []),
        ("allow 10.1.1.1; deny 10.1.1.0/31; allow all;", {"ip_deny": ["10.1.1.0"]}, []),
    ],
)
def test_addresses(text: str, keys: dict[str, object], left: list[str]) -> None:
    """The first rule that fits counts in nginx: what a rule before lets in is taken out of what is kept out."""
    lines = Lines()

    assert addresses(scope(text), lines) == keys
    assert lines == left


def test_an_address_that_is_let_in() -> None:
    """For tests of routes that not everybody may ask."""
    assert probe_address({"ip_allow": ["10.0.0.0/8"]}) == "10.0.0.1"
    assert probe_address({"ip_allow": ["10.0.0.7"]}) == "10.0.0.7"
    assert probe_address({}) is None


def test_passwords() -> None:
    """A realm and a file; none where it is off."""
    found = password(scope("auth_basic team; auth_basic_user_file htpasswd;"))

    assert found is not None
    assert found[:2] == ("team", "htpasswd")
    assert password(scope("auth_basic off; auth_basic_user_file htpasswd;")) is None
