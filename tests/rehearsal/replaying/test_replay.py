"""What a configuration answers otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from gateway.config import Settings
from gateway.recorded.log import RecordedLog
from gateway.recorded.request import Recorded
from gateway.rehearsal.callers.recorded import Callers
from gateway.rehearsal.replaying.answered import Answered, Otherwise
from gateway.rehearsal.replaying.replay import Hit, Replayed, replay
from tests.rehearsal.logs import request, settings, write

ROUTE = {"name": "a", "path": "/a/*", "upstream": "a"}
JWT: dict[str, Any] = {
    "jwt": {"default": {"algorithms": ["HS256"], "secret": "a-secret-of-forty-octets-for-the-tests-only"}}
}


def replayed(
    tmp_path: Path, requests: list[Recorded], new: Settings, old: Settings | None = None, **more: Any
) -> Replayed:
    """Write a log, and replay it."""
    path = write(tmp_path / "access.log", requests)
    return replay(lambda: RecordedLog(str(path)), new, old, **more)


def test_nothing_is_otherwise_where_nothing_was_changed(tmp_path: Path) -> None:
    """By the configuration before, and by the log."""
    requests = [request(line, line * 0.1, status=200 + line % 3, route="a", upstream="a") for line in range(1, 1000)]

    for old in (settings(), None):
        found = replayed(tmp_path, requests, settings(), old)

        assert (found.requests, found.otherwise, found.groups, found.left_out.total()) == (999, 0, {}, 0)
        assert found.statuses == {200: 333, 201: 333, 202: 333}


def test_a_new_limit_refuses_who_is_over_it(tmp_path: Path) -> None:
    """How many, which for example, and who is hit."""
    requests = [request(line, line * 0.1, f"/a/{line}", client=f"192.0.2.{line % 2}") for line in range(10)]
    new = settings([ROUTE | {"rate_limit": {"requests": 3, "window": "60s", "scope": "route"}}])

    found = replayed(tmp_path, requests, new, settings())

    group = found.groups[Otherwise("status", "200", "429 (limit.exceeded)")]
    assert (found.otherwise, group.count) == (10, 7)  # the others have fields that they had not
    assert [(one.line, one.target) for one in group.examples] == [(4, "/a/3"), (5, "/a/4"), (6, "/a/5")]
    assert found.hit.clients == {"192.0.2.0": 5, "192.0.2.1": 5}
    assert list(found.kinds) == ["status", "upstream", "fields"]
    assert found.kinds["fields"][0].way.before == "+x-ratelimit-limit +x-ratelimit-remaining +x-ratelimit-reset"


def test_against_the_log_the_status_counts(tmp_path: Path) -> None:
    """And route and upstream, where it has them."""
    requests = [request(1, route="a", upstream="a"), request(2, 1.0, route="gone", upstream="a"), request(3, 2.0, "/b")]

    found = replayed(tmp_path, requests, settings())

    assert {(way.kind, way.before, way.after): group.count for way, group in found.groups.items()} == {
        ("route", "gone", "a"): 1,
        ("status", "200", "404 (route.none)"): 1,
    }


def test_what_others_call_their_routes_is_no_difference(tmp_path: Path) -> None:
    """Envoy's routes and clusters have names of their own."""
    line = {"start_time": 1, "method": "GET", "path": "/a/1", "response_code": 200, "duration": 1}
    path = tmp_path / "envoy.log"
    path.write_bytes(orjson.dumps(line | {"route_name": "main", "upstream_cluster": "outbound|80||a"}))

    found = replay(lambda: RecordedLog(str(path)), settings())

    assert (found.requests, found.otherwise) == (1, 0)


def test_who_was_let_in_by_the_old_route_is_asked_by_the_new_one(tmp_path: Path) -> None:
    """A scope that nobody had to have shuts them out; the one that they had to have does not."""
    old = settings([ROUTE | {"auth": {"type": "jwt", "scopes": ["read"]}}], auth=JWT)
    new = settings([ROUTE | {"auth": {"type": "jwt", "scopes": ["read", "write"]}}], auth=JWT)
    requests = [request(1, user="u1"), request(2, 1.0, user="u2", status=403), request(3, 2.0, status=401)]

    found = replayed(tmp_path, requests, new, old, callers=Callers(["u1", "u2"]))

    assert {way: group.count for way, group in found.groups.items() if way.kind == "status"} == {
        Otherwise("status", "200", "403 (auth.forbidden)"): 1
    }


def test_another_path_at_the_backend_is_one_way(tmp_path: Path) -> None:
    """However many paths there are."""
    new = settings([ROUTE | {"transformations": {"request": {"path": {"strip_prefix": "/a"}}}}])

    found = replayed(tmp_path, [request(line, line * 1.0, f"/a/{line}") for line in range(5)], new, settings())

    assert {way: group.count for way, group in found.groups.items()} == {Otherwise("path", "by a", ""): 5}


def test_a_new_route_takes_requests_over(tmp_path: Path) -> None:
    """By its name, and its upstream's."""
    new = settings([ROUTE, {"name": "b", "path": "/a/1", "upstream": "b"}])

    found = replayed(tmp_path, [request(1), request(2, 1.0, "/a/2")], new, settings())

    assert list(found.groups) == [Otherwise("route", "a", "b"), Otherwise("upstream", "a", "b")]


def test_what_cannot_be_made_is_counted(tmp_path: Path) -> None:
    """By the reason, and not among the requests."""
    found = replayed(tmp_path, [request(1, status=101), request(2, 1.0)], settings(), settings())

    assert (found.requests, list(found.left_out.values())) == (1, [1])


def test_ways_without_end_are_counted_together() -> None:
    """Memory stays bounded."""
    found = Replayed(hit=Hit(most=2), most=2)
    for line in range(5):
        one = request(line, client=f"192.0.2.{line}")
        found.add(one, Answered(404), [Otherwise("status", str(200 + line), "404")])

    assert (found.otherwise, len(found.groups), found.beyond) == (5, 2, 3)
    assert (len(found.hit.clients), found.hit.more) == (2, True)


def test_kinds_may_be_left_aside(tmp_path: Path) -> None:
    """One that is expected everywhere hides the others."""
    new = settings([ROUTE | {"security_headers": True}])

    assert replayed(tmp_path, [request()], new, settings()).otherwise == 1
    assert replayed(tmp_path, [request()], new, settings(), ignored=frozenset({"fields"})).otherwise == 0


def test_progress_is_told(tmp_path: Path) -> None:
    """Now and then, and at the end."""
    told: list[int] = []

    replayed(tmp_path, [request(line, line * 0.1) for line in range(250)], settings(), progress=told.append)

    assert told == [100, 200, 250]
