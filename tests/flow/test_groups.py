"""Routes and upstreams with the settings of their group and of the defaults, through the whole gateway."""

from __future__ import annotations

from collections.abc import Callable

from gateway.testing import Harness

Make = Callable[..., Harness]

GROUPS = {
    "internal": {"ip_allow": ["10.0.0.0/8"], "rate_limit": {"limit": 2, "window": "60s"}},
    "moved": {"redirect": {"host": "new.example", "status": 302}},
}


def made_of(make: Make) -> Harness:
    """Two routes of one group, one of another, one of none."""
    return make(
        "orders",
        defaults={"route": {"upstream": "orders", "timeout": "2s"}, "upstream": {"circuit_breaker": {}}},
        groups=GROUPS,
        routes=[
            {"name": "a", "path": "/a/*", "group": "internal"},
            {"name": "b", "path": "/b/*", "group": "internal", "ip_allow": [], "rate_limit": "off", "timeout": "9s"},
            {"name": "c", "path": "/c", "group": "moved"},
            {"name": "d", "path": "/d"},
        ],
    )


def test_a_group_s_rules_hold_for_its_routes(make: Make) -> None:
    """But for what a route says itself; limits are each route's own, not one of the group."""
    made = made_of(make)
    inside = made.client("10.1.2.3")

    assert [made.get(path).status for path in ("/a/1", "/b/1", "/c", "/d")] == [403, 200, 302, 200]
    for _ in range(3):
        made.send(b"GET /a/1 HTTP/1.1\r\nHost: gateway.test\r\n\r\n", inside)
    assert [response.status for response in inside.responses()] == [200, 200, 429]
    assert [made.get("/b/1").status for _ in range(5)] == [200] * 5


def test_the_default_timeout_is_that_of_who_has_none(make: Make) -> None:
    """Two seconds, and nine on the route that says so."""
    made = made_of(make)
    made.backend("orders").stall()
    short, long = (made.send(b"GET %b HTTP/1.1\r\nHost: g\r\n\r\n" % path) for path in (b"/d", b"/b/1"))
    made.advance(3)

    assert [response.status for response in short.responses()] == [504]
    assert long.responses() == []
    made.advance(7)
    assert [response.status for response in long.responses()] == [504]


def test_the_default_breaker_opens_for_an_upstream_that_has_none(make: Make) -> None:
    """After its five failures; one that is off never does."""
    made = made_of(make)
    made.backend("orders").refuse_connections()

    assert [made.get("/d").status for _ in range(6)] == [502] * 5 + [503]

    made.apply(upstreams=[made.upstream("orders", circuit_breaker="off")])
    assert [made.get("/d").status for _ in range(7)] == [502] * 7


def test_a_change_of_the_group_is_a_change_of_its_routes(make: Make) -> None:
    """With the next configuration, in force at once."""
    made = made_of(make)
    assert made.get("/a/1").status == 403

    made.apply(groups=GROUPS | {"internal": {"ip_allow": ["192.0.2.0/24"]}})
    assert made.get("/a/1").status == 200

    made.apply(groups=GROUPS | {"internal": {"ip_deny": ["192.0.2.0/24"]}})
    assert [made.get(path).status for path in ("/a/1", "/b/1")] == [403, 403]
