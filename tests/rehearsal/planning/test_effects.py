"""What a change of a route means to who calls."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.schema.routes import Route
from gateway.rehearsal.planning.effects import Effect, of_route, worst

JWT = {"type": "jwt"}
RATE = {"limit": 10, "window": "1s"}


def route(said: dict[str, Any]) -> Route:
    """A route that says this."""
    verifier = {"algorithms": ["HS256"], "secret": "s" * 32}
    return from_mapping(
        {
            "auth": {"jwt": {"default": verifier, "b": verifier}, "api_keys": {}},
            "upstreams": [{"name": name, "backends": [{"url": "http://x"}]} for name in "ab"],
            "plugins": [{"name": "p", "class": "tests.plugins.Tell"}],
            "routes": [{"path": "/", "upstream": "a", **said}],
        }
    ).routes[0]


@pytest.mark.parametrize(
    ("before", "after", "level", "words"),
    [
        ({"auth": JWT}, {}, "danger", "everybody gets in: `auth` asks nobody any more"),
        ({"auth": JWT}, {"auth": JWT | {"dry_run": True}}, "danger", "everybody gets in: `auth` is in dry run"),
        ({}, {"auth": JWT}, "warning", "who shows no credential is refused (401): jwt"),
        ({"auth": JWT | {"scopes": ["r"]}}, {"auth": JWT}, "danger", "callers without the scope `r` get in"),
        (
            {"auth": JWT},
            {"auth": JWT | {"scopes": ["r"]}},
            "warning",
            "callers without the scope `r` lose access (403)",
        ),
        ({"auth": JWT | {"roles": ["r"]}}, {"auth": JWT}, "danger", "callers without any of the roles r get in"),
        (
            {"auth": JWT},
            {"auth": JWT | {"roles": ["r"]}},
            "warning",
            "callers without any of the roles r lose access (403)",
        ),
        (
            {"auth": JWT | {"roles": ["r"]}},
            {"auth": JWT | {"roles": ["r", "s"]}},
            "danger",
            "callers with the role `s` get in",
        ),
        (
            {"auth": JWT | {"roles": ["r", "s"]}},
            {"auth": JWT | {"roles": ["r"]}},
            "warning",
            "callers with the role `s` alone lose access (403)",
        ),
        ({"auth": JWT}, {"auth": {"any_of": ["jwt", "api_key"]}}, "danger", "api_key opens it"),
        ({"auth": {"any_of": ["jwt", "api_key"]}}, {"auth": JWT}, "warning", "callers with api_key lose access (401)"),
        (
            {"auth": {"all_of": ["jwt", "api_key"]}},
            {"auth": {"all_of": ["jwt"]}},
            "danger",
            "api_key is not needed any more",
        ),
        (
            {"auth": {"all_of": ["jwt"]}},
            {"auth": {"all_of": ["jwt", "api_key"]}},
            "warning",
            "callers need api_key, too (401)",
        ),
        (
            {"auth": {"all_of": ["jwt", "api_key"]}},
            {"auth": {"any_of": ["jwt", "api_key"]}},
            "danger",
            "callers show jwt or api_key, in the place of jwt and api_key",
        ),
        (
            {"auth": JWT | {"audience": ["x"]}},
            {"auth": JWT},
            "danger",
            "tokens of all audiences that the verifier takes get in: the route names none",
        ),
        (
            {"auth": JWT | {"issuer": ["x"]}},
            {"auth": JWT | {"issuer": ["y"]}},
            "warning",
            "tokens of other issuers get in: y",
        ),
        ({"rate_limit": RATE}, {}, "danger", "the limit by ip is gone: it was 10 in 1s"),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"tiers": {"claim.plan=pro": 0}}},
            "danger",
            "callers with claim.plan=pro have no limit by ip any more",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"tiers": {"claim.plan=pro": 20}}},
            "warning",
            "the limit by ip is looser for callers with claim.plan=pro: 20 in 1s in the place of 10 in 1s",
        ),
        (
            {"rate_limit": RATE | {"tiers": {"claim.plan=pro": 0}}},
            {"rate_limit": RATE},
            "warning",
            "callers with claim.plan=pro over 10 in 1s are refused (429): by ip they had no limit",
        ),
        (
            {"rate_limit": RATE | {"tiers": {"claim.plan=pro": 20}}},
            {"rate_limit": RATE | {"tiers": {"claim.plan=pro": 15}}},
            "warning",
            "callers with claim.plan=pro over 15 in 1s are refused (429): by ip they had 20 in 1s",
        ),
        (
            {"cors": {"allowed_origins": ["https://a.example"]}},
            {"cors": {"allowed_origins": ["https://a.example"], "allow_credentials": True}},
            "danger",
            "pages of https://a.example may call with their visitors' cookies",
        ),
        (
            {"cors": {"allowed_origins": ["https://a.example"], "allow_credentials": True}},
            {"cors": {"allowed_origins": ["https://a.example"]}},
            "warning",
            "pages of https://a.example cannot call with their visitors' cookies any more",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"dry_run": True}},
            "danger",
            "the limit by ip is in dry run: it was 10 in 1s",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"limit": 20}},
            "warning",
            "the limit by ip is looser: 20 in 1s in the place of 10 in 1s",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"limit": 5}},
            "warning",
            "callers over 5 in 1s are refused (429): the limit by ip was 10 in 1s",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"burst": 50}},
            "warning",
            "more are let in at once by the limit by ip",
        ),
        (
            {"rate_limit": RATE},
            {"rate_limit": RATE | {"except": ["10.0.0.0/8"]}},
            "warning",
            "the limit by ip has more exceptions",
        ),
        ({}, {"rate_limit": RATE}, "warning", "callers over 10 in 1s are refused (429): a limit by ip"),
        ({"ip_allow": ["10.0.0.0/8"]}, {}, "danger", "all addresses get in: `ip_allow` is gone"),
        ({}, {"ip_allow": ["10.0.0.0/8"]}, "warning", "other addresses than 10.0.0.0/8 lose access (403)"),
        ({"ip_allow": ["10.0.0.0/9"]}, {"ip_allow": ["10.0.0.0/8"]}, "danger", "more addresses get in: 10.0.0.0/8"),
        (
            {"ip_allow": ["10.0.0.0/8"]},
            {"ip_allow": ["10.0.0.0/9"]},
            "warning",
            "addresses lose access (403): 10.0.0.0/8",
        ),
        ({"ip_deny": ["10.0.0.1"]}, {}, "danger", "addresses that were denied get in: 10.0.0.1/32"),
        ({}, {"ip_deny": ["10.0.0.1"]}, "warning", "addresses lose access (403): 10.0.0.1/32"),
        (
            {"ip_deny": ["::1"]},
            {"ip_deny": ["::1"], "ip_dry_run": True},
            "danger",
            "address rules refuse nobody any more: they are in dry run",
        ),
        ({"plugins": ["p"]}, {}, "warning", "plugins are not asked any more: p"),
        ({}, {"upstream": "b"}, "change", "requests go to b, in the place of a"),
        (
            {},
            {"upstream": None, "respond": {}},
            "change",
            "requests go to an answer of the gateway's own, in the place of a",
        ),
        (
            {"upstream": ["a", "b"]},
            {"upstream": ["a", {"name": "b", "weight": 2}]},
            "change",
            "requests are shared out otherwise: a 1, b 2",
        ),
        (
            {"cors": {"allowed_origins": ["https://a"]}},
            {"cors": {"allowed_origins": ["*"]}},
            "danger",
            "pages of * may call",
        ),
        (
            {},
            {"cors": {"allowed_origins": ["https://a"], "allow_credentials": True}},
            "danger",
            "pages of https://a may call with their visitors' cookies",
        ),
        ({"cors": {"allowed_origins": ["https://a"]}}, {}, "warning", "pages of https://a cannot call any more"),
        ({}, {"timeout": "5s"}, "warning", "answers that take longer than 5s fail (504)"),
        ({}, {"request_timeout": "5s"}, "warning", "exchanges that take longer than 5s fail (408 or 504)"),
        ({}, {"request_timeout": 0}, "warning", "exchanges have no bound in time any more"),
        ({"request_body": "1MiB"}, {"request_body": 0}, "warning", "bodies have no bound any more"),
        ({"request_body": "1MiB"}, {"request_body": "2MiB"}, "change", "larger bodies are taken, up to 2MiB"),
        ({"request_body": "2MiB"}, {"request_body": "1MiB"}, "warning", "bodies over 1MiB are refused (413)"),
        ({"in_flight": 5}, {}, "warning", "there is no bound on what is in flight any more; it was 5"),
        ({}, {"in_flight": 5}, "warning", "over 5 at once, requests are refused (503)"),
        ({"security_headers": True}, {}, "warning", "answers have no security headers any more"),
        ({"cache": {}}, {}, "change", "answers are not kept any more: backends are asked for each"),
        ({}, {"cache": {}}, "change", "answers are kept, and given to others where they may be"),
        ({}, {"mirror": {"upstream": "b"}}, "change", "copies of requests go to b, credentials included"),
    ],
)
def test_a_change_means_something(before: dict[str, Any], after: dict[str, Any], level: Any, words: str) -> None:
    """One effect, with how bad it may be."""
    assert Effect(level, words) in list(of_route(route(before), route(after)))
    assert list(of_route(route(after), route(after))) == []


def test_networks_that_are_the_same_together_let_nobody_in() -> None:
    """Two halves are the whole."""
    whole, halves = route({"ip_allow": ["10.0.0.0/8"]}), route({"ip_allow": ["10.0.0.0/9", "10.128.0.0/9"]})

    assert [*of_route(whole, halves), *of_route(halves, whole)] == []


def test_the_worst_level() -> None:
    """Of nothing it is the least."""
    assert worst([Effect("change", ""), Effect("danger", ""), Effect("note", "")]) == "danger"
    assert worst([]) == "note"
