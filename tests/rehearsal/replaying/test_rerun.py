"""The requests of a log, taken through a gateway in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.recorded.request import Recorded
from gateway.rehearsal.callers.recorded import Callers
from gateway.rehearsal.replaying.answered import Answered
from gateway.rehearsal.replaying.rerun import Rerun
from tests.rehearsal.logs import request, settings

ROUTE = {"name": "a", "path": "/a/*", "upstream": "a"}
SECRET = "a-secret-of-forty-octets-for-the-tests-only"


def take(
    requests: list[Recorded], *routes: dict[str, Any], callers: Callers | None = None, **more: Any
) -> list[Answered]:
    """Take requests through a configuration."""
    rerun = Rerun(settings(routes, **more), callers or Callers())
    return list(rerun.take(requests))


def test_a_backend_answers_as_the_log_says() -> None:
    """With the status; what the upstream and the client got is known."""
    (taken,) = take([request(status=404, target="/a/1?b=c")])

    assert (taken.status, taken.route, taken.upstream, taken.reason) == (404, "a", "a", None)
    assert taken.sent == "GET /a/1?b=c"
    assert ("x-forwarded-for", "192.0.2.7") in taken.sent_fields
    assert ("content-length", "0") in taken.fields
    assert "x-request-id" not in dict(taken.fields)


def test_what_a_cache_fetches_is_known_where_upstreams_have_the_same_backend() -> None:
    """As what is forwarded."""
    upstreams = [{"name": name, "backends": [{"url": "http://a:80"}]} for name in ("first", "a")]

    (taken,) = take([request()], ROUTE | {"cache": {}}, upstreams=upstreams)

    assert (taken.upstream, taken.sent) == ("a", "GET /a/1")


@pytest.mark.parametrize("status", [200, 204, 304, 418, 599])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_any_status_is_answered(method: str, status: int) -> None:
    """Those without content too."""
    (taken,) = take([request(method=method, status=status)])

    assert taken.status == status


def test_a_backend_takes_the_time_that_the_log_says() -> None:
    """So that a shorter timeout shows; the time of the upstream counts, where the log has that by itself."""
    requests = [
        request(1, seconds=3.0),
        request(2, 10.0, seconds=7.0),
        request(3, 20.0, seconds=7.0, upstream_seconds=3.0),
    ]

    statuses = [(one.status, one.reason) for one in take(requests, ROUTE | {"timeout": "5s"})]

    assert statuses == [(200, None), (504, "upstream.timeout"), (200, None)]


def test_requests_overlap_as_they_did() -> None:
    """Three at once are one too many for two places; after each other they are not."""
    route = ROUTE | {"in_flight": 2}
    at_once = [request(line, line * 0.1, seconds=1.0) for line in range(1, 4)]
    one_by_one = [request(line, line * 2.0, seconds=1.0) for line in range(1, 4)]

    assert [one.status for one in take(at_once, route)] == [200, 200, 503]
    assert [one.status for one in take(one_by_one, route)] == [200, 200, 200]


def test_limits_count_by_the_time_of_the_log() -> None:
    """A minute is a minute, though it passes in no time."""
    route = ROUTE | {"rate_limit": {"requests": 2, "window": "60s"}}
    requests = [request(line, after) for line, after in enumerate((0.0, 1.0, 2.0, 200.0), 1)]

    assert [one.status for one in take(requests, route)] == [200, 200, 429, 200]
    others = [request(line, line * 0.1, client=f"192.0.2.{line}") for line in range(1, 4)]
    assert [one.status for one in take(others, route)] == [200, 200, 200]


def test_outcomes_come_in_the_order_of_the_requests() -> None:
    """A slow one holds up what is told, not what happens."""
    requests = [request(1, 0.0, "/a/slow", 201, seconds=5.0), request(2, 0.1, "/a/quick", 202)]

    assert [(one.sent, one.status) for one in take(requests)] == [("GET /a/slow", 201), ("GET /a/quick", 202)]


@pytest.mark.parametrize(
    ("reason", "status", "found"),
    [
        ("upstream.reset", 502, (502, "upstream.reset")),
        ("upstream.timeout", 504, (504, "upstream.timeout")),
        ("rate_limit.exceeded", 429, (200, None)),
    ],
)
def test_what_the_gateway_answered_itself_is_not_the_backend_s_answer(
    reason: str, status: int, found: tuple[int, str | None]
) -> None:
    """A backend that broke off or kept silent does so again; of one that was not asked nothing is known."""
    (taken,) = take([request(status=status, reason=reason)], ROUTE | {"timeout": "5s"})

    assert (taken.status, taken.reason) == found


def test_what_another_server_took_may_be_refused() -> None:
    """A target that is none, in the octets in which it came."""
    found = take([request(target="/a/ü"), request(2, 1.0, target="/a/#b"), request(3, 2.0, target="/a/%zz")])

    assert [one.status for one in found] == [400, 400, 400]
    assert {one.reason for one in found} == {"request.malformed"}


def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    """However long the route would wait: what comes after it is told."""
    requests = [request(1, status=504, reason="upstream.timeout"), request(2, 1.0)]

    found = take(requests, ROUTE | {"timeout": "2h", "request_timeout": "0s"})

    assert [one.status for one in found] == [0, 200]


def test_a_client_that_had_gone_is_answered_now() -> None:
    """What the backend would have said is not known: 200."""
    assert [one.status for one in take([request(status=499), request(2, 1.0, status=0)])] == [200, 200]


def test_tunnels_and_odd_hosts_are_left_out() -> None:
    """With the reason; the others go on."""
    requests = [
        request(1, status=101),
        request(2, method="CONNECT"),
        request(3, host="a b"),
        request(4, 1.0),
    ]

    assert [one.left_out.partition(":")[0] for one in take(requests)] == [
        "a tunnel",
        "a tunnel",
        "its host is no name of one",
        "",
    ]


def test_a_request_comes_in_by_the_listener_of_its_scheme() -> None:
    """And by TLS where the log says so."""
    listeners = [{"name": "open", "endpoint": "tcp:8080"}, {"name": "internal", "endpoint": "tcp:8081"}]
    routes = [ROUTE | {"listeners": ["internal"]}]

    found = take([request(host="x:8081"), request(2, 1.0, host="x")], *routes, listeners=listeners)

    assert [one.status for one in found] == [200, 404]


def test_a_log_without_hosts_and_clients_will_do() -> None:
    """Something stands for both."""
    (taken,) = take([request(host="", client="")])

    assert taken.status == 200
    assert ("x-forwarded-host", "localhost") in taken.sent_fields


@pytest.mark.parametrize("way", ["jwt", "api_key"])
def test_callers_are_made_up_as_the_route_wants_them(way: str) -> None:
    """By the names in the log; who was refused shows nothing, and is refused again."""
    auth = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}, "api_keys": {"keys": []}}
    requests = [
        request(1, user="u1"),
        request(2, 1.0, status=401),
        request(3, 2.0, user="u2", status=403),
    ]

    found = take(
        requests, ROUTE | {"auth": {"type": way, "scopes": ["read"]}}, callers=Callers(["u1", "u2"]), auth=auth
    )

    assert [one.status for one in found] == [200, 401, 403]
    assert ("x-user-id", "u1") in found[0].sent_fields


def test_a_route_that_wants_what_cannot_be_made_up_leaves_requests_out(tmp_path: Path) -> None:
    """Passwords are not guessed."""
    users = tmp_path / "users"
    users.write_text("u1:$2b$04$u6ngGdUvrHzAd4h1xBrnJOvJm2VJcIOLhBsYXh6e4TrqZ6xVjxgAi\n")
    basic = {"basic": {"users_file": str(users)}}

    (taken,) = take([request(user="u1")], ROUTE | {"auth": {"type": "basic"}}, callers=Callers(["u1"]), auth=basic)

    assert taken.left_out.startswith("`claims` cannot be shown where a route asks for `basic`")


def test_a_field_that_the_log_has_is_sent() -> None:
    """Routes may go by it."""
    routes: list[dict[str, Any]] = [ROUTE, ROUTE | {"name": "phones", "headers": {"User-Agent": "~Phone"}}]

    found = take([request(headers=(("User-Agent", "a Phone"),)), request(2, 1.0)], *routes)

    assert [one.route for one in found] == ["phones", "a"]


def test_each_answer_goes_to_who_asked() -> None:
    """However many are on their way to one backend, and whoever comes first."""
    requests = [request(line, line * 0.01, status=200 + line, seconds=1.0 - line * 0.04) for line in range(20)]

    assert [one.status for one in take(requests)] == [200 + line for line in range(20)]


def test_a_breaker_opens_as_it_would_have() -> None:
    """After so many failures, for so long."""
    upstreams = [{"name": "a", "backends": [{"url": "http://a:80"}], "circuit_breaker": {"failure_threshold": 3}}]
    requests = [request(line, line * 1.0, status=500) for line in range(1, 6)] + [request(6, 60.0)]

    found = take(requests, ROUTE, upstreams=upstreams)

    assert [one.status for one in found] == [500, 500, 500, 503, 503, 200]


def test_nothing_is_kept_of_what_is_over() -> None:
    """A log may have any length."""
    rerun = Rerun(settings(), Callers())

    assert sum(1 for _ in rerun.take(request(line, line * 0.1) for line in range(1000))) == 1000

    assert (rerun.memory.log.lines, rerun.backends.sent) == ([], [])
    assert len(rerun.memory.network.transports) < 10
