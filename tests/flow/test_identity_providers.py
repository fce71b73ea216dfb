"""Tokens of the shapes that identity providers give out, taken by the configurations of the guide as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import START, ec_key, jwk, jwks, rsa_key, sign

Make = Callable[..., Harness]

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "identity-providers.md"
RECIPES = dict(re.findall(r"^## ([^\n]+)\n.*?^```yaml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE))

KEYS = "http://127.0.0.1:9002"
TENANT = "6c1f2a3b-0000-4000-8000-000000000001"
POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1Cd2Ef3"
ASSERTION = "Cf-Access-Jwt-Assertion"


class Shape(NamedTuple):
    """What a provider's token looks like.

    Attributes:
        claims: Its claims, times aside.
        told: What the backend is told, in `X-User-ID`, `X-User-Roles`, `X-User-Scopes` and further fields.
        others: Changes that make it the token of a stranger, or another kind of token.
        header: Its header, beside algorithm and key.
        place: The field that shows it.
        algorithm: That it is signed with.
    """

    claims: dict[str, Any]
    told: dict[str, str]
    others: list[dict[str, Any]]
    header: Mapping[str, Any] = MappingProxyType({"typ": "JWT"})
    place: str = "Authorization"
    algorithm: str = "RS256"


AZURE_1: dict[str, Any] = {
    "aud": "api://orders",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "acr": "1",
    "aio": "AXQAi/8TAAAA",
    "amr": ["pwd", "mfa"],
    "appid": "11111111-0000-4000-8000-000000000003",
    "appidacr": "1",
    "ipaddr": "192.0.2.7",
    "name": "J\u00f6rg M\u00fcller",
    "oid": "22222222-0000-4000-8000-000000000004",
    "rh": "0.AXQA",
    "roles": ["Orders.Read", "Orders.Write"],
    "scp": "access_as_user",
    "sub": "pairwise-subject",
    "tid": TENANT,
    "unique_name": "joerg@example.com",
    "uti": "abc",
    "ver": "1.0",
}
AZURE_2: dict[str, Any] = {
    "aud": "0a1b2c3d-0000-4000-8000-000000000002",
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "azp": "11111111-0000-4000-8000-000000000003",
    "azpacr": "1",
    "oid": "22222222-0000-4000-8000-000000000004",
    "preferred_username": "joerg@example.com",
    "roles": ["Orders.Read"],
    "scp": "access_as_user",
    "sub": "pairwise-subject",
    "tid": TENANT,
    "ver": "2.0",
}
STRANGER = "33333333-0000-4000-8000-000000000005"

SHAPES: dict[str, list[Shape]] = {
    "Auth0": [
        Shape(
            {
                "https://example.com/roles": ["buyer"],
                "iss": "https://acme.eu.auth0.com/",
                "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
                "aud": ["https://api.example.com", "https://acme.eu.auth0.com/userinfo"],
                "azp": "my_client_id",
                "scope": "openid profile email",
                "permissions": ["read:orders", "write:orders"],
                "org_id": "org_abc",
            },
            {
                "X-User-ID": "auth0|5f7c8ec7c33c6c004bbafe82",
                "X-User-Roles": "buyer",
                "X-User-Scopes": "read:orders,write:orders",
                "X-Organisation": "org_abc",
            },
            [
                {"iss": "https://acme.eu.auth0.com"},
                {"iss": "https://other.eu.auth0.com/"},
                {"aud": ["https://other.example.com", "https://acme.eu.auth0.com/userinfo"]},
                {"aud": "my_client_id"},
            ],
            {"typ": "at+jwt"},
        )
    ],
    "AWS Cognito": [
        Shape(
            {
                "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                "cognito:groups": ["buyers", "eu"],
                "iss": POOL,
                "version": 2,
                "client_id": "1example23456789",
                "origin_jti": "origin",
                "event_id": "event",
                "token_use": "access",
                "scope": "aws.cognito.signin.user.admin phone openid",
                "auth_time": START - 100,
                "username": "zo\u00eb",
            },
            {
                "X-User-ID": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                "X-User-Roles": "buyers,eu",
                "X-User-Scopes": "aws.cognito.signin.user.admin,openid,phone",
                "X-Username": "zo%C3%AB",
            },
            [
                {"iss": POOL.replace("Ab1", "Xy1")},
                {"client_id": "another"},
                {"client_id": None},
                # An ID token: it has `aud` in place of `client_id`.
                {"token_use": "id", "client_id": None, "aud": "1example23456789"},
                {"token_use": "id"},
            ],
            {},
        )
    ],
    "Cloudflare Access": [
        Shape(
            {
                "aud": ["4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"],
                "email": "jo@example.com",
                "iss": "https://acme.cloudflareaccess.com",
                "type": "app",
                "identity_nonce": "6ei69kawdKzMIAPF",
                "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
                "country": "US",
            },
            {"X-User-ID": "jo@example.com"},
            [
                {"iss": "https://other.cloudflareaccess.com"},
                {"aud": ["0000c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2"]},
                {"aud": []},
            ],
            {},
            ASSERTION,
        ),
        # Of a service token: nobody's mail address.
        Shape(
            {
                "type": "app",
                "aud": "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2",
                "iss": "https://acme.cloudflareaccess.com",
                "common_name": "e367826f93b8d71185e03fe518aff3b4.access",
                "sub": "",
            },
            {},
            [{"aud": "another"}],
            {},
            ASSERTION,
        ),
    ],
    "Google IAP": [
        Shape(
            {
                "iss": "https://cloud.google.com/iap",
                "sub": "accounts.google.com:108800000000000000000",
                "email": "jo@example.com",
                "aud": "/projects/123456789/global/backendServices/987654321",
                "azp": "/projects/123456789/global/backendServices/987654321",
                "hd": "example.com",
                "google": {"access_levels": ["accessPolicies/1/accessLevels/office", "a,b"]},
            },
            {"X-User-ID": "jo@example.com", "X-Access-Levels": "accessPolicies/1/accessLevels/office,a%2Cb"},
            [
                {"aud": "/projects/123456789/global/backendServices/1"},
                {"aud": "/projects/1/apps/987654321"},
                {"iss": "https://accounts.google.com"},
                {"iss": None},
            ],
            {"typ": "JWT"},
            "x-goog-iap-jwt-assertion",
            "ES256",
        )
    ],
    "Keycloak": [
        Shape(
            {
                "auth_time": START - 20,
                "jti": "onrtac:8a1b",
                "iss": f"{KEYS}/realms/shop",
                "aud": ["api.example.com", "account"],
                "sub": "f:1:alice",
                "typ": "Bearer",
                "azp": "web",
                "sid": "session",
                "acr": "1",
                "allowed-origins": ["https://shop.example.com"],
                "realm_access": {"roles": ["offline_access", "uma_authorization"]},
                "resource_access": {"api.example.com": {"roles": ["buyer"]}, "account": {"roles": ["manage-account"]}},
                "scope": "openid email profile",
                "email_verified": True,
                "preferred_username": "alice",
                "email": "alice@example.com",
            },
            {
                "X-User-ID": "f:1:alice",
                "X-User-Roles": "buyer",
                "X-User-Scopes": "email,openid,profile",
                "X-Realm-Roles": "offline_access,uma_authorization",
                "X-Email": "alice@example.com",
            },
            [
                {"iss": f"{KEYS}/realms/master"},
                {"aud": "account"},
                {"azp": "admin-cli"},
                {"azp": None},
                {"aud": None},
            ],
        )
    ],
    "Microsoft Entra ID": [
        Shape(
            AZURE_1,
            {
                "X-User-ID": "22222222-0000-4000-8000-000000000004",
                "X-User-Roles": "Orders.Read,Orders.Write",
                "X-User-Scopes": "access_as_user",
                "X-Tenant": TENANT,
            },
            [
                {"iss": f"https://sts.windows.net/{STRANGER}/", "tid": STRANGER},
                {"tid": STRANGER},
                {"iss": f"https://sts.windows.net/{TENANT}"},
                {"aud": "https://graph.microsoft.com"},
            ],
            {"typ": "JWT", "x5t": "the key"},
        ),
        Shape(
            AZURE_2,
            {
                "X-User-ID": "22222222-0000-4000-8000-000000000004",
                "X-User-Roles": "Orders.Read",
                "X-User-Scopes": "access_as_user",
                "X-Tenant": TENANT,
            },
            [
                {"iss": f"https://login.microsoftonline.com/{STRANGER}/v2.0", "tid": STRANGER},
                {"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"},
                {"tid": None},
                {"aud": "00000003-0000-0000-c000-000000000000"},
            ],
        ),
    ],
    "Okta": [
        Shape(
            {
                "ver": 1,
                "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
                "iss": "https://acme.okta.com/oauth2/default",
                "aud": "api://default",
                "cid": "0oa1example2Client3",
                "uid": "00uid4BxXw6I6TV4m0g3",
                "scp": ["orders.read", "openid"],
                "auth_time": START - 50,
                "sub": "jo@example.com",
                "groups": ["Everyone", "Buyers"],
            },
            {
                "X-User-ID": "00uid4BxXw6I6TV4m0g3",
                "X-User-Roles": "Buyers,Everyone",
                "X-User-Scopes": "openid,orders.read",
            },
            [
                {"iss": "https://acme.okta.com"},
                {"iss": "https://evil.okta.com/oauth2/default"},
                {"aud": "https://acme.okta.com"},
                {"cid": "0oaAnother"},
                {"cid": None},
            ],
            {},
        )
    ],
}
ALL = [(name, shape) for name, shapes in SHAPES.items() for shape in shapes]


def recipe(make: Make, name: str) -> Harness:
    """A gateway as the guide configures it; the provider's keys come from a backend of the test."""
    text = RECIPES[name].replace("https://sso.example.com", KEYS)
    text = re.sub(r"jwks_url: https://[^/\s]+", f"jwks_url: {KEYS}", text)
    made = make("orders", "provider", **yaml.safe_load(text))
    keys = jwks(jwk(rsa_key(), "the key"), jwk(ec_key(), "the key"))
    metadata = json.dumps({"issuer": f"{KEYS}/realms/shop", "jwks_uri": f"{KEYS}/keys"}).encode()
    made.backend("provider").answer = lambda asked: ok(metadata if b"openid-configuration" in asked.target else keys)
    made.backend("orders").answer = lambda asked: ok(b"")
    return made


def signed(shape: Shape, changes: dict[str, Any], key: str = "one") -> str:
    """A token of the shape, with changes; None takes a claim out."""
    claims = {"iat": START - 60, "nbf": START - 60, "exp": START + 3600, **shape.claims, **changes}
    made = ec_key(key) if shape.algorithm == "ES256" else rsa_key(key)
    said = {claim: value for claim, value in claims.items() if value is not None}
    header = json.dumps({"alg": shape.algorithm, "kid": "the key", **shape.header})
    return sign(made, shape.algorithm, said, header)


def ask(made: Harness, shape: Shape, token: str) -> int:
    """Show a token in its place; return the status."""
    value = f"Bearer {token}" if shape.place == "Authorization" else token
    return made.request("GET", "/orders/7", {shape.place: value}).status


def test_every_recipe_has_its_shapes() -> None:
    """And every shape its recipe."""
    assert set(RECIPES) == set(SHAPES)


@pytest.mark.parametrize(("name", "shape"), ALL, ids=[f"{name} {number}" for number, (name, _) in enumerate(ALL)])
def test_the_recipe_takes_tokens_of_the_provider(make: Make, name: str, shape: Shape) -> None:
    """The backend is told who it is, and does not get the token."""
    made = recipe(make, name)
    token = signed(shape, {})

    assert ask(made, shape, token) == 200
    headers = made.backend("orders").last.headers
    prefixes = ("x-user", "x-tenant", "x-org", "x-realm", "x-email", "x-access")
    told = {name.decode(): value.decode() for name, value in headers if name.decode().lower().startswith(prefixes)}
    assert told == shape.told
    assert token.encode() not in headers.encode()


@pytest.mark.parametrize(("name", "shape"), ALL, ids=[f"{name} {number}" for number, (name, _) in enumerate(ALL)])
def test_the_recipe_takes_no_others(make: Make, name: str, shape: Shape) -> None:
    """Of other tenants, applications and clients, of other kinds, and signed by somebody else."""
    made = recipe(make, name)

    for changes in shape.others:
        assert ask(made, shape, signed(shape, changes)) == 401, changes
    assert ask(made, shape, signed(shape, {}, key="somebody else")) == 401
    assert ask(made, shape, signed(shape, {"exp": START - 60})) == 401
    assert ask(made, shape, signed(shape, {"exp": None})) == 401
    assert not made.backend("orders").requests


def test_the_cookie_of_cloudflare_is_asked_where_it_comes_from(make: Make) -> None:
    """Cloudflare makes its field of the cookie, for pages of other sites too: the cookie comes first."""
    made = recipe(make, "Cloudflare Access")
    (shape, _) = SHAPES["Cloudflare Access"]
    token = signed(shape, {})
    fields = {"Cookie": f"CF_Authorization={token}", ASSERTION: token}

    def post(origin: str) -> int:
        return made.request("POST", "/orders/7", {**fields, "Origin": origin}, b"").status

    assert post("https://evil.example") == 403
    assert post("http://gateway.test") == 200
    assert token.encode() not in made.backend("orders").last.headers.encode()
