"""Routes that are split over several upstreams, and who keeps to one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.testing import Harness
from tests.tokens import SECRET, said, sign

Make = Callable[..., Harness]

SPLIT = [{"name": "old", "weight": 90}, {"name": "new", "weight": 10}]
AUTH = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}}


def bearer(**claims: str) -> str:
    """What a client shows."""
    return f"Bearer {sign(SECRET, 'HS256', said(**claims))}"


def gateway(make: Make, split_on: str | None, upstream: Any = SPLIT, **more: Any) -> Harness:
    """One route over two upstreams."""
    route: dict[str, Any] = {"name": "shop", "path": "/shop/*", "upstream": upstream, **more.pop("route", {})}
    if split_on is not None:
        route["split_on"] = split_on
    return make("old", "new", routes=[route], **more)


def where(made: Harness, address: str = "192.0.2.1", path: str = "/shop/1", **headers: str) -> str:
    """Ask, and return which upstream was asked."""
    before = {name: len(made.backend(name).requests) for name in ("old", "new")}
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    assert made.request("GET", path, fields, client=made.client(address)).status == 200
    (found,) = [name for name, count in before.items() if len(made.backend(name).requests) > count]
    assert made.last_log["upstream_service"] == found
    return found


def test_a_caller_keeps_to_an_upstream(make: Make) -> None:
    """By the value of a header; callers with other values go elsewhere, as the weights have it."""
    made = gateway(make, "header:X-Tenant")
    first = {tenant: where(made, X_Tenant=tenant) for tenant in map(str, range(100))}
    again = {tenant: where(made, X_Tenant=tenant, path="/shop/2", address="192.0.2.7") for tenant in first}
    assert first == again
    assert 3 <= Counter(first.values())["new"] <= 20


def test_every_instance_agrees(make: Make) -> None:
    """One that was started with another seed, and has had other callers, too; so has one after a reload."""
    made, other = gateway(make, "header:X-Tenant"), gateway(make, "header:X-Tenant", seed=7)
    where(other)
    first = [where(made, X_Tenant=tenant) for tenant in map(str, range(60))]
    assert [where(other, X_Tenant=tenant) for tenant in map(str, range(60))] == first
    made.apply()
    assert [where(made, X_Tenant=tenant) for tenant in map(str, range(60))] == first


def test_a_greater_weight_takes_callers_and_gives_none_back(make: Make) -> None:
    """From 10 to 50 % by a reload."""
    made = gateway(make, "cookie:visitor")
    before = [where(made, Cookie=f"visitor={number}") for number in range(100)]
    (route,) = made.configuration["routes"]
    made.apply(routes=[route | {"upstream": [{"name": "old", "weight": 50}, {"name": "new", "weight": 50}]}])
    after = [where(made, Cookie=f"visitor={number}") for number in range(100)]
    moved = Counter((one, other) for one, other in zip(before, after, strict=True) if one != other)
    assert set(moved) == {("old", "new")}
    assert 25 <= moved["old", "new"] <= 55


@pytest.mark.parametrize("split_on", ["header:X-Tenant", "cookie:visitor", "user"])
def test_who_has_no_such_value_goes_as_without(make: Make, split_on: str) -> None:
    """To whose turn it is."""
    made, plain = gateway(make, split_on), gateway(make, None)
    assert [where(made) for _ in range(20)] == [where(plain) for _ in range(20)]


def test_by_address(make: Make) -> None:
    """Of the client."""
    made = gateway(make, "ip")
    addresses = [f"192.0.2.{number}" for number in range(1, 60)]
    first = [where(made, address) for address in addresses]
    assert [where(made, address) for address in addresses] == first
    assert set(first) == {"old", "new"}


def test_by_user(make: Make) -> None:
    """Whoever shows a token of the same subject."""
    made = gateway(make, "user", auth=AUTH, route={"auth": {"type": "jwt"}})
    users = [f"user-{number}" for number in range(40)]
    first = [where(made, Authorization=bearer(sub=user, jti="1")) for user in users]
    assert [where(made, "192.0.2.9", Authorization=bearer(sub=user, jti="2")) for user in users] == first
    assert set(first) == {"old", "new"}


def test_a_canary_by_header(make: Make) -> None:
    """Conditions of routes let those in on the new version who ask for it."""
    made = make(
        "old",
        "new",
        routes=[
            {"name": "shop-new", "path": "/shop/*", "headers": {"X-Canary": "yes"}, "upstream": "new"},
            {"name": "shop", "path": "/shop/*", "upstream": SPLIT, "split_on": "cookie:visitor"},
        ],
    )
    assert where(made, X_Canary="yes", Cookie="visitor=1") == "new"
    assert where(made, X_Canary="no", Cookie="visitor=1") == where(made, Cookie="visitor=1")


def test_routes_agree(make: Make) -> None:
    """Who gets the new version by one route gets it by all that are split between the two."""
    routes = [
        {"name": name, "path": f"/{name}/*", "upstream": SPLIT, "split_on": "header:X-Tenant"}
        for name in ("shop", "cart")
    ]
    made = make("old", "new", routes=routes)
    for tenant in map(str, range(40)):
        assert where(made, X_Tenant=tenant) == where(made, X_Tenant=tenant, path="/cart/1")


def test_a_field_that_decides_goes_on_in_one_spelling(make: Make) -> None:
    """A backend that reads `X_Tenant` as `X-Tenant` sees what the gateway has gone by."""
    made = gateway(make, "header:X-Tenant")
    upstream = where(made, X_Tenant="acme")
    made.request("GET", "/shop/1", {"X-Tenant": "acme", "X_Tenant": "other"})
    assert b"X_Tenant" not in [name for name, _ in made.backend(upstream).requests[-1].headers]


@pytest.mark.parametrize(
    ("split_on", "words"),
    [
        ("claim:plan", "expected `ip`, `user`, `header:NAME` or `cookie:NAME`"),
        ("header:X-User-ID", "it says who is calling"),
        ("cookie:gw", "the gateway's own"),
        ("header:X-Forwarded-Proto", "believed of `trusted_proxies` only"),
    ],
)
def test_what_cannot_decide_is_refused(split_on: str, words: str) -> None:
    """With the key's place."""
    upstreams: list[dict[str, Any]] = [
        {"name": "old", "backends": [{"url": "http://127.0.0.1:9001"}], "sticky": {"cookie": "gw"}},
        {"name": "new", "backends": [{"url": "http://127.0.0.1:9002"}]},
    ]
    with pytest.raises(ConfigError, match=r"routes\[0\].split_on: .*") as raised:
        Harness("old", "new", upstreams=upstreams,
                routes=[{"path": "/*", "upstream": SPLIT, "split_on": split_on}])  # fmt: skip
    assert words in str(raised.value)
