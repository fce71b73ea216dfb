"""What no request reaches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import load_with_doubts

API = {"name": "api", "backends": [{"url": "http://127.0.0.1:9001"}]}


def doubts(directory: Path, routes: list[dict[str, Any]], **settings: Any) -> list[str]:
    """What is doubtful; keys and words."""
    file = directory / "g.json"
    given = {"upstreams": [API], "routes": [{"upstream": "api", **route} for route in routes], **settings}
    file.write_text(json.dumps(given, indent=1))
    return [f"{doubt.path}: {doubt.message}" for doubt in load_with_doubts(file, {})[1]]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "/*"}, {"path": "/*"}),
        ({"path": "/a/%41"}, {"path": "/a/A"}),
        ({"path": "/a//b"}, {"path": "/a/b"}),
        ({"path": "/a/:id"}, {"path": "/a/{x}"}),
        ({"path": "/a/*"}, {"path": "/a/{*rest}"}),
        ({"path": "/", "host": "[2001:db8:0:0::1]"}, {"path": "/", "host": "[2001:db8::1]"}),
        ({"path": "/", "host": "API.example.com"}, {"path": "/", "host": "api.example.com."}),
        ({"path": "/"}, {"path": "/", "methods": ["GET"]}),
        ({"path": "/", "methods": ["GET", "PUT"]}, {"path": "/", "methods": ["PUT"]}),
        ({"path": "/", "headers": {"X-A": "1"}}, {"path": "/", "headers": {"x-a": "1"}}),
    ],
)
def test_a_route_behind_another_for_the_same_requests(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """However the second is written: it is the first that takes them."""
    (said,) = doubts(tmp_path, [{"name": "one", **first}, second])

    assert said == "routes[1].path: no request reaches it: `routes[0]`, one, takes them all"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": "/a"}, {"path": "/a/"}),
        ({"path": "/a"}, {"path": "/a/*"}),
        ({"path": "/a/:id"}, {"path": "/a/id"}),
        ({"path": "/"}, {"path": "/", "host": "h"}),
        ({"path": "/", "methods": ["GET"]}, {"path": "/"}),
        ({"path": "/"}, {"path": "/", "methods": ["TRACE"]}),
        ({"path": "/"}, {"path": "/", "headers": {"X-A": "1"}}),
        ({"path": "/"}, {"path": "/", "query": {"a": "1"}}),
    ],
)
def test_routes_that_both_have_requests_of_their_own(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Nothing is said of them."""
    assert doubts(tmp_path, [first, second]) == []


@pytest.mark.parametrize(
    ("endpoints", "admin", "said"),
    [
        (["tcp:8080", "tcp:8080:interface=127.0.0.1"], "tcp:0", ["listeners[1].endpoint: it is taken: port 8080"]),
        (["tcp:port=8080", "tcp:9"], "tcp:8080", ["admin.endpoint: it is taken: port 8080 is that of `listeners[0]`"]),
        (["tcp:8080:interface=127.0.0.1", "tcp:8080:interface=127.0.0.2"], "tcp:9090", []),
        (["tcp:0", "tcp:00"], "tcp:0", []),
        (["unix:/run/a", "unix:/run/a:mode=660"], "tcp:0", ["listeners[1].endpoint: it is taken: /run/a is that of"]),
        (["unix:/run/a"], "unix:address=/run/a", ["admin.endpoint: it is taken: /run/a is that of `listeners[0]`"]),
        (["unix:/run/a", "systemd:domain=INET:index=0"], "tcp:9090", []),
    ],
)  # fmt: skip
def test_a_port_that_is_taken_by_another_listener(
    tmp_path: Path, endpoints: list[str], admin: str, said: list[str]
) -> None:
    """By one on the same address, or on all of them."""
    found = doubts(
        tmp_path, [{"path": "/"}], listeners=[{"endpoint": one} for one in endpoints], admin={"endpoint": admin}
    )

    assert len(found) == len(said)
    assert all(map(str.startswith, found, said))


def test_addresses_that_are_let_in_and_all_denied(tmp_path: Path) -> None:
    """The first list says nothing; where one of it is left, it does."""
    denied = {"path": "/", "ip_allow": ["10.1.0.0/16", "::1"], "ip_deny": ["10.0.0.0/8", "::/64"]}

    assert doubts(tmp_path, [denied])[0].startswith("routes[0].ip_allow: nobody is let in")
    assert doubts(tmp_path, [{**denied, "ip_deny": ["10.0.0.0/8"]}]) == []


def test_an_issuer_that_the_verifier_does_not_take(tmp_path: Path) -> None:
    """Both must be met, and no token has two."""
    auth = {"jwt": {"default": {"issuer": "https://a", "secret": "s" * 32, "algorithms": ["HS256"]}}}
    route = {"path": "/", "auth": {"type": "jwt", "issuer": "https://b"}}

    (said,) = doubts(tmp_path, [route], auth=auth)
    assert said == "routes[0].auth.issuer: no token is good for it: its verifier takes those of https://a only"
    assert doubts(tmp_path, [{**route, "auth": {"type": "jwt", "issuer": "https://a"}}], auth=auth) == []


ONE = "`routes[0]`, one,"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"path": ["/a", "/b"]}, {"path": "/b"}, [f"path: no request reaches it: {ONE} takes them all"]),
        ({"path": "/b"}, {"path": ["/a", "/b"]}, [f"path[1]: no request reaches it: {ONE} takes them all"]),
        (
            {"path": "/b", "host": ["h", "i"]},
            {"path": "/b", "host": ["i", "j"]},
            ["path: no request for `i` reaches it: `routes[0]`, one, takes them all"],
        ),
        (
            {"path": "/b", "host": ["h", "i"]},
            {"path": "/b", "host": "i"},
            [f"path: no request reaches it: {ONE} takes them all"],
        ),
        (
            {"path": "/c"},
            {"path": ["/a/:x", "/a/{y}"]},
            ["path[1]: no request reaches it: another of the route's own paths or hosts is the same"],
        ),
        ({"path": "/b", "host": ["h", "i"]}, {"path": "/b", "host": ["j", "k"]}, []),
        ({"path": "~/a.*"}, {"path": "~/a.*"}, [f"path: no request reaches it: {ONE} takes them all"]),
        ({"path": "/*"}, {"path": "~/a.*"}, [f"path: no request reaches it: {ONE} takes them all"]),
        ({"path": "/*", "headers": {"X-A": "1"}}, {"path": "~/a.*"}, []),
        ({"path": "/*", "host": "h"}, {"path": "~/a.*"}, []),
        ({"path": "~/a.*"}, {"path": "~/b.*"}, []),
        (
            {"path": "/b"},
            {"path": "~a/.*"},
            ["path: no request reaches it: it matches whole paths, and these begin with `/`"],
        ),
        ({"path": "/b"}, {"path": "~a?/.*"}, []),
        ({"path": "/b"}, {"path": "~a|/x"}, []),
        ({"path": "/b"}, {"path": "~(?:/a|/c)"}, []),
        ({"path": "~/a.*", "methods": ["GET"]}, {"path": "~/a.*"}, []),
    ],
)
def test_each_path_on_each_host_is_judged(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], said: list[str]
) -> None:
    """A route may have several; an expression comes after every pattern, wherever that stands."""
    assert doubts(tmp_path, [{"name": "one", **first}, second]) == [f"routes[1].{words}" for words in said]


def test_several_routes_may_leave_nothing_of_one(tmp_path: Path) -> None:
    """Each takes it on one host; and a broad route that stands behind an expression goes before it all the same."""
    routes: list[dict[str, Any]] = [
        {"name": "one", "path": "/b", "host": "h"},
        {"name": "two", "path": "/b", "host": "i"},
        {"name": "three", "path": ["/b", "~/c"], "host": ["h", "i"]},
        {"name": "four", "path": "/*", "host": ["h"]},
    ]

    assert doubts(tmp_path, routes) == [
        "routes[2].path[0]: no request reaches it: `routes[0]`, one, and `routes[1]`, two, take them all",
        "routes[2].path[1]: no request for `h` reaches it: `routes[3]`, four, takes them all",
    ]
