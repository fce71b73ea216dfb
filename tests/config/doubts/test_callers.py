"""Passwords in clear text, and what nobody who is let in has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.doubts.test_doubts import doubts

BASIC = {"basic": {"users_file": "htpasswd"}}
TOKENS = {"jwt": {"default": {"algorithms": ["HS256"], "secret": "a-secret-of-forty-octets-for-the-tests-only"}}}
LOCAL = [{"endpoint": "tcp:8080:interface=127.0.0.1"}]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ["listeners[0].endpoint"]),
        ({"listeners": [{"endpoint": "tcp:8080"}]}, ["listeners[0].endpoint"]),
        ({"listeners": LOCAL}, []),
        ({"listeners": [{"endpoint": "tcp6:8080:interface=\\:\\:1"}]}, []),
        ({"listeners": [{"endpoint": "sni:8443:certificates=live"}]}, []),
        ({"listeners": [{"endpoint": "unix:/run/gateway.sock"}]}, []),
        ({"listeners": [{"endpoint": "ssl:8443"}, {"endpoint": "tcp:80"}]}, ["listeners[1].endpoint"]),
        ({"trusted_proxies": ["10.0.0.0/8"]}, []),
    ],
)
def test_passwords_in_clear_text(tmp_path: Path, settings: dict[str, Any], said: list[str]) -> None:
    """Where no proxy is named that could end TLS, and others than this machine may listen."""
    found = doubts(tmp_path, {"auth": {"type": "basic"}}, auth=BASIC, **settings)

    assert [one.partition(":")[0] for one in found] == said
    assert all("passwords (`auth.basic`) come over it in clear text" in one for one in found)


def test_a_file_that_nobody_asks_for(tmp_path: Path) -> None:
    """The clear text of others is no concern."""
    (found,) = doubts(tmp_path, auth=BASIC)

    assert found.startswith("auth.basic: no route asks for a name and a password")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"type": "basic", "roles": ["admin"]}, "auth.roles: nobody gets in"),
        ({"type": "basic", "scopes": ["read"]}, "auth.scopes: nobody gets in"),
        ({"all_of": ["basic", "jwt"]}, "auth.all_of: nobody gets in"),
    ],
)
def test_nobody_gets_in(tmp_path: Path, auth: dict[str, Any], said: str) -> None:
    """A user of a file has no roles, and one field holds one credential."""
    (found,) = doubts(tmp_path, {"auth": auth}, auth={**BASIC, **TOKENS}, listeners=LOCAL)

    assert found.startswith(f"routes[0].{said}")


@pytest.mark.parametrize(
    "auth", [{"any_of": ["basic", "jwt"], "roles": ["admin"]}, {"all_of": ["mtls", "basic"], "roles": ["admin"]}]
)
def test_another_way_may_bring_roles(tmp_path: Path, auth: dict[str, Any]) -> None:
    """One that is enough, or the first of those that are needed."""
    assert doubts(tmp_path, {"auth": auth}, auth={**BASIC, **TOKENS}, listeners=LOCAL) == []


@pytest.mark.parametrize(
    ("mtls", "listener", "said"),
    [
        ({"revoked": "forbidden"}, "tcp:8080", "auth.mtls.revoked: nothing is revoked"),
        ({"client_cert_header": "Client-Cert"}, "tcp:8080", "auth.mtls.client_cert_header: backends are told of no"),
        ({"client_cert_header": "Client-Cert"}, "sni:8443:certificates=live", "auth.mtls.client_cert_header: backends"),
        ({"client_cert_header": "Client-Cert"}, "sni:8443:certificates=live:clientCA=ca.pem", ""),
        ({"client_cert_header": "Client-Cert"}, "mine:8443", ""),
        ({"revoked": "forbidden", "crl": "ca.crl"}, "sni:8443:certificates=live:clientCA=ca.pem", ""),
    ],
)
def test_certificates_that_nobody_shows(tmp_path: Path, mtls: dict[str, Any], listener: str, said: str) -> None:
    """Keys that say something for nobody; a plugin's endpoint may ask in a way of its own."""
    found = doubts(tmp_path, auth={"mtls": mtls}, listeners=[{"endpoint": listener}])

    assert [one.startswith(said) for one in found] == ([True] if said else [])


def test_origins_without_a_cookie(tmp_path: Path) -> None:
    """No browser adds another place by itself."""
    tokens = {**TOKENS["jwt"]["default"], "origins": ["https://app.example.com"]}
    route = {"auth": {"type": "jwt"}}

    (found,) = doubts(tmp_path, route, auth={"jwt": {"default": tokens}})
    assert found.startswith("auth.jwt.default.origins: nobody asks for them")
    assert doubts(tmp_path, route, auth={"jwt": {"default": {**tokens, "from": "cookie:a"}}}) == []


def test_a_token_in_a_cookie_leaves_the_field_to_a_password(tmp_path: Path) -> None:
    """Both may be shown at once."""
    tokens = {"jwt": {"default": {**TOKENS["jwt"]["default"], "from": "cookie:a"}}}

    assert doubts(tmp_path, {"auth": {"all_of": ["basic", "jwt"]}}, auth={**BASIC, **tokens}, listeners=LOCAL) == []


def test_claims_that_our_own_tokens_do_not_have(tmp_path: Path) -> None:
    """Where the verifier's secret signs them."""
    tokens = {**TOKENS["jwt"]["default"], "require": {"azp": "web", "client_id": "acme"}}
    route = {"auth": {"type": "jwt"}}

    (found,) = doubts(tmp_path, route, auth={"jwt": {"default": tokens}, "oauth": {}})
    assert found.startswith("auth.jwt.default.require.azp: no token of `auth.oauth` is good for it")
    own = {"secret": "another-secret-of-forty-octets-or-more-octets"}
    assert doubts(tmp_path, route, auth={"jwt": {"default": tokens}, "oauth": own}) == []
    assert doubts(tmp_path, route, auth={"jwt": {"default": tokens}}) == []


KEYS = {"api_keys": {"keys": [{"id": "acme", "hash": f"sha256:{'0' * 64}"}]}}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"route": "key=acne"}, ["routes[0].rate_limit[0].tiers['key=acne']"]),
        ({"all": "api_key=acne"}, ["rate_limits[0].tiers['api_key=acne']"]),
        ({"route": "key=acme", "all": "key=acme"}, []),
        ({"route": "user=acne"}, []),
    ],
)
def test_a_plan_of_a_key_that_is_not_there(tmp_path: Path, limits: dict[str, str], said: list[str]) -> None:
    """A slip would leave a customer with the plain limit; keys of another store come and go."""
    made = {place: [{"limit": 1, "window": "1s", "tiers": {tier: 9}}] for place, tier in limits.items()}
    route = {"auth": {"type": "api_key"}, "rate_limit": made.get("route", [])}
    rest = {"rate_limits": made.get("all", [])}

    found = doubts(tmp_path, route, auth=KEYS, **rest)

    assert [one.partition(": ")[0] for one in found] == said
    assert all("no key of `auth.api_keys.keys` has this `id`, did you mean `acme`?" in one for one in found)
    stored = {"api_keys": {"store": "sql", "database": str(tmp_path / "keys.sqlite3")}}
    assert doubts(tmp_path, route, auth=stored, **rest) == []
