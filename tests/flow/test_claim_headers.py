"""Claims as fields for the backend: what it gets of a token, and that no client can say it in a token's place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import ISSUER, SECRET, said, sign

Make = Callable[..., Harness]

VERIFIER = {
    "algorithms": ["HS256"],
    "secret": SECRET,
    "issuer": ISSUER,
    "audience": "api",
    "claim_headers": {"X-Tenant": "tenant", "X-Plan": "https://example.com/plan", "X-Groups": "groups"},
}


def gateway(make: Make, **auth: Any) -> Harness:
    """A route that asks for a token, and one that does not."""
    routes = [
        {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", **auth}},
        {"name": "open", "path": "/open/*", "upstream": "orders"},
    ]
    made = make("orders", routes=routes, auth={"jwt": {"default": VERIFIER}})
    made.backend("orders").answer = lambda asked: ok(b"")
    return made


def bearer(**claims: Any) -> str:
    """A good token with further claims."""
    return "Bearer " + sign(SECRET, "HS256", said(**claims))


def test_the_backend_gets_the_claims_of_the_token(make: Make) -> None:
    """Also for the second request with it, whose result is remembered; a claim that is absent is no field."""
    made = gateway(make)
    token = bearer(tenant="acme\r\nX-Admin: 1", groups=["a", "b"])

    for _ in range(2):
        assert made.get("/orders/7", Authorization=token).status == 200
        fields = made.backend("orders").last.headers
        assert fields.get_all(b"x-tenant") == [b"acme%0D%0AX-Admin:%201"]
        assert fields.get_all(b"x-groups") == [b"a,b"]
        assert b"x-plan" not in fields
        assert b"x-admin" not in fields


@pytest.mark.parametrize("path", ["/orders/7", "/open/7"])
@pytest.mark.parametrize("name", ["X-Tenant", "x-tenant", "X_Tenant", "X.Tenant", "X_Plan"])
def test_no_client_says_them_itself(make: Make, path: str, name: str) -> None:
    """On any route, in any spelling; nor does `Connection` take the gateway's own field out."""
    made = gateway(make)
    fields = {name: "evil", "Connection": "X-Tenant", "Authorization": bearer(tenant="acme")}

    assert made.request("GET", path, fields).status == 200

    told = [(lower, value) for lower, _, value in made.backend("orders").last.headers.fields]
    assert b"evil" not in dict(told).values()
    assert [value for lower, value in told if lower == b"x-tenant"] == ([b"acme"] if path == "/orders/7" else [])


def test_nor_in_trailers(make: Make) -> None:
    """Of content in chunks."""
    made = gateway(make)
    head = f"POST /orders/7 HTTP/1.1\r\nHost: g\r\nAuthorization: {bearer()}\r\nTransfer-Encoding: chunked\r\n"

    made.send(f"{head}Trailer: X-Tenant\r\n\r\n1\r\na\r\n0\r\nX-Tenant: evil\r\nx_tenant: evil\r\n\r\n".encode())

    assert b"evil" not in made.backend("orders").connections[-1].received


def test_a_claim_that_fits_no_field_is_a_401(make: Make) -> None:
    """The token is asked for that claim: without the field, the backend would take the caller for another."""
    made = gateway(make)

    response = made.get("/orders/7", Authorization=bearer(tenant="x" * 5000))

    assert response.status == 401
    assert response.json["type"].endswith("auth.invalid")


def test_what_a_claim_is_called_changes_with_the_configuration(make: Make) -> None:
    """A reload forgets what was remembered under the other name, and drops the new one from clients."""
    made = gateway(make)
    token = bearer(tenant="acme")
    made.get("/orders/7", Authorization=token)

    made.apply(auth={"jwt": {"default": {**VERIFIER, "claim_headers": {"X-Org": "tenant"}}}})
    made.request("GET", "/orders/7", {"Authorization": token, "X-Org": "evil", "X-Tenant": "own"})

    fields = made.backend("orders").last.headers
    assert (fields.get_all(b"x-org"), fields.get_all(b"x-tenant")) == ([b"acme"], [b"own"])


def test_an_authority_of_opaque_tokens_says_them_too(make: Make) -> None:
    """Members of its answer."""
    asked = {"url": "http://127.0.0.1:9002/ask", "claim_headers": {"X-Tenant": "tenant.id"}}
    made = make(
        "orders",
        "authority",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"type": "introspection"}}],
        auth={"introspection": {"default": asked}},
    )
    knows = {"active": True, "sub": "alice", "tenant": {"id": "acme"}}
    made.backend("authority").answer = lambda asked: ok(json.dumps(knows).encode())

    assert made.request("GET", "/orders/7", {"Authorization": "Bearer opaque", "X-Tenant": "evil"}).status == 200
    assert made.backend("orders").last.headers.get_all(b"x-tenant") == [b"acme"]


def test_where_all_ways_are_needed_each_tells_its_claims(make: Make) -> None:
    """The caller is whom the first way names; the token of the second has its tenant."""
    routes = [{"path": "/orders/*", "upstream": "orders", "auth": {"all_of": ["api_key", "jwt"]}}]
    keys = {"keys": [{"id": "acme", "key": "the-key-of-acme", "user": "robot"}]}
    made = make("orders", routes=routes, auth={"jwt": {"default": VERIFIER}, "api_keys": keys})

    fields = {"X-API-Key": "the-key-of-acme", "Authorization": bearer(tenant="acme", roles=["admin"])}
    assert made.request("GET", "/orders/7", fields).status == 200

    told = made.backend("orders").last.headers
    assert told.get_all(b"x-user-id") == [b"robot"]
    assert told.get_all(b"x-tenant") == [b"acme"]
    assert b"x-user-roles" not in told


def test_who_it_is_says_the_first_way_alone(make: Make) -> None:
    """What an authority says beside it, under the name of an identity field, is not taken for that of the first."""
    authority = {"url": "http://127.0.0.1:9002/auth", "response_headers": ["X-User-Roles", "X-Team"]}
    keys = {"keys": [{"id": "acme", "key": "the-key-of-acme", "user": "robot"}]}
    routes = [{"path": "/orders/*", "upstream": "orders", "auth": {"all_of": ["api_key", "forward"]}}]
    made = make("orders", "authority", routes=routes, auth={"forward": {"default": authority}, "api_keys": keys})
    made.backend("authority").answer = lambda asked: ok(b"", (b"X-User-Roles", b"admin"), (b"X-Team", b"blue"))

    assert made.request("GET", "/orders/7", {"X-API-Key": "the-key-of-acme"}).status == 200

    told = made.backend("orders").last.headers
    assert told.get_all(b"x-user-id") == [b"robot"]
    assert b"x-user-roles" not in told
