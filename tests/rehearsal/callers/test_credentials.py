"""Callers that are made up: each way that a route may ask for is shown, and all that it asks is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway.config import from_mapping
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.rehearsal.stage import CannotShow, Outcome, Stage
from tests.tokens import SECRET, ec_key, ed_key, private_pem, public_pem, rsa_key

KEYS: dict[str, Any] = {"RS256": rsa_key(), "ES256": ec_key(), "EdDSA": ed_key()}


def stage(auth: dict[str, Any], way: Any, *callers: dict[str, Any]) -> Stage:
    """Make one whose route asks for a way."""
    return Stage(
        from_mapping(
            {
                "auth": auth,
                "upstreams": [{"name": "a", "backends": [{"url": "http://127.0.0.1:9001"}]}],
                "routes": [{"name": "a", "path": "/a", "upstream": "a", "auth": way}],
            }
        ),
        callers,
    )


def ask(auth: dict[str, Any], way: Any, claims: dict[str, Any] | None, **request: Any) -> Outcome:
    """Ask it once."""
    asked = stage(auth, way, *([] if claims is None else [claims]))
    asked.begin(TIME, {})
    return asked.ask(CaseRequest(url="http://x/a", **request), claims)


def verifier(**keys: Any) -> dict[str, Any]:
    """Return `auth` with one verifier of tokens."""
    return {"jwt": {"default": {"issuer": "https://i", "audience": ["api"], **keys}}}


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256", "ES384", "ES512", "EdDSA", "PS512"])
def test_a_token_is_signed_as_the_verifier_wants_it(algorithm: str) -> None:
    """Whatever keys it has elsewhere; issuer, audience and expiry are there where the claims do not say them."""
    keys = {"secret": SECRET} if algorithm == "HS256" else {"jwks_url": "https://127.0.0.1:1/keys"}

    outcome = ask(verifier(algorithms=[algorithm], **keys), {"type": "jwt"}, {"sub": "u1"})

    assert (outcome.answer.status, outcome.record["user_id"]) == (200, "u1")
    assert outcome.sent[0].asked.headers.get(b"x-user-id") == b"u1"


@pytest.mark.parametrize(
    ("claims", "status", "reason"),
    [
        ({"sub": "u", "azp": "web", "roles": ["admin"], "scope": "read write"}, 200, None),
        ({"sub": "u", "azp": "web", "roles": ["admin"]}, 403, "auth.forbidden"),
        ({"sub": "u", "azp": "web", "scope": "read"}, 403, "auth.forbidden"),
        ({"sub": "u", "azp": "other", "roles": ["admin"], "scope": "read"}, 401, "auth.invalid"),
        ({"sub": "u", "azp": "web", "roles": ["admin"], "scope": "read", "iss": "https://j"}, 401, "auth.invalid"),
        ({"sub": "u", "azp": "web", "roles": ["admin"], "scope": "read", "aud": "b"}, 401, "auth.invalid"),
        ({"sub": "u", "azp": "web", "roles": ["admin"], "scope": "read", "exp": 1}, 401, "auth.invalid"),
        (None, 401, "auth.missing"),
    ],
)
def test_all_that_a_route_asks_is_asked(claims: dict[str, Any] | None, status: int, reason: str | None) -> None:
    """Issuer, audience, expiry, `require`, roles and scopes."""
    auth = verifier(algorithms=["ES256"], jwks_url="https://i/keys", require={"azp": ["web"]})

    outcome = ask(auth, {"type": "jwt", "roles": ["admin"], "scopes": ["read"]}, claims)

    assert (outcome.answer.status, outcome.record["reason"]) == (status, reason)


@pytest.mark.parametrize("algorithm", KEYS)
def test_tokens_of_the_configuration_s_own_keys_are_taken_too(algorithm: str, tmp_path: Path) -> None:
    """Which a test writes itself: one signed by another key is refused."""
    (tmp_path / "key.pem").write_bytes(public_pem(KEYS[algorithm]))
    auth = verifier(algorithms=[algorithm], public_key_file=str(tmp_path / "key.pem"))
    claims = {"sub": "u", "iss": "https://i", "aud": "api", "exp": int(TIME) + 60}
    good = jwt.encode(claims, KEYS[algorithm], algorithm)
    head, payload, _ = good.split(".")
    bad = f"{head}.{payload}.{jwt.encode({}, KEYS[algorithm], algorithm).split('.')[2]}"

    outcomes = [ask(auth, {"type": "jwt"}, None, headers={"Authorization": f"Bearer {one}"}) for one in (good, bad)]

    assert [one.answer.status for one in outcomes] == [200, 401]


@pytest.mark.parametrize("place", ["header:X-Token", "cookie:token", "query:token"])
def test_a_token_is_shown_where_it_is_looked_for(place: str) -> None:
    """In the first place of `from`; the backend sees none."""
    auth = verifier(algorithms=["HS256"], secret=SECRET, **{"from": [place, "header:Authorization"]})

    outcome = ask(auth, {"type": "jwt"}, {"sub": "u"}, headers={"Cookie": "a=b"})

    assert outcome.answer.status == 200
    assert b"token" not in outcome.sent[0].asked.target
    assert outcome.sent[0].asked.headers.get(b"cookie") == b"a=b"


def test_several_issuers_publish_no_keys_here() -> None:
    """Theirs are not fetched: nothing is asked outside."""
    auth = {"jwt": {"default": {"algorithms": ["RS256"], "issuer": ["https://i", "https://j"], "audience": ["api"]}}}

    assert ask(auth, {"type": "jwt"}, {"sub": "u"}).answer.status == 200
    assert ask(auth, {"type": "jwt"}, {"sub": "u", "iss": "https://j"}).answer.status == 200


@pytest.mark.parametrize("store", ["memory", "redis", "sql"])
def test_an_api_key_is_known_to_any_store(store: str) -> None:
    """With the user, the roles and the scopes of the claims."""
    auth = {"api_keys": {"store": store, "header": "Authorization", "scheme": "Bearer"}}
    way = {"type": "api_key", "roles": ["admin"], "scopes": ["read"]}

    assert ask(auth, way, {"sub": "acme", "roles": ["admin"], "scope": "read"}).record["user_id"] == "acme"
    assert ask(auth, way, {"sub": "acme", "roles": ["admin"]}).answer.status == 403


def test_authorities_are_asked_in_memory() -> None:
    """Introspection of a token that was made up, and of one that nobody knows; and one that is shown requests."""
    introspection = {"introspection": {"default": {"url": "https://auth.internal/introspect"}}}
    forward = {"forward": {"default": {"url": "http://auth.internal/", "response_headers": ["X-Tenant"]}}}

    known = ask(introspection, {"type": "introspection"}, {"sub": "u"})
    unknown = ask(introspection, {"type": "introspection"}, None, headers={"Authorization": "Bearer x"})
    yes = ask(forward, {"type": "forward"}, {"sub": "u", "x-tenant": "t"})
    no = ask(forward, {"type": "forward"}, None)

    assert (known.record["user_id"], unknown.answer.status) == ("u", 401)
    assert (yes.record["user_id"], yes.sent[0].asked.headers.get(b"x-tenant"), no.answer.status) == ("u", b"t", 401)


def test_of_several_ways_the_first_that_can_be_shown_is() -> None:
    """And of those that are all needed, each."""
    auth = {**verifier(algorithms=["HS256"], secret=SECRET), "api_keys": {"keys": []}, "mtls": {}}

    assert ask(auth, {"any_of": ["mtls", "jwt"]}, {"sub": "u"}).answer.status == 200
    assert ask(auth, {"all_of": ["jwt", "api_key"]}, {"sub": "u"}).answer.status == 200
    with pytest.raises(CannotShow, match="`claims` have no `sub`"):
        ask(auth, {"type": "mtls"}, {})


def test_tokens_that_the_gateway_issues_itself(tmp_path: Path) -> None:
    """Are signed by its own key."""
    (tmp_path / "key.pem").write_bytes(private_pem(ec_key()))
    auth = {"oauth": {"issuer": "https://i", "audience": "api", "signing_key_file": str(tmp_path / "key.pem")}}

    assert ask(auth, {"type": "jwt"}, {"sub": "u"}).record["user_id"] == "u"
