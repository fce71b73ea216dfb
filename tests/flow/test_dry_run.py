"""Rules that are watched before they act: whatever they decide, requests flow, and it is counted, logged and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.flow import test_tunnels as tunnels
from tests.flow.test_rate_limits import field, fields
from tests.tokens import SECRET, START, said, sign

Make = Callable[..., Harness]

DRY = {"limit": 1, "window": "60s", "dry_run": True}
KEY = "k-0123456789-secret"
AUTH = {
    "jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}},
    "api_keys": {"keys": [{"id": "acme", "key": KEY}]},
}


def gateway(make: Make, *backends: str, **settings: Any) -> Harness:
    """A gateway whose one route has these keys; those that no route has are settings of all."""
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders"}
    for key in ("rate_limit", "auth_", "ip_allow", "ip_deny", "ip_dry_run", "rate_limit_queue"):
        if key in settings:
            route[key.rstrip("_")] = settings.pop(key)
    return make("orders", *backends, routes=[route], dry_run_header=settings.pop("dry_run_header", True), **settings)


def told(response: Received) -> bytes | None:
    """What the client is told that rules would have done."""
    return field(response, b"x-dry-run")


def bearer(user: str = "alice", **claims: Any) -> dict[str, str]:
    """Fields that show a token."""
    return {"Authorization": "Bearer " + sign(SECRET, "HS256", said(sub=user, **claims))}


# Limits.


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])
def test_a_limit_refuses_nobody_and_tells_whom_it_would_have(make: Make, algorithm: str) -> None:
    """In the metric, the log and the field; X-RateLimit-* are of limits that act."""
    made = gateway(make, rate_limit={**DRY, "algorithm": algorithm})

    answers = [made.get("/orders/7") for _ in range(3)]

    assert [fields(answer) for answer in answers] == [(200,)] * 3
    assert [told(answer) for answer in answers] == [None, b"rate_limit=limit.exceeded", b"rate_limit=limit.exceeded"]
    assert [log["dry_run"] for log in made.logs] == [None, "rate_limit=limit.exceeded", "rate_limit=limit.exceeded"]
    assert made.last_log["reason"] is None
    assert made.metric("gateway_rate_limit_dry_run_total", route="orders", reason="limit.exceeded") == 2
    assert made.metric("gateway_rate_limit_violations_total") == 0
    assert made.metric("gateway_rate_limit_decisions_total") == 0


def test_clients_are_told_only_where_it_is_wished(make: Make) -> None:
    """By default they are not; a route may say otherwise than the whole, and what a backend says of itself stays."""
    quiet = gateway(make, rate_limit=DRY, dry_run_header=False)
    quiet.backend("orders").answers(ok(b"", (b"X-Dry-Run", b"mine")))
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "rate_limit": DRY, "dry_run_header": True}

    assert [told(quiet.get("/orders/7")) for _ in range(2)] == [b"mine", b"mine"]
    quiet.apply(routes=[route])
    assert told(quiet.get("/orders/7")) == b"rate_limit=limit.exceeded"
    quiet.apply(routes=[{**route, "dry_run_header": False}], dry_run_header=True)
    assert told(quiet.get("/orders/7")) == b"mine"


def test_a_backend_cannot_say_what_rules_would_have_done(make: Make) -> None:
    """Where clients are told, the field is the gateway's."""
    made = gateway(make, rate_limit=DRY)
    made.backend("orders").answers(ok(b"", (b"X-Dry-Run", b"auth=auth.missing")))

    assert [told(made.get("/orders/7")) for _ in range(2)] == [None, b"rate_limit=limit.exceeded"]


def test_limits_that_act_know_nothing_of_those_that_do_not(make: Make) -> None:
    """The acting one lets its three through whatever the other says, and speaks alone."""
    made = gateway(make, rate_limit=[DRY, {"limit": 3, "window": "60s"}])

    answers = [made.get("/orders/7") for _ in range(4)]

    assert [fields(answer)[:3] for answer in answers] == [(200, 3, 2), (200, 3, 1), (200, 3, 0), (429, 3, 0)]
    # What the acting one refuses is not asked of the other.
    assert made.metric("gateway_rate_limit_dry_run_total") == 2
    assert told(answers[3]) is None


def test_what_an_acting_limit_refuses_costs_the_other_nothing(make: Make) -> None:
    """Though it is refused behind authentication, and the other was asked before it."""
    acting = {"limit": 1, "window": "60s", "scope": "user"}
    made = gateway(make, rate_limit=[{**DRY, "limit": 2}, acting], auth_={"type": "jwt"}, auth=AUTH)

    def ask(user: str) -> tuple[int, bytes | None]:
        answer = made.request("GET", "/orders/7", bearer(user))
        return answer.status, told(answer)

    assert [ask("alice") for _ in range(4)] == [(200, None), (429, None), (429, None), (429, None)]
    assert ask("bob") == (200, None)  # the address had one of two left
    assert ask("carol") == (200, b"rate_limit=limit.exceeded")


def test_limits_in_dry_run_take_from_all_of_them_or_from_none(make: Make) -> None:
    """As they will when they act: by address before authentication, by user behind it."""
    by_user = {**DRY, "scope": "user"}
    made = gateway(make, rate_limit=[{**DRY, "limit": 2}, by_user], auth_={"type": "jwt"}, auth=AUTH)

    def ask(user: str) -> bytes | None:
        return told(made.request("GET", "/orders/7", bearer(user)))

    refused = b"rate_limit=limit.exceeded"
    told_of = [ask(user) for user in ("alice", "alice", "alice", "bob", "carol")]
    assert told_of == [None, refused, refused, None, refused]


def test_a_limit_of_all_routes_is_watched_where_there_is_no_route_too(make: Make) -> None:
    """404 and the gateway's own paths are counted as if."""
    made = gateway(make, rate_limits=[{**DRY, "endpoint": "/*"}])

    assert [made.get("/nowhere").status for _ in range(3)] == [404] * 3
    assert made.last_log["dry_run"] == "rate_limit=limit.exceeded"
    assert [made.get("/health").status for _ in range(3)] == [200] * 3
    assert made.metric("gateway_rate_limit_dry_run_total", route="") == 4


def test_nobody_waits_for_a_limit_in_dry_run(make: Make) -> None:
    """Though the route has a queue for those over a limit."""
    made = gateway(make, rate_limit=DRY, rate_limit_queue={"timeout": "60s"})

    assert [made.get("/orders/7").complete for _ in range(3)] == [True] * 3


def test_tiers_are_watched_as_well(make: Make) -> None:
    """Before customers are on their plans."""
    limit = {**DRY, "scope": "user", "tiers": {"claim.plan=pro": 2}, "except": ["10.0.0.0/8"]}
    made = gateway(make, rate_limit=limit, auth_={"type": "jwt"}, auth=AUTH)

    def ask(address: str = "192.0.2.1", **claims: Any) -> bool:
        fields = bearer(**claims)
        return told(made.request("GET", "/orders/7", fields, client=made.client(address))) is not None

    assert [ask() for _ in range(2)] == [False, True]
    assert [ask(plan="pro") for _ in range(3)] == [False, False, True]
    assert [ask("10.0.0.1") for _ in range(3)] == [False] * 3


def test_a_limit_that_acts_at_last_goes_on_counting(make: Make) -> None:
    """A reload takes `dry_run` away."""
    made = gateway(make, rate_limit={**DRY, "limit": 2})
    made.get("/orders/7")

    acting = {"limit": 2, "window": "60s"}
    made.apply(routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "rate_limit": acting}])

    assert [made.get("/orders/7").status for _ in range(2)] == [200, 429]


def test_a_store_that_is_away_keeps_nobody(make: Make) -> None:
    """`on_store_failure: closed` is 503 for limits that act."""
    made = gateway(
        make,
        rate_limit=DRY,
        rate_limit_store="redis",
        redis={"url": "redis://127.0.0.1:1/0"},
        on_store_failure="closed",
    )
    made.advance(1)

    answer = made.get("/orders/7")

    assert (answer.status, told(answer)) == (200, b"rate_limit=limit.unavailable")


def test_what_would_have_failed_is_in_a_log_that_leaves_out_what_has_not(make: Make) -> None:
    """Whatever the sample says, as what has failed; and no rule is named twice."""
    limits = [DRY, {**DRY, "scope": "user"}]
    made = gateway(
        make, rate_limit=limits, access_log={"sample": 0.0, "min_status": 400}, auth_={"type": "jwt"}, auth=AUTH
    )

    for _ in range(3):
        made.request("GET", "/orders/7", bearer())

    assert [log["dry_run"] for log in made.logs] == ["rate_limit=limit.exceeded"] * 2


# Authentication.


def asked_for(made: Harness, **headers: str) -> tuple[int, bytes | None]:
    """Make a request; its status, and what would have been."""
    answer = made.request("GET", "/orders/7", {name.replace("_", "-"): value for name, value in headers.items()})
    return answer.status, told(answer)


def test_whoever_shows_nothing_good_passes_as_nobody(make: Make) -> None:
    """And tells no backend who they are: identity fields of clients are dropped as ever."""
    made = gateway(make, auth_={"any_of": ["jwt", "api_key"], "dry_run": True}, auth=AUTH)

    assert asked_for(made, X_User_ID="root") == (200, b"auth=auth.missing")
    assert made.backend("orders").last.headers.get(b"x-user-id") is None
    assert asked_for(made, Authorization="Bearer a.b.c", X_User_ID="root") == (200, b"auth=auth.invalid")
    assert made.backend("orders").last.headers.get(b"x-user-id") is None
    assert made.last_log["user_id"] is None
    assert made.metric("gateway_auth_dry_run_total", route="orders", reason="auth.missing") == 1
    assert made.metric("gateway_auth_dry_run_total", route="orders", reason="auth.invalid") == 1


def test_whoever_shows_what_is_good_is_known(make: Make) -> None:
    """To the log, to limits and to the backend, as when the rule acts."""
    made = gateway(make, auth_={"any_of": ["jwt", "api_key"], "dry_run": True}, auth=AUTH)

    assert asked_for(made, **bearer()) == (200, None)
    assert made.backend("orders").last.headers.get(b"x-user-id") == b"alice"
    assert made.last_log["user_id"] == "alice"


def test_the_backend_gets_the_credentials_that_it_gets_where_nobody_asks(make: Make) -> None:
    """It may judge a token itself; keys of the gateway go to no backend on any route."""
    made = gateway(make, auth_={"any_of": ["jwt", "api_key"], "dry_run": True}, auth=AUTH)
    shown = bearer()

    asked_for(made, **shown)
    assert made.backend("orders").last.headers.get(b"authorization") == shown["Authorization"].encode()
    asked_for(made, Authorization="Bearer a.b.c")
    assert made.backend("orders").last.headers.get(b"authorization") == b"Bearer a.b.c"
    asked_for(made, X_API_Key=KEY)
    assert made.backend("orders").last.headers.get(b"x-api-key") is None
    for key in (KEY, "k-wrong"):
        made.get(f"/orders/7?api_key={key}&a=1")
        assert made.backend("orders").last.target == b"/orders/7?a=1"


def test_who_lacks_a_role_is_known_and_the_backend_is_told_nothing(make: Make) -> None:
    """Scopes and roles are part of the rule."""
    made = gateway(make, auth_={"type": "jwt", "roles": ["boss"], "dry_run": True}, auth=AUTH)

    assert asked_for(made, **bearer()) == (200, b"auth=auth.forbidden")
    assert made.last_log["user_id"] == "alice"
    assert made.backend("orders").last.headers.get(b"x-user-id") is None


def test_limits_by_user_count_nobody_by_address(make: Make) -> None:
    """They act, though the rule that tells them who is calling does not."""
    limit = {"limit": 1, "window": "60s", "scope": "user"}
    made = gateway(make, auth_={"type": "jwt", "dry_run": True}, auth=AUTH, rate_limit=limit)

    assert [asked_for(made)[0], asked_for(made)[0]] == [200, 429]
    assert [asked_for(made, **bearer())[0], asked_for(made, **bearer())[0]] == [200, 429]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ok(b"who are you?", status=b"401 Unauthorized"), b"auth.refused"),
        (ok(b"", (b"Location", b"https://login.example/"), status=b"302 Found"), b"auth.refused"),
        (ok(status=b"500 Internal Server Error"), b"auth.unavailable"),
    ],
)
def test_an_authority_that_refuses_or_fails_keeps_nobody(make: Make, answer: bytes, reason: bytes) -> None:
    """Forward authentication: the client gets the backend's answer, not the authority's."""
    forward = {"forward": {"default": {"url": "http://127.0.0.1:9002/verify"}}}
    made = gateway(make, "authority", auth_={"type": "forward", "dry_run": True}, auth=forward)
    made.backend("authority").answers(answer)

    assert asked_for(made) == (200, b"auth=" + reason)
    assert len(made.backend("authority").requests) == 1


def test_the_credential_that_an_authority_has_for_the_backend_does_not_stand_beside_the_clients(make: Make) -> None:
    """Two would be one too many: the backend gets what it would get without the rule."""
    forward = {"url": "http://127.0.0.1:9002/verify", "response_headers": ["Authorization", "X-Tenant"]}
    made = gateway(
        make, "authority", auth_={"type": "forward", "dry_run": True}, auth={"forward": {"default": forward}}
    )
    made.backend("authority").answers(ok(b"", (b"Authorization", b"Bearer inner"), (b"X-Tenant", b"t1")))

    asked_for(made, Authorization="Bearer outer", X_Tenant="t2")

    got = made.backend("orders").last.headers.fields
    assert [value for name, _, value in got if name in (b"authorization", b"x-tenant")] == [b"Bearer outer", b"t1"]


def test_introspection_keeps_nobody(make: Make) -> None:
    """Nor does it where all ways are needed."""
    introspection = {"introspection": {"default": {"url": "http://127.0.0.1:9002/introspect"}}, **AUTH}
    way = {"all_of": ["introspection", "api_key"], "dry_run": True}
    made = gateway(make, "authority", auth_=way, auth=introspection)
    made.backend("authority").answers(ok(json.dumps({"active": False}).encode()))

    assert asked_for(made) == (200, b"auth=auth.missing")
    assert asked_for(made, Authorization="Bearer x", X_API_Key=KEY) == (200, b"auth=auth.invalid")


def test_a_tunnel_outlives_the_credential_that_opened_it(make: Make) -> None:
    """To close it would be to act."""
    auth = {**AUTH, "tunnels": "until_expiry"}
    made = gateway(make, auth_={"type": "jwt", "dry_run": True}, auth=auth)
    client = tunnels.connect(made, tunnels.bearer(jti="one", exp=START + 20))

    tunnels.order(made, True, "jti", "one")
    made.advance(30)

    assert tunnels.told(client) == b""
    assert not client.end_of_input


# Address rules.


def test_address_rules_refuse_nobody(make: Make) -> None:
    """Those of the route and those of all, each by itself."""
    made = gateway(make, ip_deny=["192.0.2.0/24"], ip_dry_run=True)

    assert asked_for(made) == (200, b"ip=auth.forbidden")
    assert made.last_log["dry_run"] == "ip=auth.forbidden"
    assert made.metric("gateway_ip_dry_run_total", route="orders", reason="auth.forbidden") == 1
    assert told(made.request("GET", "/orders/7", client=made.client("198.51.100.1"))) is None


def test_address_rules_of_all_may_be_watched_while_those_of_routes_act(make: Make) -> None:
    """`ip_dry_run` is for the rules beside it."""
    route = {"name": "orders", "path": "/*", "upstream": "orders", "ip_allow": ["198.51.100.0/24"]}
    made = make("orders", routes=[route], ip_deny=["198.51.100.9"], ip_dry_run=True, dry_run_header=True)

    def ask(address: str) -> tuple[int, bytes | None]:
        answer = made.request("GET", "/", client=made.client(address))
        return answer.status, told(answer)

    assert ask("198.51.100.1") == (200, None)
    assert ask("198.51.100.9") == (200, b"ip=auth.forbidden")
    assert ask("192.0.2.1") == (403, None)


# Circuit breakers.


def test_a_breaker_opens_and_requests_flow(make: Make) -> None:
    """The metric, the log and the field say what it would have kept out; a probe closes it again."""
    made = gateway(
        make,
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": "http://127.0.0.1:9001"}],
                "circuit_breaker": {"failure_threshold": 2, "timeout": "10s", "dry_run": True},
            }
        ],
    )
    made.backend("orders").answers(ok(status=b"500 Internal Server Error"))

    assert [asked_for(made) for _ in range(4)] == [
        *[(500, None)] * 2,
        *[(500, b"circuit_breaker=breaker.open")] * 2,
    ]
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 1
    assert made.metric("gateway_circuit_breaker_dry_run_total", upstream="orders") == 2
    assert made.metric("gateway_circuit_breaker_rejections_total") == 0
    made.backend("orders").answers(ok())
    assert asked_for(made) == (200, b"circuit_breaker=breaker.open")  # it says nothing: it would not have been sent
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 1
    made.advance(10)
    assert [asked_for(made) for _ in range(2)] == [(200, None)] * 2
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 0
    made.check_quiet()


def test_the_breaker_of_the_whole_upstream_keeps_nothing_out_either(make: Make) -> None:
    """By the share of failures, with a fallback that nobody gets; one exchange is told of once."""
    breaker = {
        "failure_threshold": 1000,
        "error_rate": {"ratio": 0.5, "min_requests": 4},
        "fallback": {"status": 200, "body": "instead"},
        "dry_run": True,
    }
    backends = [{"url": f"http://127.0.0.1:{9001 + number}"} for number in range(2)]
    made = gateway(make, "other", upstreams=[{"name": "orders", "backends": backends}], circuit_breaker=breaker)
    for name in ("orders", "other"):
        made.backend(name).answers(ok(status=b"500 Internal Server Error"))

    answers = [asked_for(made) for _ in range(7)]

    assert [status for status, _ in answers] == [500] * 7
    assert answers[-1] == (500, b"circuit_breaker=breaker.open")
    assert made.metric("gateway_circuit_breaker_state", scope="upstream") == 1
    assert len(made.backend("orders").requests) + len(made.backend("other").requests) == 7


def test_a_balancer_goes_on_picking_and_nothing_begins_slowly(make: Make) -> None:
    """A breaker in dry run that closes has kept no traffic away: the backend has its whole share at once."""
    breaker = {"failure_threshold": 2, "timeout": "5s", "dry_run": True}
    backends = [{"url": f"http://127.0.0.1:{9001 + number}"} for number in range(2)]
    made = gateway(
        make,
        "other",
        upstreams=[{"name": "orders", "backends": backends, "circuit_breaker": breaker, "slow_start": "60s",
                    "passive_health": {"failures": 1000}}],
    )  # fmt: skip
    made.backend("orders").answers(ok(status=b"500 Internal Server Error"))
    for _ in range(8):
        asked_for(made)
    assert made.metric("gateway_circuit_breaker_state", scope="backend", backend="http://127.0.0.1:9001") == 1
    made.backend("orders").answers(ok())
    made.advance(6)
    for _ in range(4):
        asked_for(made)
    assert made.metric("gateway_circuit_breaker_state", scope="backend") == 0
    before = [len(made.backend(name).requests) for name in ("orders", "other")]

    for _ in range(10):
        asked_for(made)

    after = [len(made.backend(name).requests) for name in ("orders", "other")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [5, 5]


# All of them.


def test_one_request_may_meet_several_rules(make: Make) -> None:
    """In the order in which they would have."""
    made = gateway(
        make,
        ip_deny=["192.0.2.0/24"],
        ip_dry_run=True,
        auth_={"type": "jwt", "dry_run": True},
        auth=AUTH,
        rate_limit=DRY,
    )
    asked_for(made)

    assert asked_for(made) == (200, b"ip=auth.forbidden, rate_limit=limit.exceeded, auth=auth.missing")


def test_without_rules_in_dry_run_nothing_is_there_for_them(make: Make) -> None:
    """No field, no member of the log's record; a backend's own field passes."""
    made = gateway(make, rate_limit={"limit": 5}, dry_run_header=True)
    made.backend("orders").answers(ok(b"", (b"X-Dry-Run", b"mine")))

    assert asked_for(made) == (200, b"mine")
    assert "dry_run" not in made.last_log
