from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]

USERS = "upstreams: [{name: users, backends: []}]\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            USERS + "routes: [{path: /, upstream: usrs}]",
            '2:30: routes[0].upstream: expected the name of an upstream, found "usrs", did you mean `users`?',
        ),
        (
            "routes: [{path: /, upstreams: [nobody]}]",
            '1:32: routes[0].upstreams[0]: expected the name of an upstream, found "nobody"',
        ),
        (
            USERS + "routes: [{path: /, upstream: [{name: users}, {name: nobody}]}]",
            '2:53: routes[0].upstream[1]: expected the name of an upstream, found "nobody"',
        ),
        (
            USERS + "routes: [{path: /, upstream: users, plugins: [stamp]}]",
            '2:47: routes[0].plugins[0]: expected the name of a plugin, found "stamp"',
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: jwt}}]",
            "2:50: routes[0].auth: expected a verifier named `default` under `auth.jwt`, found none",
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: jwt, verifier: partner}}]\n"
            "auth: {jwt: {partners: {algorithms: [HS256], secret: an-example-secret-of-forty-octets-or-more}}}",
            (
                "2:65: routes[0].auth.verifier: expected the name of a verifier under `auth.jwt`, "
                'found "partner", did you mean `partners`?'
            ),
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: forward}}]",
            "2:50: routes[0].auth: expected a verifier named `default` under `auth.forward`, found none",
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: introspection, verifier: [a, a]}}]\n"
            "auth: {introspection: {a: {url: http://x}}}",
            "2:50: routes[0].auth.verifier: expected one name from `auth.introspection`, found several",
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: jwt, verifier: own}}]\nauth: {oauth: {}}",
            '2:65: routes[0].auth.verifier: expected the name of a verifier under `auth.jwt`, found "own"',
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {any_of: [api_key]}}]",
            "2:53: routes[0].auth.any_of[0]: expected `auth.api_keys` for a route that takes API keys, found none",
        ),
        (
            USERS + "routes: [{path: /, upstream: users, auth: {type: {all_of: [{type: api_key}]}}}]",
            "2:67: routes[0].auth.type.all_of[0]: expected `auth.api_keys` for a route that takes API keys, found none",
        ),
        (
            USERS + "routes:\n- {name: a, path: /, upstream: users}\n- {name: a, path: /b, upstream: users}",
            '4:10: routes[1].name: expected something that is there once, found "a", which stands at FILE:3:10 already',
        ),
        (
            "listeners: [{endpoint: tcp:80}, {endpoint: tcp:80}]",
            (
                '1:44: listeners[1].endpoint: expected something that is there once, found "tcp:80", '
                "which stands at FILE:1:24 already"
            ),
        ),
        (
            "upstreams:\n- name: a\n  backends: [{url: http://x}, {url: HTTP://X/}]",
            (
                '3:37: upstreams[0].backends[1].url: expected something that is there once, found "HTTP://X/", '
                "which stands at FILE:3:20 already"
            ),
        ),
    ],
)
def test_a_name_leads_somewhere_and_stands_once(complaints: Complaints, text: str, line: str) -> None:
    """Names of upstreams, plugins, verifiers; and what has an identity."""
    assert complaints(text) == [f"gateway.yaml:{line}".replace("FILE", "gateway.yaml")]


@pytest.mark.parametrize("verifier", ["default", "oauth", "[oauth, default]"])
def test_our_own_tokens_need_no_verifier_that_says_so(load_text: Load, verifier: str) -> None:
    """Where there is a token endpoint, there is one named `oauth`, and as `default` where nobody else is."""
    route = f"routes: [{{path: /, upstream: users, auth: {{type: jwt, verifier: {verifier}}}}}]"

    assert load_text(f"{USERS}{route}\nauth: {{oauth: {{}}}}").routes[0].auth is not None


def test_ports_that_the_system_chooses_are_different_ones(load_text: Load) -> None:
    """Port 0 may stand in any number of listeners."""
    assert len(load_text("listeners: [{endpoint: 'tcp:0'}, {endpoint: 'tcp:0'}]").listeners) == 2


def test_names_that_look_like_numbers_are_names(load_text: Load) -> None:
    """On both ends, as written."""
    settings = load_text("upstreams: [{name: 007, backends: []}]\nroutes: [{path: /, upstream: 007}]")

    assert settings.routes[0].upstreams == (("007", 1),)


@pytest.mark.parametrize(
    "text",
    [
        "routes: 5",
        "routes: [5]",
        "upstreams: {a: 1}",
        "upstreams: [5]",
        "routes: [{path: /, upstream: {}}]",
        "routes: [{path: /, auth: 5, plugins: {}}]",
        "auth: []",
        "upstreams: [{name: [a], backends: 5}]",
        "upstreams: [{name: a, backends: [{url: nope}]}]",
    ],
)
def test_what_has_the_wrong_form_is_left_to_the_schema(complaints: Complaints, text: str) -> None:
    """Which says so; looking for names in it does not fail."""
    assert not any("the name of" in line or "there once" in line for line in complaints(text))


def test_an_upstream_does_not_fall_back_on_itself(complaints: Complaints) -> None:
    """It would be asked while its breaker keeps everybody from it."""
    text = "upstreams: [{name: a, backends: [], circuit_breaker: {fallback: {upstream: a}}}]"

    (line,) = complaints(text)

    assert "upstreams[0].circuit_breaker.fallback.upstream: expected another upstream than the one" in line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("key: hunter2", "key: hunter2"),
        (f"hash: 'sha256:{'ab' * 32}'", f"hash: 'sha256:{'AB' * 32}'"),
    ],
)
def test_a_key_is_one_callers(complaints: Complaints, one: str, other: str) -> None:
    """Who it stands for would depend on the order; the message does not show it."""
    text = f"auth: {{api_keys: {{keys: [{{id: a, {one}}}, {{id: b, {other}}}]}}}}"

    (line,) = complaints(text)

    assert "auth.api_keys.keys[1]." in line
    assert "expected something that is there once, found one that stands at" in line
    assert "hunter2" not in line
    assert "ab" * 32 not in line.lower()
