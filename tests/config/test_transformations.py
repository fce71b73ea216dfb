"""What rules of transformations may not say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]
ROUTE = """
upstreams: [{name: a, backends: []}]
auth: {api_keys: {header: X-Key}}
routes: [{path: ["/:id", "/x/{name}/*"], upstream: a, transformations: {%s}}]
"""


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("request: {set_headers: {Connection: x}}", "a field that is not for one hop"),
        ("request: {remove_headers: [Transfer-Encoding]}", "a field that is not for one hop"),
        ("response: {add_headers: {Content-Length: 1}}", "a field that is not for one hop"),
        ("response: {rename_headers: {X: Upgrade}}", "a field that is not for one hop"),
        ("request: {set_headers: {Host: x}}", '"Host": `host_header` of the upstream'),
        ("request: {add_headers: {x_forwarded_for: x}}", '"x_forwarded_for": the gateway writes it'),
        ("request: {remove_headers: [a, X-Request-ID]}", 'remove_headers[1]: expected a field that the gateway'),
        ("request: {set_headers: {X-User-Id: '${header.X-Me}'}}", "a value that no client chooses for `X-User-Id`: it"),
        ("request: {set_headers: {x_user_id: 'a-${query.me}'}}", "a value that no client chooses for `x_user_id`"),
        ("request: {set_headers: {X-Key: '${param.id}'}}", "a value that no client chooses for `X-Key`: it is where"),
        ("request: {rename_headers: {X-Me: X-User-Id}}", '"X-User-Id": it says who is calling'),
        ("request: {rename_headers: {X-User-Id: X-Me}}", '"X-User-Id": it says who is calling'),
        ("request: {rename_headers: {X-Key: X-Me}}", '"X-Key": it is where credentials are shown'),
        ("request: {rename_headers: {X-Me: X-Original-URL}}", "some servers take the path from it"),
        ("request: {set_headers: {X-Me: '${header.X-Key}'}}", "`${header.X-Key}`: it is where credentials are shown"),
        ("response: {set_headers: {X-Me: '${header.X-User-Id}'}}", "`${header.X-User-Id}`: it says who is calling"),
        ("request: {set_headers: {X: '${param.idd}'}}", "`${param.idd}`, did you mean `param.id`?"),
        ("request: {query: {set: {a: '${param.no}'}}}", "parameters of the route's `path`, found `${param.no}`"),
        ("request: {path: {replace: {pattern: '(a)', with: '\\2'}}}", "a group of the pattern, which has 1, found"),
        ("request: {path: {replace: {pattern: 'a', with: '\\1'}}}", "which has none"),
        ("request: {path: {strip_prefix: api}}", "a path that begins with `/`"),
        ("request: {path: {strip_prefix: '/${route}'}}", "a path without runtime names"),
        ("request: {path: {add_prefix: '/a?b'}}", "a part of a path, without `?`"),
        ("response: {status: {404: 204}}", "an integer from 200 to 599, but not 204"),
        ("response: {status: {304: 200}}", "a status from 200 to 599, but not 206 and 304"),
        ('response: {set_headers: {X: "a\\nb"}}', "a header value"),
    ],
)  # fmt: skip
def test_what_is_refused(complaints: Complaints, rules: str, words: str) -> None:
    """With its place, and why."""
    found = complaints(ROUTE % rules)
    assert any(words in line and line.startswith("gateway.yaml:4:") for line in found), found


@pytest.mark.parametrize(
    "rules",
    [
        "request: {set_headers: {X-User-Plan: '${claim.plan}', X-Key: secret, X-User-Via: '${client_ip}'}}",
        "request: {remove_headers: [X-User-Id], rename_headers: {X-Auth: Authorization}}",
        "request: {set_headers: {X-Forwarded-Prefix: /x, X-Id: '${param.id}${param.name}${header.Host}'}}",
        "request: {path: {replace: {pattern: '(a)', with: '\\0\\1\\\\2'}}}",
        "response: {remove_headers: [Server, Via, X-Request-ID], status: {404: 200, 204: 200}}",
    ],
)
def test_what_may_be_said(load_text: Load, rules: str) -> None:
    """An operator may tell a backend who is calling."""
    assert load_text(ROUTE % rules).routes[0].transformations is not None
