"""Every decision about one request, with the key that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config.loading import load_with_places
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.decisions import ENDED, NOT_REACHED, PASSED, Explanation, explain

FILE = """\
listeners:
  - {name: public, endpoint: "tcp:8080"}
ip_deny: [198.51.100.0/24]
auth:
  jwt: {default: {algorithms: [HS256], secret: a-secret-of-forty-octets-for-the-tests-only, issuer: i, audience: a}}
groups:
  people:
    auth: {type: jwt, roles: [admin]}
upstreams:
  - {name: users, backends: [{url: "http://127.0.0.1:9001"}]}
routes:
  - name: users
    path: /api/users/:id
    group: people
    upstream: users
    rate_limit: {requests: 10, window: 60s}
    transformations: {request: {path: {strip_prefix: /api}, remove_headers: [X-Internal]}}
"""


def explained(directory: Path, claims: dict[str, Any] | None = None, **request: Any) -> Explanation:
    """Explain a request on the configuration above."""
    (directory / "g.yaml").write_text(FILE)
    asked = CaseRequest.model_validate({"url": "http://x/api/users/7", **request})
    return explain(load_with_places(directory / "g.yaml", {}), asked, claims, TIME)


def told(explanation: Explanation) -> dict[str, tuple[str, str, int]]:
    """Return words, key and line of each decision, by its name."""
    return {one.name: (one.words, one.key, 0 if one.place is None else one.place.line) for one in explanation.decisions}


def test_what_passes_is_told_to_the_end(tmp_path: Path) -> None:
    """Listener, route, each step, upstream and answer; what comes from a group is placed there."""
    explanation = explained(tmp_path, {"sub": "u", "roles": ["admin"]}, headers={"X-Internal": "1"})

    found = told(explanation)
    assert found["public"] == ("comes in by tcp:8080, from 192.0.2.1", "listeners[0]", 2)
    assert found["users"][2] == 10  # the upstream, which has the route's name
    assert [one.place and one.place.line for one in explanation.decisions if one.kind == "route"] == [12]
    assert found["ip_rules"] == (PASSED, "ip_deny", 3)
    assert found["authentication"] == (PASSED, "routes[0].auth", 8)
    assert found["ratelimit:pre"] == (PASSED, "routes[0].rate_limit", 16)
    assert found["transformation"] == (PASSED, "routes[0].transformations", 17)
    assert found["body_limit"] == (PASSED, "", 0)
    assert found["200"][0] == "as the upstream has it"


def test_what_the_upstream_gets_is_compared_with_what_was_sent(tmp_path: Path) -> None:
    """Request line, fields that were taken out or added, and the same ones."""
    explanation = explained(tmp_path, {"sub": "u", "roles": ["admin"]}, headers={"X-Internal": "1", "Accept": "*/*"})

    lines = explanation.difference
    assert lines[:2] == ["- GET /api/users/7 HTTP/1.1", "+ GET /users/7 HTTP/1.1"]
    for line in ("- x-internal: 1", "  accept: */*", "+ x-user-id: u", "  host: x"):
        assert line in lines, lines
    assert any(line.startswith("- authorization: Bearer ") for line in lines)


def test_the_copy_of_a_mirror_is_not_what_the_upstream_gets(tmp_path: Path) -> None:
    """Where it comes last, the request of the route's own upstream is compared still."""
    path = tmp_path / "g.yaml"
    path.write_text(
        "upstreams:\n"
        "  - {name: a, backends: [{url: 'http://127.0.0.1:9001'}]}\n"
        "  - {name: copies, backends: [{url: 'http://127.0.0.1:9002'}], host_header: backend}\n"
        "routes:\n"
        "  - {name: a, path: /a, upstream: a, mirror: {upstream: copies}}\n"
    )

    explanation = explain(load_with_places(path, {}), CaseRequest(url="http://x/a"), None, TIME)

    assert [one.upstream for one in explanation.outcome.sent] == ["a", "copies"]
    assert "  host: x" in explanation.difference


def test_what_is_refused_is_told_to_where_it_ended(tmp_path: Path) -> None:
    """The steps behind it were not reached, and nothing was sent."""
    explanation = explained(tmp_path, {"sub": "u"})

    found = told(explanation)
    assert found["ip_rules"][0] == PASSED
    assert found["authentication"] == (f"{ENDED}: auth.forbidden", "routes[0].auth", 8)
    assert found["transformation"][0] == NOT_REACHED
    assert found["403"][0] == "auth.forbidden"
    assert explanation.difference == []


def test_where_no_route_takes_it_the_near_ones_are_told(tmp_path: Path) -> None:
    """With why they do not."""
    explanation = explained(tmp_path, url="http://x/api/user/7")

    assert told(explanation)["none"][0] == "no route takes it: route.none"
    assert explanation.considered
