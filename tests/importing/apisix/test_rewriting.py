"""APISIX's proxy-rewrite, response-rewrite and redirect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes


def plugged(plugins: str, directory: Path) -> Draft:
    """Import a route with plugins."""
    text = "routes:\n- id: r\n  uri: /a/*\n  host: a.example\n  upstream: {nodes: {'10.0.0.1:80': 1}}\n"
    return imported("apisix", f"{text}  plugins: {{{plugins}}}\n", directory)


def sent(draft: Draft) -> dict[str, Any]:
    """What the first test says that the backend gets."""
    found: dict[str, Any] = draft.tests[0].data["expect"].get("sent", {})
    return found


@pytest.mark.parametrize(
    ("config", "replaced", "path"),
    [
        ("uri: /b", {"pattern": "^.*$", "with": "/b"}, "/b"),
        ("regex_uri: ['^/a/(.*)', '/v2/$1']", {"pattern": "^/a/(.*)", "with": r"/v2/\1"}, "/v2/7"),
        ("regex_uri: ['^/nothing', '/x']", {"pattern": "^/nothing", "with": "/x"}, "/a/7"),
    ],
)
def test_paths(tmp_path: Path, config: str, replaced: object, path: str) -> None:
    """What the backend gets is reckoned by APISIX's rules."""
    draft = plugged(f"proxy-rewrite: {{{config}}}", tmp_path)

    assert routes(draft)["r"]["transformations"]["request"]["path"] == {"replace": replaced}
    assert sent(draft)["path"] == path


def test_fields(tmp_path: Path) -> None:
    """In the new words and in the old; beside what another plugin sets."""
    headers = "{set: {X-A: b, X-C: $remote_addr}, add: {X-D: e}, remove: [X-F]}"
    draft = plugged(f"request-id: {{header_name: X-T}}, proxy-rewrite: {{headers: {headers}}}", tmp_path)

    assert routes(draft)["r"]["transformations"]["request"] == {
        "set_headers": {"X-T": "${request_id}", "X-A": "b", "X-C": "${client_ip}"},
        "add_headers": {"X-D": "e"},
        "remove_headers": ["X-F"],
    }
    assert sent(draft)["headers"] == {
        "Host": "a.example", "X-T": "*", "X-A": "b", "X-C": "*", "X-D": "e", "X-F": None,
    }  # fmt: skip

    old = plugged("response-rewrite: {headers: {X-A: b, X-F: ''}}", tmp_path)
    assert routes(old)["r"]["transformations"]["response"] == {"set_headers": {"X-A": "b"}, "remove_headers": ["X-F"]}
    assert old.tests[0].data["expect"]["headers"] == {"X-A": "b"}


@pytest.mark.parametrize(
    ("config", "made", "status", "location"),
    [
        ("http_to_https: true", {"scheme": "https", "status": 301}, 301, "~^https?://a[.]example/a/7$"),
        ("uri: /new, ret_code: 308", {"path": "/new", "status": 308}, 308, "~^https?://a[.]example/new$"),
        ("uri: $uri/", {"path": "${path}/", "status": 302}, 302, "~^https?://a[.]example/a/7/$"),
    ],
)
def test_redirects(tmp_path: Path, config: str, made: object, status: int, location: str) -> None:
    """They take the place of the upstream."""
    draft = plugged(f"redirect: {{{config}}}", tmp_path)

    assert routes(draft)["r"]["redirect"] == made
    assert "upstream" not in routes(draft)["r"]
    assert draft.tests[0].data["expect"] == {"status": status, "route": "r", "headers": {"Location": location}}


@pytest.mark.parametrize(
    ("plugins", "what"),
    [
        ("proxy-rewrite: {uri: '/b/$arg_x'}", "proxy-rewrite.uri"),
        ("proxy-rewrite: {regex_uri: ['(?=x)', '/b']}", "proxy-rewrite.regex_uri[0]"),
        ("proxy-rewrite: {regex_uri: ['a', '/b', 'c', '/d']}", "proxy-rewrite.regex_uri"),
        ("proxy-rewrite: {host: b.example}", "proxy-rewrite.host"),
        ("proxy-rewrite: {headers: {set: {X-A: $upstream_addr}}}", "proxy-rewrite.headers.set.X-A"),
        ("response-rewrite: {body: x}", "response-rewrite.body"),
        ("redirect: {regex_uri: ['^/a', '/b']}", "redirect"),
    ],
)
def test_what_cannot_be_rewritten_is_listed(tmp_path: Path, plugins: str, what: str) -> None:
    """With its line."""
    assert (6, f"routes[0].plugins.{what}") in left(plugged(plugins, tmp_path))
