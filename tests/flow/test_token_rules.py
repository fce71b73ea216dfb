"""What a verifier asks of tokens beside a good signature: issuers, and claims that must have one of some values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import ISSUER, SECRET, jwk, jwks, protected, rsa_key, said, sign


def ask(gateway: Harness, token: str) -> Any:
    """Make a request with a token."""
    return gateway.get("/orders/7", Authorization=f"Bearer {token}")


def test_each_issuer_of_a_list_publishes_the_keys_of_its_own_tokens() -> None:
    """A key of one signs no token of another: told per issuer, a key set is trusted for that issuer only."""
    issuers = ["http://127.0.0.1:9002/a", "http://127.0.0.1:9002/b"]
    gateway = protected({"algorithms": ["RS256"], "issuer": issuers, "audience": "api"}, "issuer")
    pages = {}
    for name, issuer in zip("ab", issuers, strict=True):
        metadata = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        pages[f"/{name}/.well-known/openid-configuration".encode()] = json.dumps(metadata).encode()
        pages[f"/{name}/keys".encode()] = jwks(jwk(rsa_key(name), "the key"))
    gateway.backend("issuer").answer = lambda asked: ok(pages[asked.target])

    def status(key: str, issuer: str) -> int:
        signed = sign(rsa_key(key), "RS256", said(iss=issuer), {"kid": "the key"})
        return int(ask(gateway, signed).status)

    assert [status("a", issuers[0]), status("b", issuers[1])] == [200, 200]
    assert [status("a", issuers[1]), status("b", issuers[0]), status("a", "http://c")] == [401, 401, 401]
    assert [gateway.metric("gateway_jwks_keys", verifier=f"default:{issuer}") for issuer in issuers] == [1, 1]

    only_b = {"path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", "issuer": issuers[1]}}
    gateway.apply(routes=[only_b])
    assert [status("a", issuers[0]), status("b", issuers[1]), status("a", issuers[1])] == [401, 200, 401]


def test_one_key_set_told_for_several_issuers_signs_for_each() -> None:
    """`jwks_url` stands for all of the list; an issuer that is not on it gets nobody in."""
    gateway = protected(
        {"algorithms": ["RS256"], "jwks_url": "http://127.0.0.1:9002/jwks", "issuer": ["https://a", "https://b"]},
        "issuer",
    )
    gateway.backend("issuer").answer = lambda asked: ok(jwks(jwk(rsa_key(), "a")))

    def status(issuer: Any) -> int:
        signed = sign(rsa_key(), "RS256", said(iss=issuer), {"kid": "a"})
        return int(ask(gateway, signed).status)

    assert [status("https://a"), status("https://b")] == [200, 200]
    for issuer in ("https://c", None, ["https://a"], {"https://a": 1}, 1, "HTTPS://A"):
        assert status(issuer) == 401, issuer


@pytest.mark.parametrize(
    ("require", "claims", "status"),
    [
        ({"azp": ["web"]}, {"azp": "web"}, 200),
        ({"azp": "web"}, {"azp": "web"}, 200),
        ({"azp": ["ios", "web"]}, {"azp": "web"}, 200),
        ({"azp": ["web"]}, {"azp": "Web"}, 401),
        ({"azp": ["web"]}, {"azp": "web ios"}, 401),
        ({"azp": ["web"]}, {}, 401),
        ({"azp": ["web"]}, {"azp": ["ios", "web"]}, 200),
        ({"azp": ["web"]}, {"azp": ["ios"]}, 401),
        ({"azp": ["web"]}, {"azp": []}, 401),
        ({"azp": ["web"]}, {"azp": [["web"]]}, 401),
        ({"azp": ["web"]}, {"azp": {"web": True}}, 401),
        ({"azp": ["web"], "tid": ["t1"]}, {"azp": "web", "tid": "t1"}, 200),
        ({"azp": ["web"], "tid": ["t1"]}, {"azp": "web", "tid": "t2"}, 401),
        ({"azp": ["web"], "tid": ["t1"]}, {"azp": "web"}, 401),
        ({"ver": [2]}, {"ver": 2}, 200),
        ({"ver": [2]}, {"ver": "2"}, 200),
        ({"ver": ["2"]}, {"ver": 2}, 200),
        ({"ver": [1]}, {"ver": True}, 401),
        ({"ver": [1]}, {"ver": 1.0}, 401),
        ({"verified": True}, {"verified": True}, 200),
        ({"verified": True}, {"verified": "true"}, 401),
        ({"verified": True}, {"verified": 1}, 401),
        ({"verified": [False]}, {}, 401),
        ({"realm_access.roles": ["user"]}, {"realm_access": {"roles": ["user", "other"]}}, 200),
        ({"https://example.com/tier": ["gold"]}, {"https://example.com/tier": "gold"}, 200),
    ],
)
def test_claims_must_have_one_of_the_values(require: Any, claims: dict[str, Any], status: int) -> None:
    """Another value, or none, is a token for somebody else: 401 as with another audience, not 403."""
    settings = {"algorithms": ["HS256"], "secret": SECRET, "issuer": ISSUER, "audience": "api", "require": require}
    gateway = protected(settings)

    response = ask(gateway, sign(SECRET, "HS256", said(**claims)))

    assert response.status == status
    if status == 401:
        assert response.json["type"].endswith("auth.invalid")
        assert not gateway.backend("orders").requests
