"""What a route may say beside a redirect, or a fixed answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings, load_with_doubts

Complaints = Callable[..., list[str]]
Load = Callable[..., Settings]
UPSTREAM = "upstreams: [{name: a, backends: []}]\n"


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (
            "path: /, upstream: a, respond: {}",
            "2:33: routes[0].respond: expected `upstream` or `respond`, found both",
        ),
        (
            "path: /, redirect: {host: h}, respond: {}",
            "2:41: routes[0].respond: expected `redirect` or `respond`, found both",
        ),
        (
            "path: /, retry: {}, respond: {}",
            "2:20: routes[0].retry: expected no key that is for backends beside `respond`, found `retry`",
        ),
        (
            "path: /, respond: {body: '', file: x}",
            "2:40: routes[0].respond.file: expected `body` or `file`, found both",
        ),
        (
            "path: /, respond: {status: 204, body: x}",
            "2:43: routes[0].respond.body: expected nothing: an answer with 204 has no content, found `body`",
        ),
        (
            "path: /, respond: {status: 304, file: x}",
            "2:43: routes[0].respond.file: expected nothing: an answer with 304 has no content, found `file`",
        ),
        (
            "path: /, respond: {status: 206, body: x}",
            "2:38: routes[0].respond.status: expected a status other than 206: no part was asked for, found 206",
        ),
        (
            "path: /",
            (
                "2:10: routes[0].upstream: expected a value: this key, `redirect`, `respond` or `aggregate` is "
                "required, found nothing"
            ),
        ),
        (
            "path: /, upstream: a, redirect: {host: h}",
            "2:33: routes[0].redirect: expected `upstream` or `redirect`, found both",
        ),
        (
            "path: /, timeout: 1s, redirect: {host: h}",
            "2:20: routes[0].timeout: expected no key that is for backends beside `redirect`, found `timeout`",
        ),
        (
            "path: /, retry: {}, redirect: {host: h}",
            "2:20: routes[0].retry: expected no key that is for backends beside `redirect`, found `retry`",
        ),
        (
            "path: /, host: h, redirect: {status: 301}",
            (
                "2:29: routes[0].redirect: expected one of `scheme`, `host`, `port` and `path`, found a redirect "
                "to where the client is"
            ),
        ),
        (
            "path: ['/:id', '/x/{i}'], redirect: {host: h, path: '/${param.id}'}",
            (
                "2:63: routes[0].redirect.path: expected parameters of `/x/{i}`, found `${param.id}`, "
                "did you mean `param.i`?"
            ),
        ),
        (
            "path: /x/*, redirect: {host: h, path: '/${param.rest}'}",
            (
                "2:49: routes[0].redirect.path: expected parameters of `/x/*`, found `${param.rest}`; "
                "the rest has a name where the path is written `/x/{*rest}`"
            ),
        ),
        (
            "path: '~/(?P<b>.)', redirect: {host: h, path: '/${param.a}'}",
            "2:57: routes[0].redirect.path: expected parameters of `~/(?P<b>.)`, found `${param.a}`",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(complaints: Complaints, route: str, said: str) -> None:
    """With the place of the key that is one too many."""
    assert [line.partition(":")[2] for line in complaints(f"{UPSTREAM}routes: [{{{route}}}]")] == [said]


@pytest.mark.parametrize(
    "route",
    [
        "path: /, redirect: {host: h}",
        "path: /, host: [h, i], redirect: {scheme: https}",
        "path: /, redirect: {scheme: https}",
        "path: /, host: [h, '*.h'], redirect: {scheme: https}",
        "path: '/a/:b/{*c}', redirect: {host: h, path: '/${param.b}/${param.c}'}",
        "path: '~/(?P<b>.)', redirect: {host: h, path: '/x${path}/${param.b}'}",
        "path: /, redirect: {host: h}, rate_limit: {limit: 1, window: 1s}, ip_allow: [10.0.0.1]",
    ],
)
def test_what_goes_together(load_text: Load, route: str) -> None:
    """Steps that come before the answer work on it as on any route."""
    assert load_text(f"{UPSTREAM}routes: [{{{route}}}]").routes[0].redirect is not None


@pytest.mark.parametrize(
    "route",
    [
        "path: /, respond: {}",
        "path: /, respond: {status: 204, body: ''}",
        "path: /, host: h, methods: [GET], respond: {body: ok}, auth: {type: none}, ip_deny: [10.0.0.1]",
    ],
)
def test_what_goes_together_with_a_fixed_answer(load_text: Load, route: str) -> None:
    """As for a redirect."""
    assert load_text(f"{UPSTREAM}routes: [{{{route}}}]").routes[0].respond is not None


@pytest.mark.parametrize(
    ("respond", "doubts"),
    [
        ("status: 301", ["it sends clients elsewhere, and does not say where: `redirect` does"]),
        ("status: 401", ["it asks for credentials, and `headers` does not say which: `WWW-Authenticate`"]),
        ("status: 405", ["`headers` does not say which methods there are: `Allow`"]),
        ("status: 302, headers: {location: /x}", []),
        ("status: 503", []),
    ],
)
def test_an_answer_that_lacks_something(load_text: Load, tmp_path: object, respond: str, doubts: list[str]) -> None:
    """A warning, at the status."""
    load_text(f"routes: [{{path: /, respond: {{{respond}}}}}]")
    found = load_with_doubts(f"{tmp_path}/gateway.yaml", {})[1]

    assert [(one.path, one.message) for one in found] == [("routes[0].respond.status", words) for words in doubts]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (
            "routes: [{path: /, respond: {}, error_pages: {404: x, intercept: true}}]",
            "routes[0].error_pages.intercept",
            "the route has no backend whose errors it could stand for",
        ),
        (
            "routes: [{path: /, upstream: a, error_pages: {intercept: true}}]",
            "routes[0].error_pages.intercept",
            "there is no page that could stand in the place of an error",
        ),
        (
            "routes: [{path: /, upstream: a}]\nerror_pages: {intercept: true}",
            "error_pages.intercept",
            "there is no page that could stand in the place of an error",
        ),
        ("routes: [{path: /, upstream: a, error_pages: {404: x, intercept: true}}]", "", ""),
        ("routes: [{path: /, upstream: a}]\nerror_pages: {404: x, intercept: true}", "", ""),
        ("routes: [{path: /, respond: {}, error_pages: {404: x, intercept: false}}]", "", ""),
    ],
)
def test_who_intercepts_nothing(load_text: Load, tmp_path: object, text: str, path: str, words: str) -> None:
    """A warning, at the key."""
    load_text(UPSTREAM + text)
    found = load_with_doubts(f"{tmp_path}/gateway.yaml", {})[1]

    assert [(one.path, one.message) for one in found] == ([(path, words)] if path else [])


def test_a_listener_with_tls_is_where_a_redirect_to_https_leads(load_text: Load, tmp_path: object) -> None:
    """A warning: there it has nothing."""
    route = "routes: [{path: /, host: h, redirect: {scheme: https}}]"
    load_text(f"listeners: [{{endpoint: 'ssl:8443:privateKey=a:certKey=b'}}]\n{route}")
    doubts = load_with_doubts(f"{tmp_path}/gateway.yaml", {})[1]
    load_text(f"listeners: [{{endpoint: 'tcp:8080'}}]\n{route}")

    assert [(one.path, one.message) for one in doubts] == [
        ("routes[0].redirect.scheme", "over TLS it would lead to where the request is: there it is answered with 404")
    ]
    assert load_with_doubts(f"{tmp_path}/gateway.yaml", {})[1] == []
