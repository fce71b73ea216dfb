"""Rules of transformations that cannot have an effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.doubts.test_doubts import doubts


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"request": {"path": {"strip_prefix": "/v2"}}}, "request.path.strip_prefix: no path of the route begins"),
        ({"request": {"path": {"strip_prefix": "/v1/a/b"}}}, "request.path.strip_prefix: no path of the route"),
        ({"request": {"query": {"remove": ["a"], "set": {"a": "1"}}}}, "request.query.remove[0]: `set` replaces `a`"),
        ({"request": {"remove_headers": ["X-A"], "set_headers": {"x-a": "1"}}}, "request.remove_headers[0]: `set_hea"),
        ({"response": {"remove_headers": ["X-A"], "set_headers": {"x-a": "1"}}}, "response.remove_headers[0]: `set_h"),
        ({"request": {"remove_headers": ["X-A"], "rename_headers": {"x-a": "X-B"}}}, "request.rename_headers.x-a: the"),
        (
            {"request": {"rename_headers": {"X-A": "X-B"}, "set_headers": {"x-b": "1"}}},
            "request.rename_headers.X-A: `",
        ),
        ({"request": {"rename_headers": {"X-A": "X-C", "X-B": "x-c"}}}, "request.rename_headers.X-B: two fields"),
        ({"request": {"rename_headers": {"X-A": "x-a"}}}, "request.rename_headers.X-A: it changes no more than"),
        ({"request": {"set_headers": {"X-A": "${status}"}}}, "request.set_headers.X-A: `${status}` is empty"),
        ({"response": {"remove_headers": ["X-Request-ID"]}}, "response.remove_headers[0]: it has no effect"),
        ({"response": {"set_headers": {"X-RateLimit-Limit": "1"}}}, "response.set_headers.X-RateLimit-Limit: it has"),
        ({"response": {"status": {"404": 404}}}, "response.status.404: it changes nothing"),
        ({"response": {"status": {"404": 410, "410": 404}}}, "response.status.404: it stays 410"),
        ({"request": {"body": {"remove": ["a"], "rename": {"a.b": "c"}}}}, "request.body.rename['a.b']: there is noth"),
        ({"request": {"body": {"remove": ["*.a"], "rename": {"x.a": "c"}}}}, "request.body.rename['x.a']: there is no"),
        ({"request": {"body": {"rename": {"a": "a"}}}}, "request.body.rename.a: it changes nothing"),
        ({"request": {"body": {"rename": {"a": "b"}, "add": {"b": 1}}}}, "request.body.rename.a: `add` replaces `b`"),
        ({"request": {"body": {"rename": {"a": "b.c"}, "add": {"b": 1}}}}, "request.body.rename.a: `add` replaces `b`"),
        (
            {"request": {"body": {"rename": {"a": "b", "a.c": "d"}}}},
            "request.body.rename['a.c']: there is nothing to re",
        ),
        ({"request": {"body": {"rename": {"a": "b", "b": "a"}}}}, "request.body.rename.b: it renames what `a` has bec"),
        ({"response": {"body": {"rename": {"a": "c", "b": "c"}}}}, "response.body.rename.b: two members become `c`"),
        ({"response": {"body": {"remove": ["a", "a.b"]}}}, "response.body.remove[1]: `a` is taken out as a whole"),
        ({"response": {"body": {"remove": ["a"], "add": {"a.*.b": 1}}}}, "response.body.add['a.*.b']: there is nothi"),
        ({"request": {"body": {"add": {"a": 1, "a.b": 2}}}}, "request.body.add.a: `a.b` is put in its place"),
        ({"response": {"body": {"add": {"a.b": 1, "a": 2}}}}, "response.body.add['a.b']: `a` is put in its place"),
    ],
)
def test_rules_in_vain(tmp_path: Path, rules: dict[str, Any], said: str) -> None:
    """Each says why."""
    found = doubts(tmp_path, {"path": ["/v1/users/*", "/v1/:any"], "transformations": rules})

    assert len([one for one in found if one.startswith(f"routes[0].transformations.{said}")]) == 1, found


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"request": {"path": {"strip_prefix": "/v1/users"}}},
        {"request": {"path": {"strip_prefix": "/v1/x"}}},
        {"request": {"remove_headers": ["X-B"], "rename_headers": {"X-A": "X-B"}, "add_headers": {"X-B": "1"}}},
        {"request": {"body": {"remove": ["a.b"], "rename": {"a": "c"}, "add": {"a.b": 1, "x.*.y": 2}}}},
        {"request": {"body": {"rename": {"a": "b", "c": "a", "a.d": "e"}}}},
        {"response": {"status": {"404": 410, "503": 502}, "set_headers": {"X-S": "${status}"}}},
    ],
)
def test_rules_that_go_together(tmp_path: Path, rules: dict[str, Any]) -> None:
    """Nothing is said of them."""
    assert doubts(tmp_path, {"path": ["/v1/users/*", "/v1/:any"], "transformations": rules}) == []


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"set_headers": {"Access-Control-Allow-Origin": "*"}}, "set_headers.Access-Control-Allow-Origin"),
        ({"add_headers": {"access-control-max-age": "1"}}, "add_headers.access-control-max-age"),
        ({"remove_headers": ["Access-Control-Allow-Methods"]}, "remove_headers[0]"),
        ({"rename_headers": {"X-A": "Access-Control-Allow-Origin"}}, "rename_headers.X-A"),
    ],
)
def test_fields_that_cors_writes(tmp_path: Path, rules: dict[str, Any], said: str) -> None:
    """They are taken out after the rules, whatever these have made of them; without `cors` they are the backend's."""
    route: dict[str, Any] = {"transformations": {"response": rules}}
    assert doubts(tmp_path, route) == []
    found = doubts(tmp_path, {**route, "cors": {"allowed_origins": ["https://a.example"]}})
    words = "it has no effect: `cors` has the say over these fields"
    assert found == [f"routes[0].transformations.response.{said}: {words}"]


def test_members_that_are_put_into_a_mapping(tmp_path: Path) -> None:
    """Both have an effect."""
    assert doubts(tmp_path, {"transformations": {"request": {"body": {"add": {"a": {"c": 1}, "a.b": 2}}}}}) == []
