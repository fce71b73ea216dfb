"""Rate limits, through the whole gateway: what the client, the log and the metrics see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import argon2
import pytest

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.tokens import SECRET, said, sign

HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("s3cret")

Make = Callable[..., Harness]
WALL = 1_781_000_000
"""Unix time when a harness begins."""


def limited(make: Make, *limits: dict[str, Any], path: str = "/orders/*", **settings: Any) -> Harness:
    """A gateway whose route has these limits."""
    return make(
        "orders", routes=[{"name": "orders", "path": path, "upstream": "orders", "rate_limit": limits}], **settings
    )


def fields(response: Received) -> tuple[int, ...]:
    """Status, and what X-RateLimit-* say; the time as seconds from the beginning."""
    headers = {name.lower(): value for name, value in response.headers}
    told = [headers.get(b"x-ratelimit-" + name) for name in (b"limit", b"remaining", b"reset")]
    if None in told:
        assert told == [None] * 3
        return (response.status,)
    limit, remaining, reset = (int(value or b"") for value in told)
    return response.status, limit, remaining, reset - WALL


def field(response: Received, name: bytes) -> bytes | None:
    """One field of a response."""
    return next((value for found, value in response.headers if found.lower() == name), None)


def test_every_response_tells_what_is_left_and_the_last_when_to_come_again(make: Make) -> None:
    """The defining example: 429, `Retry-After`, a reason in body, header, log and metrics."""
    gateway = limited(make, {"requests": 2, "window": "60s"})

    said = [fields(gateway.get("/orders/7")) for _ in range(2)]
    refused = gateway.get("/orders/7")

    assert said == [(200, 2, 1, 30), (200, 2, 0, 60)]
    assert fields(refused) == (429, 2, 0, 60)
    assert field(refused, b"retry-after") == b"30"
    assert field(refused, b"gateway-reason") == b"limit.exceeded"
    assert gateway.last_log["reason"] == "limit.exceeded"
    assert len(gateway.backend("orders").requests) == 2
    assert gateway.metric("gateway_rate_limit_violations_total", route="orders") == 1
    assert gateway.metric("gateway_rate_limit_exceeded_total", route="orders") == 1
    assert gateway.metric("gateway_rate_limit_decisions_total", route="orders", outcome="allowed") == 2
    assert gateway.metric("gateway_rate_limit_decisions_total", route="orders", outcome="limited") == 1


def test_who_comes_when_told_to_passes(make: Make) -> None:
    """After `Retry-After` a request passes."""
    gateway = limited(make, {"requests": 2, "window": "60s"})
    for _ in range(2):
        gateway.get("/orders/7")
    again = int(field(gateway.get("/orders/7"), b"retry-after") or b"")

    gateway.advance(again - 1)
    assert gateway.get("/orders/7").status == 429
    gateway.advance(1)

    assert gateway.get("/orders/7").status == 200


def test_a_window_slides(make: Make) -> None:
    """A fixed window would begin anew at the minute."""
    gateway = limited(make, {"requests": 3, "window": "60s", "algorithm": "sliding_window"})
    statuses = []
    for pause in (50, 5, 4, 2, 49, 1):
        gateway.advance(pause)
        statuses.append(gateway.get("/orders/7").status)

    assert statuses == [200, 200, 200, 429, 429, 200]


@pytest.mark.parametrize("status", [200, 404, 500])
def test_the_fields_are_on_every_status_of_the_backend(make: Make, status: int) -> None:
    """A backend's own fields of these names do not pass: they tell of other limits."""
    gateway = limited(make, {"requests": 5, "window": "60s"})
    theirs = b"HTTP/1.1 %d X\r\nX-RateLimit-Remaining: 77\r\nContent-Length: 0\r\n\r\n" % status
    gateway.backend("orders").answers(theirs)

    response = gateway.get("/orders/7")

    assert fields(response) == (status, 5, 4, 12)
    assert [name for name, _ in response.headers].count(b"X-RateLimit-Remaining") == 1


def test_the_fields_are_on_what_the_gateway_answers_itself(make: Make) -> None:
    """502, and 413."""
    gateway = limited(make, {"requests": 5, "window": "60s"}, limits={"request_body": 10})
    gateway.backend("orders").refuse_connections()

    assert fields(gateway.get("/orders/7")) == (502, 5, 4, 12)
    assert fields(gateway.request("POST", "/orders/7", body=b"x" * 11)) == (413, 5, 3, 24)


def test_a_route_without_limits_says_nothing_of_them(make: Make) -> None:
    """Nor does a 404."""
    gateway = make(
        "orders", "users", rate_limits=[{"endpoint": "/users/*", "scope": "ip", "limit": 5, "window": "60s"}]
    )

    assert fields(gateway.get("/orders/7")) == (200,)
    assert fields(gateway.get("/nowhere")) == (404,)
    assert fields(gateway.get("/users/7")) == (200, 5, 4, 60)


def test_the_tightest_of_several_speaks_and_all_must_agree(make: Make) -> None:
    """A request that the narrow limit refuses is not counted by the wide one."""
    gateway = limited(
        make,
        {"requests": 2, "window": "1s", "algorithm": "sliding_window"},
        {"requests": 100, "window": "1h", "algorithm": "sliding_window"},
    )

    told = [fields(gateway.get("/orders/7"))[:3] for _ in range(5)]
    assert told == [(200, 2, 1), (200, 2, 0), (429, 2, 0), (429, 2, 0), (429, 2, 0)]
    for _ in range(49):
        gateway.advance(1.1)
        assert [gateway.get("/orders/7").status for _ in range(3)] == [200, 200, 429]

    gateway.advance(1.1)
    assert fields(gateway.get("/orders/7"))[:3] == (429, 100, 0)


def test_a_limit_of_several_routes_is_one_count_and_a_routes_own_is_its_own(make: Make) -> None:
    """Per caller."""
    gateway = make(
        "orders",
        routes=[
            {"name": name, "path": f"/{name}/*", "upstream": "orders", "rate_limit": {"requests": 4, "window": "60s"}}
            for name in ("a", "b")
        ],
        rate_limits=[{"scope": "ip", "limit": 6, "window": "60s"}],
    )

    left = [fields(gateway.get(path))[1:3] for path in ("/a/1", "/b/1", "/a/1", "/b/1", "/b/1", "/b/1")]

    assert left == [(4, 3), (4, 3), (4, 2), (6, 2), (6, 1), (6, 0)]
    assert gateway.get("/a/1").status == 429


def test_a_limit_for_a_part_of_a_routes_paths_counts_that_part(make: Make) -> None:
    """By the path that routing goes by, however it is written."""
    gateway = limited(
        make, path="/*", rate_limits=[{"endpoint": "/search/:what", "scope": "ip", "limit": 2, "window": "60s"}]
    )

    assert fields(gateway.get("/search/a")) == (200, 2, 1, 60)
    assert fields(gateway.get("/other")) == (200,)
    assert fields(gateway.get("/search/%62"))[:3] == (200, 2, 0)
    assert fields(gateway.get("/x/../search/%62")) == (429, 2, 0, 60)  # counted though no route takes it
    assert gateway.get("/search/c").status == 429
    assert gateway.get("/search/c/d").status == 200


def test_addresses_are_apart_and_a_proxy_is_believed_only_if_trusted(make: Make) -> None:
    """Otherwise a client would have as many counts as it can make up addresses."""
    gateway = limited(make, {"requests": 1, "window": "60s"}, trusted_proxies=["192.0.2.9"])

    def status(peer: str, said: str | None = None) -> int:
        headers = {} if said is None else {"X-Forwarded-For": said}
        return gateway.request("GET", "/orders/7", headers, client=gateway.client(peer)).status

    assert [status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.1")] == [200, 200, 429]
    assert status("192.0.2.1", "198.51.100.1") == 429
    assert [status("192.0.2.9", "198.51.100.1"), status("192.0.2.9", "198.51.100.2")] == [200, 200]
    assert status("192.0.2.9", "198.51.100.1") == 429


def protected(make: Make, *limits: dict[str, Any], path: str = "/orders/*", **settings: Any) -> Harness:
    """A gateway whose route asks for a token, with these limits."""
    route = {"name": "orders", "path": path, "upstream": "orders", "auth": {"type": "jwt"}, "rate_limit": limits}
    return make(
        "orders",
        routes=[route],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
        **settings,
    )


def ask(gateway: Harness, user: str | None, address: str = "192.0.2.1", token: str | None = None) -> Received:
    """Make a request with a token, or without."""
    token = token or (None if user is None else sign(SECRET, "HS256", said(sub=user)))
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return gateway.request("GET", "/orders/7", headers, client=gateway.client(address))


def test_users_are_counted_wherever_they_are(make: Make) -> None:
    """By their principal: other users at the same address lose nothing."""
    gateway = protected(make, {"requests": 2, "window": "60s", "scope": "user"})

    assert [ask(gateway, "alice", f"192.0.2.{number}").status for number in range(1, 4)] == [200, 200, 429]
    assert ask(gateway, "bob").status == 200


def test_a_limit_for_a_part_of_a_routes_paths_speaks_there_also_before_it_is_asked(make: Make) -> None:
    """Where nothing is counted, since nobody knows who is calling."""
    gateway = protected(
        make, path="/*", rate_limits=[{"endpoint": "/orders/7", "scope": "user", "limit": 2, "window": "60s"}]
    )

    assert fields(ask(gateway, None)) == (401, 2, 2, 0)
    assert fields(gateway.get("/orders/8")) == (401,)


def test_who_has_no_credential_takes_nothing_from_who_has(make: Make) -> None:
    """A 401 has the fields of an unused limit."""
    gateway = protected(make, {"requests": 2, "window": "60s", "scope": "user"})

    for _ in range(5):
        assert fields(ask(gateway, None)) == (401, 2, 2, 0)

    assert fields(ask(gateway, "alice"))[:3] == (200, 2, 1)


def test_a_flood_of_bad_tokens_ends_at_the_limit_by_address(make: Make) -> None:
    """Before any of them is verified (C-06)."""
    gateway = protected(
        make, {"requests": 3, "window": "60s", "scope": "ip"}, {"requests": 100, "window": "60s", "scope": "user"}
    )

    told = [fields(ask(gateway, None, token="a.b.c"))[:3] for _ in range(5)]

    assert told == [(401, 3, 2), (401, 3, 1), (401, 3, 0), (429, 3, 0), (429, 3, 0)]
    assert ask(gateway, "alice").status == 429
    assert ask(gateway, "alice", "192.0.2.2").status == 200


def test_of_a_limit_by_address_and_one_by_user_the_tighter_speaks(make: Make) -> None:
    """Two steps count, and the fields tell of the tighter limit."""
    gateway = protected(
        make, {"requests": 5, "window": "60s", "scope": "ip"}, {"requests": 3, "window": "60s", "scope": "user"}
    )

    assert fields(ask(gateway, "alice"))[:3] == (200, 3, 2)
    assert fields(ask(gateway, "bob"))[:3] == (200, 3, 2)
    assert fields(ask(gateway, "bob", "192.0.2.2"))[:3] == (200, 3, 1)
    assert fields(ask(gateway, "carol"))[:3] == (200, 5, 2)


def test_the_fields_of_the_ietf_where_they_are_wanted(make: Make) -> None:
    """A policy for each limit, and the state of the tightest."""
    limits = ({"requests": 2, "window": "60s"}, {"requests": 9, "window": "1h", "scope": ["ip", "route"]})
    gateway = limited(make, *limits, ratelimit_headers=["ietf"])
    first, _, refused = (gateway.get("/orders/7") for _ in range(3))

    assert fields(first) == (200,)
    assert field(first, b"ratelimit-policy") == b'"ip";q=2;w=60, "ip+route";q=9;w=3600'
    assert field(first, b"ratelimit") == b'"ip";r=1;t=30'
    assert field(refused, b"ratelimit") == b'"ip";r=0;t=30'


def test_no_fields_where_none_are_wanted(make: Make) -> None:
    """The limit holds all the same."""
    gateway = limited(make, {"requests": 1, "window": "60s"}, ratelimit_headers=[])

    assert fields(gateway.get("/orders/7")) == (200,)
    assert fields(gateway.get("/orders/7")) == (429,)


def test_a_reload_keeps_what_was_counted(make: Make) -> None:
    """For limits that are the same, and for those that only got wider."""
    gateway = limited(make, {"requests": 2, "window": "60s", "algorithm": "sliding_window"})
    gateway.get("/orders/7")
    gateway.get("/orders/7")

    gateway.apply(timeouts={"connect": 2})
    assert gateway.get("/orders/7").status == 429
    wider = {"requests": 3, "window": "60s", "algorithm": "sliding_window"}
    gateway.apply(routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "rate_limit": wider}])

    assert fields(gateway.get("/orders/7"))[:3] == (200, 3, 0)


def test_the_answer_to_a_request_under_way_is_that_of_its_own_moment(make: Make) -> None:
    """It tells what was left when it was counted."""
    gateway = limited(make, {"requests": 5, "window": "60s"})
    gateway.backend("orders").stall()
    first, second = gateway.client(), gateway.client()
    for client in (first, second):
        gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n", client)
    for asked in gateway.backend("orders").requests:
        asked.connection.send(ok())
    gateway.network.pump()

    assert [fields(client.responses()[0])[2] for client in (first, second)] == [4, 3]


# Redis: nothing listens in this network, which is an outage.


def without_redis(make: Make, **settings: Any) -> Harness:
    """A gateway that counts in a Redis that is not there."""
    return limited(make, {"requests": 4, "window": "60s"}, rate_limit_store="redis", **settings)


def test_while_redis_is_away_each_instance_counts_its_share(make: Make) -> None:
    """`on_store_failure: local`, the default."""
    gateway = without_redis(make, rate_limit_instances=2)

    assert [fields(gateway.get("/orders/7"))[:3] for _ in range(3)] == [(200, 2, 1), (200, 2, 0), (429, 2, 0)]
    assert gateway.metric("gateway_rate_limit_fallbacks_total", mode="local") == 3
    assert gateway.metric("gateway_store_up", store="redis") == 0


def test_while_redis_is_away_everybody_may_pass(make: Make) -> None:
    """`on_store_failure: open`."""
    gateway = without_redis(make, on_store_failure="open")

    assert {fields(gateway.get("/orders/7")) for _ in range(9)} == {(200, 4, 4, 0)}


def test_while_redis_is_away_nobody_may_pass(make: Make) -> None:
    """`on_store_failure: closed`."""
    gateway = without_redis(make, on_store_failure="closed")

    response = gateway.get("/orders/7")

    assert fields(response) == (503, 4, 4, 0)
    assert field(response, b"gateway-reason") == b"limit.unavailable"
    assert not gateway.backend("orders").requests


def test_what_no_route_takes_spends_what_its_address_has(make: Make) -> None:
    """404 and 405: such requests are limited like others (R-RL-24), and have the fields (R-RL-11)."""
    gateway = make(
        "orders",
        routes=[{"name": "orders", "path": "/orders", "methods": ["GET"], "upstream": "orders"}],
        rate_limits=[
            {"scope": "ip", "limit": 4, "window": "60s"},
            {"endpoint": "/hidden/*", "scope": "ip", "limit": 1, "window": "60s"},
            {"scope": "user", "limit": 2, "window": "60s"},
        ],
    )

    assert fields(gateway.get("/nowhere")) == (404, 4, 3, 60)
    assert fields(gateway.request("PUT", "/orders")) == (405, 4, 2, 60)
    assert fields(gateway.get("/hidden/7")) == (404, 1, 0, 60)
    assert fields(gateway.get("/hidden/8"))[:3] == (429, 1, 0)
    assert fields(gateway.get("/nowhere"))[:3] == (404, 4, 0)
    refused = gateway.get("/nowhere")
    assert fields(refused)[:3] == (429, 4, 0)
    assert field(refused, b"gateway-reason") == b"limit.exceeded"
    assert int(field(refused, b"retry-after") or b"") > 0
    assert gateway.get("/orders").status == 429  # one count


def test_what_cannot_be_read_counts_and_still_closes(make: Make) -> None:
    """400 or 429: either way the connection ends, since nobody knows where the next request would begin."""
    gateway = make("orders", rate_limits=[{"scope": "ip", "limit": 1, "window": "60s"}])

    for status in (400, 429):
        client = gateway.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert [response.status for response in client.responses()] == [status]
        assert client.closed is not None


BODY = b"POST /v1/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (501, b"BREW /v1/a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (501, b"DESCRIBE /v1/a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (501, b"SOURCE http://a/v1/a?b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET //v1/%61 HTTP/1.1\r\n\r\n"),
        (400, b"GET /v1/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, b"GET /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
        (400, BODY),
        (431, b"GET /v1/a HTTP/1.1\r\nX: " + b"x" * 40_000),
        (400, b"GET /v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /v1/a HTTP/1.1\r\nHost: a..\r\n\r\n"),
    ],
)
def test_what_is_answered_without_a_route_spends_what_its_path_has(make: Make, status: int, request_: bytes) -> None:
    """A method that nobody knows, a head or content that cannot be read: the request line said what it is about."""
    gateway = make(
        "orders",
        routes=[{"path": "/v1/a", "upstream": "orders"}, {"path": "/", "host": "b.example", "upstream": "orders"}],
        rate_limits=[{"endpoint": "/v1/*", "scope": "ip", "limit": 2, "window": "60s"}],
    )

    answers = [gateway.send(request_).responses()[-1] for _ in range(3)]

    assert [answer.status for answer in answers] == [status, status, 429]
    assert [field(answer, b"x-ratelimit-remaining") for answer in answers] == [b"1", b"0", b"0"]
    assert gateway.last_log["path"].startswith("/")


@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/oauth/token", "/oauth/jwks.json"])
def test_paths_of_the_gateway_itself_have_limits_with_a_count_of_their_own(make: Make, path: str) -> None:
    """Those whose `endpoint` matches, by address."""
    gateway = make(
        "orders",
        rate_limits=[{"endpoint": path, "scope": "ip", "limit": 2, "window": "60s"}],
        admin={"metrics_public": True},
        auth={"oauth": {"issuer": "https://gw.example", "clients": [{"id": "acme", "secret_hash": HASH}]}},
    )

    first = gateway.get(path)
    assert first.status in (200, 405)
    assert fields(first)[1:3] == (2, 1)
    gateway.get(path)

    assert fields(gateway.get(path))[:3] == (429, 2, 0)
    assert gateway.get("/orders/7").status == 200


def test_a_limit_for_everything_never_hides_that_the_gateway_lives(make: Make) -> None:
    """An orchestrator would end it; other paths of the gateway are limited, with a count of their own."""
    gateway = make("orders", rate_limits=[{"scope": "ip", "limit": 1, "window": "60s"}], admin={"metrics_public": True})

    assert [gateway.get("/health").status for _ in range(3)] == [200] * 3
    assert [gateway.get("/metrics").status for _ in range(2)] == [200, 429]
    assert [gateway.get("/orders/7").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])
def test_what_the_limit_of_a_user_refuses_costs_nothing_of_the_address(make: Make, algorithm: str) -> None:
    """All or none (R-RL-09), though one is looked at before authentication and the other behind it."""
    gateway = protected(
        make,
        {"requests": 2, "window": "60s", "scope": "user", "algorithm": algorithm},
        {"requests": 6, "window": "60s", "scope": "ip", "algorithm": algorithm},
    )

    assert [ask(gateway, "alice").status for _ in range(12)] == [200, 200] + [429] * 10
    assert [ask(gateway, "bob").status for _ in range(2)] == [200, 200]
    assert ask(gateway, "carol").status == 200
    assert ask(gateway, None).status == 401  # what authentication refuses is not given back
    assert fields(ask(gateway, "dora"))[:3] == (429, 6, 0)


def test_a_refused_token_request_costs_nothing_of_the_address(make: Make) -> None:
    """The limit of the endpoint refuses; the one of `rate_limits` is for all that the address asks there."""
    gateway = make(
        "orders",
        rate_limits=[{"endpoint": "/oauth/*", "scope": "ip", "limit": 4, "window": "60s"}],
        auth={
            "oauth": {
                "issuer": "https://gw.example",
                "rate_limit": {"requests": 2, "window": "60s"},
                "clients": [{"id": one, "secret_hash": HASH} for one in ("acme", "other")],
            }
        },
    )

    def token(client: str) -> int:
        body = f"grant_type=client_credentials&client_id={client}&client_secret=s3cret".encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return gateway.request("POST", "/oauth/token", form, body).status

    assert [token("acme") for _ in range(6)] == [200, 200, 429, 429, 429, 429]
    assert [token("other") for _ in range(2)] == [200, 200]
    assert fields(gateway.get("/oauth/token"))[0] == 429  # now the address has nothing left
