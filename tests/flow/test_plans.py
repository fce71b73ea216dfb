"""Plans of customers and exceptions of rate limits, through the whole gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.client import Received
from gateway.testing import Harness
from tests.flow.test_rate_limits import field, fields
from tests.tokens import SECRET, said, sign

Make = Callable[..., Harness]

ALGORITHMS = pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])
TIERS = {"claim.plan=pro": 5, "claim.plan=internal": 0}
LIMIT = {"limit": 2, "window": "60s", "scope": "user", "tiers": TIERS, "except": ["10.0.0.0/8"]}
AUTH = {
    "jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}},
    "api_keys": {"keys": [{"id": "acme", "key": "k-acme", "roles": ["gold"]}, {"id": "other", "key": "k-other"}]},
}


def planned(make: Make, *limits: dict[str, Any], route: dict[str, Any] | None = None, **settings: Any) -> Harness:
    """A gateway whose route asks for a token or a key, with these limits."""
    way = {"any_of": ["jwt", "api_key"]}
    one = {"name": "orders", "path": "/*", "upstream": "orders", "auth": way, "rate_limit": limits, **(route or {})}
    return make("orders", routes=[one], auth=AUTH, **settings)


def ask(gateway: Harness, user: str = "alice", address: str = "192.0.2.1", key: str = "", **claims: Any) -> Received:
    """Make a request with a token that has these claims, or with a key."""
    token = sign(SECRET, "HS256", said(sub=user, **claims))
    headers = {"X-API-Key": key} if key else {"Authorization": f"Bearer {token}"}
    return gateway.request("GET", "/orders/7", headers, client=gateway.client(address))


@ALGORITHMS
def test_each_plan_has_its_limit_and_the_fields_say_which(make: Make, algorithm: str) -> None:
    """The contract's example: 1000 for who pays, none for the house, and none for an address."""
    gateway = planned(make, {**LIMIT, "algorithm": algorithm})

    assert [fields(ask(gateway))[:3] for _ in range(3)] == [(200, 2, 1), (200, 2, 0), (429, 2, 0)]
    assert [fields(ask(gateway, "bob", plan="pro"))[:3] for _ in range(2)] == [(200, 5, 4), (200, 5, 3)]
    assert [fields(ask(gateway, "carol", plan="internal")) for _ in range(9)] == [(200,)] * 9
    assert [fields(ask(gateway, address="10.9.9.9")) for _ in range(9)] == [(200,)] * 9
    assert ask(gateway).status == 429


@ALGORITHMS
def test_who_gets_a_better_plan_is_not_locked_out(make: Make, algorithm: str) -> None:
    """Alice has nothing left, and pays: she has all of her new plan at once, small `burst` or not."""
    gateway = planned(make, {**LIMIT, "algorithm": algorithm, "limit": 4, "burst": 2, "tiers": {"claim.plan=pro": 100}})
    while ask(gateway).status == 200:
        pass

    assert [ask(gateway, plan="pro").status for _ in range(20)] == [200] * 20
    assert ask(gateway).status == 429


def test_the_burst_of_a_plan_is_as_much_larger_as_its_limit(make: Make) -> None:
    """D-204: 2 of 4, so 50 of 100."""
    gateway = planned(make, {**LIMIT, "limit": 4, "burst": 2, "tiers": {"claim.plan=pro": 100}})

    passed = [ask(gateway, plan="pro").status for _ in range(60)].count(200)

    assert passed == 50


def test_those_of_one_address_on_a_large_plan_use_up_nothing_of_the_others(make: Make) -> None:
    """Each tier has counts of its own (D-204)."""
    gateway = planned(make, {**LIMIT, "scope": "ip", "algorithm": "sliding_window"})

    assert [ask(gateway, "bob", plan="pro").status for _ in range(6)] == [200] * 5 + [429]
    assert [ask(gateway, "alice").status for _ in range(3)] == [200, 200, 429]


def test_a_key_is_a_plan_by_its_id_or_its_role(make: Make) -> None:
    """An API key has no claims."""
    by_id = planned(make, {**LIMIT, "tiers": {"key=acme": 5}})
    by_role = planned(make, {**LIMIT, "tiers": {"role=gold": 5}})

    for gateway in (by_id, by_role):
        assert fields(ask(gateway, key="k-acme"))[:3] == (200, 5, 4)
        assert fields(ask(gateway, key="k-other"))[:3] == (200, 2, 1)


def test_the_first_tier_that_is_met_counts_as_written(make: Make) -> None:
    """D-203: though the second allows more."""
    gateway = planned(make, {**LIMIT, "tiers": {"user=mallory": 1, "claim.plan=pro": 5}})

    assert fields(ask(gateway, "mallory", plan="pro"))[:2] == (200, 1)
    assert fields(ask(gateway, "alice", plan="pro"))[:2] == (200, 5)


def test_a_field_is_a_plan_before_anybody_is_known(make: Make) -> None:
    """The backend gets the field in the spelling that was decided by, and in no other."""
    gateway = planned(make, {"limit": 2, "tiers": {"header.X-Plan=batch": 1}}, route={"auth": None})

    assert fields(gateway.get("/", X_Plan="batch"))[:2] == (200, 1)
    assert fields(gateway.request("GET", "/", {"X_Plan": "batch"}))[:2] == (200, 2)
    assert gateway.backend("orders").requests[0].headers.get(b"x-plan") == b"batch"
    assert b"x_plan" not in gateway.backend("orders").requests[1].headers.index


def test_an_exception_is_for_who_the_proxy_says(make: Make) -> None:
    """A stranger who says so is counted."""
    gateway = planned(make, {**LIMIT, "scope": "ip", "tiers": {}}, route={"auth": None}, trusted_proxies=["192.0.2.9"])

    def asked(peer: str) -> tuple[int, ...]:
        client = gateway.client(peer)
        return fields(gateway.request("GET", "/", {"X-Forwarded-For": "10.1.1.1"}, client=client))[:2]

    assert asked("192.0.2.9") == (200,)
    assert asked("192.0.2.1") == (200, 2)


def test_limits_that_are_for_somebody_speak_where_others_are_not(make: Make) -> None:
    """Of two limits the house is exempt from one: the other has the fields, and in the IETF's the only policy."""
    gateway = planned(make, LIMIT, {"limit": 9, "window": "60s", "scope": "ip"}, ratelimit_headers=["x", "ietf"])

    house = ask(gateway, "carol", plan="internal")
    other = ask(gateway, "alice")

    assert fields(house)[:3] == (200, 9, 8)
    assert field(house, b"ratelimit-policy") == b'"ip";q=9;w=60'
    assert fields(other)[:3] == (200, 2, 1)
    assert field(other, b"ratelimit-policy") == b'"user";q=2;w=60, "ip";q=9;w=60'


def test_a_plan_that_refuses_gives_back_what_was_taken_before(make: Make) -> None:
    """All or none, with tiers before and behind authentication."""
    early = {"limit": 3, "window": "60s", "scope": "ip", "tiers": {"header.X-Batch=1": 1}}
    gateway = planned(make, early, {**LIMIT, "tiers": {"claim.plan=pro": 1}})

    told = [ask(gateway, plan="pro").status for _ in range(4)]

    assert told == [200, 429, 429, 429]
    assert [ask(gateway, "bob").status for _ in range(3)] == [200, 200, 429]  # the address had two of three left


def test_the_limits_of_all_routes_have_plans_too(make: Make) -> None:
    """One count over all routes; what no route takes is counted for who is on no plan."""
    shared = {**LIMIT, "scope": "ip", "endpoint": "/*"}
    gateway = planned(make, route={"path": "/orders/*"}, rate_limits=[shared])

    assert fields(ask(gateway, plan="pro"))[:3] == (200, 5, 4)
    assert fields(gateway.get("/nowhere"))[:3] == (404, 2, 1)
    assert fields(gateway.request("GET", "/nowhere", client=gateway.client("10.0.0.1"))) == (404,)


def test_a_bad_credential_is_told_of_the_limit_of_who_is_on_no_plan(make: Make) -> None:
    """It is not known who calls, and nothing is counted."""
    gateway = planned(make, LIMIT)

    assert fields(gateway.get("/orders/7")) == (401, 2, 2, 0)
    assert fields(gateway.request("GET", "/", client=gateway.client("10.0.0.1"))) == (401,)


def test_a_reload_that_changes_a_plan_keeps_its_count(make: Make) -> None:
    """Five of six are five of ten; plans that come and go leave the others alone."""
    gateway = planned(make, {**LIMIT, "algorithm": "sliding_window"})
    ask(gateway)
    for _ in range(3):
        ask(gateway, "bob", plan="pro")

    way = {"any_of": ["jwt", "api_key"]}
    limit = {**LIMIT, "algorithm": "sliding_window", "tiers": {"user=eve": 1, "claim.plan=pro": 10}}
    route = {"name": "orders", "path": "/*", "upstream": "orders", "auth": way, "rate_limit": limit}
    gateway.apply(routes=[route])

    assert fields(ask(gateway, "bob", plan="pro"))[:3] == (200, 10, 6)
    assert fields(ask(gateway))[:3] == (200, 2, 0)


def test_who_waits_for_a_turn_waits_by_the_plan(make: Make) -> None:
    """With `rate_limit_queue`: who has no limit waits for nothing."""
    gateway = planned(make, {**LIMIT, "limit": 1, "window": "1s"}, route={"rate_limit_queue": {"timeout": "5s"}})

    def status(**claims: str) -> int | None:
        answer = ask(gateway, **claims)
        return answer.status if answer.complete else None

    assert [status(), status(), status(plan="internal"), status(plan="pro")] == [200, None, 200, 200]
