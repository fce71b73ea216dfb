"""What is asked of verifiers when they are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings, load

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


def verifier(load_text: Load, text: str) -> Any:
    """Load one."""
    settings = load_text(f"auth: {{jwt: {{default: {{{text}}}}}}}")
    assert settings.auth is not None
    return settings.auth.jwt["default"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("algorithms: [HS256]", "expected a `secret` for HS algorithms, found none"),
        ("algorithms: [HS256], secret: ''", "expected a `secret` for HS algorithms, found an empty one"),
        ("algorithms: [HS256], secret: '-----BEGIN PUBLIC KEY-----'", "found a key of another kind"),
        ("algorithms: [HS256], secret: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN", "found a key of another kind"),
        ("""algorithms: [HS256], secret: '{"kty": "oct", "k": "0000000000000000"}'""", "found a key of another kind"),
        ("algorithms: [RS256]", "expected `public_key_file` or `jwks_url` for RS256, found neither"),
        ("algorithms: [RS256], issuer: acme", "expected `public_key_file` or `jwks_url` for RS256, found neither"),
        (
            "public_key_file: a.pem, jwks_url: https://a",
            "expected one of `public_key_file` and `jwks_url`, found both",
        ),
        ("algorithms: [none], secret: x", "expected `HS256`"),
        ("algorithms: []", "expected at least one entry"),
    ],
)
def test_a_verifier_that_would_let_anybody_in_is_refused(complaints: Complaints, text: str, words: str) -> None:
    """Or nobody."""
    lines = complaints(f"auth: {{jwt: {{default: {{{text}}}}}}}")

    assert any(words in line for line in lines), lines
    assert not any("AAAAC3" in line or '"kty"' in line for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        f"algorithms: [HS256], secret: {'x' * 32}",
        "jwks_url: https://issuer.example.com/jwks",
        "issuer: https://issuer.example.com",
        "algorithms: [EdDSA], public_key_file: a.pem",
    ],
)
def test_one_source_of_keys_is_enough(load_text: Load, text: str) -> None:
    """The rest has defaults."""
    made = verifier(load_text, text)

    assert (made.leeway, made.required_claims, made.user_claim) == (30.0, ("exp",), "sub")
    assert (made.jwks_timeout, made.jwks_refresh, made.jwks_cooldown) == (5.0, 300.0, 30.0)


def test_a_claim_is_a_name_a_path_or_a_list_of_names(load_text: Load) -> None:
    """A list where a name holds a dot; shown as it was written."""
    claims = 'roles_claim: [resource_access, "api.example.com", roles], required_claims: [exp, [a, b.c]]'
    made = verifier(load_text, f"jwks_url: https://issuer.example.com/jwks, user_claim: act.sub, {claims}")

    assert made.roles_claim == ("resource_access", "api.example.com", "roles")
    assert (made.user_claim, made.scopes_claim) == ("act.sub", "scope")
    assert made.required_claims == ("exp", ("a", "b.c"))
    shown = made.model_dump(mode="json")
    assert shown["roles_claim"] == ["resource_access", "api.example.com", "roles"]
    asked = load_text('auth: {introspection: {a: {url: "https://a", roles_claim: ["a.b", c]}}}').auth
    assert asked is not None
    assert asked.introspection["a"].roles_claim == ("a.b", "c")


@pytest.mark.parametrize("said", ["[]", "{}", "['']", "''", "[a, []]"])
def test_what_names_no_claim(complaints: Complaints, said: str) -> None:
    """Told with what was wanted."""
    (line,) = complaints(f"auth: {{jwt: {{default: {{jwks_url: https://a, roles_claim: {said}}}}}}}")

    assert "roles_claim" in line
    assert "expected the name of a claim, a dotted path to it, or a list of names, found" in line


def test_limits_and_balancing_take_the_same_names_of_claims(load_text: Load) -> None:
    """Also those that are URLs."""
    name = "claim:https://example.com/tenant"
    settings = load_text(
        f"""
        upstreams: [{{name: a, strategy: consistent_hash, hash_on: "{name}", backends: [{{url: "http://a:80"}}]}}]
        rate_limits: [{{limit: 1, scope: "{name}"}}]
        """
    )
    assert settings.upstreams[0].hash_on == name == settings.rate_limits[0].scope[0]


@pytest.mark.parametrize("said", ["'a b'", "''", "'Bearer:'", "[Bearer]"])
def test_a_scheme_is_one_word(complaints: Complaints, said: str) -> None:
    """As RFC 9110 section 11.1 has it."""
    (line,) = complaints(f"auth: {{api_keys: {{header: Authorization, scheme: {said}}}}}")

    assert "auth.api_keys.scheme: expected a" in line


def test_a_route_may_name_one_verifier_or_several(load_text: Load) -> None:
    """One is a list of one."""
    secret = f"{{algorithms: [HS256], secret: {'x' * 32}}}"
    settings = load_text(
        f"auth: {{jwt: {{default: {secret}, b: {secret}}}}}\n"
        "upstreams: [{name: a, backends: []}]\n"
        "routes:\n"
        "  - {path: /1, upstream: a, auth: {type: jwt}}\n"
        "  - {path: /2, upstream: a, auth: {type: jwt, verifier: b}}\n"
        "  - {path: /3, upstream: a, auth: {any_of: [{type: jwt, verifier: [default, b]}]}}\n"
        "  - {path: /4, upstream: a, auth: {type: {any_of: [jwt]}, verifier: b}}\n"
    )

    assert [route.auth.ways[0].verifier for route in settings.routes if route.auth] == [
        ("default",),
        ("b",),
        ("default", "b"),
        ("b",),
    ]


def test_each_verifier_of_a_list_must_be_there(complaints: Complaints) -> None:
    """Told in its place."""
    lines = complaints(
        f"auth: {{jwt: {{default: {{algorithms: [HS256], secret: {'x' * 32}}}}}}}\n"
        "upstreams: [{name: a, backends: []}]\n"
        "routes: [{path: /, upstream: a, auth: {type: jwt, verifier: [default, defualt]}}]"
    )

    (line,) = lines
    assert "routes[0].auth.verifier[1]: expected the name of a verifier" in line
    assert "did you mean `default`?" in line


def test_the_keys_of_a_file_are_beside_the_configuration(tmp_path: Path) -> None:
    """Those that `gateway apikey` makes are found by a gateway that was started from elsewhere."""
    file = tmp_path / "gateway.yaml"
    file.write_text("auth: {api_keys: {store: sql}}")

    auth = load(file, {}).auth

    assert auth is not None
    assert auth.api_keys is not None
    assert auth.api_keys.database == str(tmp_path / "api-keys.sqlite3")


@pytest.mark.parametrize("name", ["spiffe://example.org*", "spiffe://example.org/shop/", "spiffe://example.org/a//b"])
def test_a_client_s_spiffe_id_is_one_that_a_certificate_may_have(complaints: Complaints, name: str) -> None:
    """Or begins like one, in one trust domain; names of other kinds are as they are."""
    (line,) = complaints(f'auth: {{mtls: {{clients: [{{name: "{name}"}}, {{name: "CN=a/*"}}]}}}}')
    wanted = "expected a SPIFFE ID, or `spiffe://TRUST-DOMAIN/…*` for all that begin so"
    assert line == f'gateway.yaml:1:32: auth.mtls.clients[0].name: {wanted}, found "{name}"'
