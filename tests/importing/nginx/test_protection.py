"""What keeps callers out of a location and is not carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.closing import NOBODY
from gateway.importing.nginx.protection import is_internal, keeps_out, methods, uncarried
from tests.importing.imported import imported, left, plain
from tests.importing.nginx.test_passing import Lines, scope


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("auth_request /a;", ["auth_request /a"]),
        ("auth_request off;", []),
        ("auth_jwt realm;", ["auth_jwt realm"]),
        ("ssl_verify_client on;", ["ssl_verify_client on"]),
        ("ssl_verify_client optional;", []),
        ("access_by_lua_block { return 1 }", ["access_by_lua_block"]),
        ("if ($http_x_key != k) { return 403; }", ["if ($http_x_key != k)"]),
        ("if ($allowed) { set $x 1; }", []),
        ("if ($http_user_agent ~ curl) { return 403; }", []),
        ("if ($scheme = http) { return 301 https://$host$request_uri; }", []),
        ("proxy_pass http://a; deny all;", []),
    ],
)
def test_what_protects_and_is_not_carried_over(text: str, directives: list[str]) -> None:
    """What asks who is calling, and conditions that refuse; not those that go by what anybody may write."""
    assert [one.at.path for one in uncarried(scope(text))] == directives


def test_methods_that_are_not_named_are_refused() -> None:
    """HEAD comes with GET; who would be let in nevertheless is listed."""
    lines = Lines()

    assert methods(scope("limit_except GET { allow 10.0.0.0/8; deny all; }"), lines) == ["GET", "HEAD"]
    assert lines == ["allow 10.0.0.0/8"]
    assert methods(scope("proxy_pass http://a;"), lines) == []


def test_a_location_of_its_own_that_keeps_out() -> None:
    """By any means, carried over or not."""
    kept = ["deny all;", "return 403;", "auth_basic a;", "if ($x) { return 403; }"]

    assert [keeps_out(scope(text).innermost) for text in kept] == [True] * 4
    assert not keeps_out(scope("return 301 /a; proxy_pass http://a;").innermost)
    assert is_internal(scope("internal;"))


SERVER = """
server {
    location / { proxy_pass http://10.0.0.1; }
    location /a/ { %s proxy_pass http://10.0.0.1; }
}
"""


def route(written: str, directory: Path, path: str = "/a/*") -> Any:
    """Return the route of a location with these directives."""
    return next(one for one in plain(imported("nginx", SERVER % written, directory).routes) if one["path"] == path)


@pytest.mark.parametrize(
    "written",
    [
        "auth_request /auth;",
        "auth_request /auth; allow 10.0.0.0/8; deny all;",
        "if ($arg_key != s3cret) { return 401; }",
        "access_by_lua_file guard.lua;",
    ],
)
def test_such_a_location_is_closed(tmp_path: Path, written: str) -> None:
    """Nobody gets in until its protection is written."""
    found = route(written, tmp_path)

    assert found["ip_deny"] == list(NOBODY)
    assert "ip_allow" not in found


def test_a_second_file_of_users_closes_its_location(tmp_path: Path) -> None:
    """The users of the first would get in with their own passwords."""
    first = "} location /b/ { auth_basic a; auth_basic_user_file one;"
    second = "proxy_pass http://10.0.0.1; } location /c/ { auth_basic a; auth_basic_user_file two;"
    draft = imported("nginx", SERVER % f"{first} {second}", tmp_path)

    found = {one["path"]: "ip_deny" in one for one in plain(draft.routes) if "auth" in one}
    assert found == {"/b/*": False, "/c/*": True}
    assert [what for _, what in left(draft) if what.startswith("auth")] == ["auth_basic a"]


def test_a_location_for_nginx_itself_is_for_no_client(tmp_path: Path) -> None:
    """404, as nginx answers, and not its backend."""
    assert route("internal;", tmp_path)["respond"] == {"status": 404}


def test_a_location_that_keeps_out_does_so_for_more_paths_where_re2_lacks_the_expression(tmp_path: Path) -> None:
    """Left out, its paths would go to a broader location, which lets in; one that keeps out nobody is left out."""
    closed = imported("nginx", SERVER % "} location ~ /\\.(?!well-known) { deny all;", tmp_path)
    opened = imported("nginx", SERVER % "} location ~ ^/(?!pub)x {", tmp_path)

    assert {"path": r"~.*/\..*", "upstream": "10.0.0.1", "ip_deny": list(NOBODY)} in plain(closed.routes)
    assert [one["path"] for one in plain(opened.routes) if one["path"].startswith("~") and "x" in one["path"]] == []
    for draft in (closed, opened):
        assert any(what.startswith("location ~") for _, what in left(draft))
