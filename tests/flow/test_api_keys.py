"""API keys in a whole gateway: taken from a field or the query, and seen nowhere else."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.tokens import SECRET, said, sign

KEY = "k-0123456789-secret"
OLD = "k-of-last-year"


def gateway(route: dict[str, Any] | None = None, **keys: Any) -> Harness:
    """A route that asks for an API key."""
    return Harness(
        "orders",
        routes=[
            {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"type": "api_key", **(route or {})}},
            {"name": "open", "path": "/open", "upstream": "orders"},
        ],
        auth={
            "api_keys": {
                "keys": [
                    {
                        "id": "acme",
                        "hash": "sha256:" + sha256(KEY.encode()).hexdigest(),
                        "user": "Acme Ltd",
                        "roles": ["buyer"],
                        "scopes": ["read"],
                    },
                    {"id": "old", "key": OLD, "expires": "2020-01-01"},
                ],
                **keys,
            }
        },
    )


def answer(response: Received) -> str:
    """All of an answer that an attacker sees, without the request id."""
    problem = {key: value for key, value in response.json.items() if key != "request_id"}
    fields = [(name, value) for lower, name, value in response.headers.fields if lower != b"x-request-id"]
    return f"{response.status} {fields} {problem}"


def test_a_key_in_its_field() -> None:
    """The caller passes; the backend gets the user and not the key."""
    made = gateway()
    response = made.get("/", X_API_Key=KEY)
    asked = made.backend("orders").last

    assert response.status == 200
    assert asked.headers.get(b"x-user-id") == b"Acme%20Ltd"
    assert asked.headers.get(b"x-user-roles") == b"buyer"
    assert asked.headers.get(b"x-user-scopes") == b"read"
    assert asked.headers.get(b"x-api-key") is None
    assert made.last_log["user_id"] == "Acme Ltd"


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        (f"/?api_key={KEY}", b"/"),
        (f"/x?a=1&api_key={KEY}&b=2", b"/x?a=1&b=2"),
        (f"/?api%5Fkey={KEY}&b", b"/?b"),
        (f"/?api_key={KEY}&api_key={KEY}", b"/"),
    ],
)
def test_a_key_in_the_query(target: str, forwarded: bytes) -> None:
    """However it is escaped; the rest of the query is as it was."""
    made = gateway()

    assert made.get(target).status == 200
    assert made.backend("orders").last.target == forwarded


@pytest.mark.parametrize("written", ["api_key", "api%5fkey", "%61pi_key"])
def test_no_backend_sees_a_key_in_the_query_where_nobody_asks_for_one(written: str) -> None:
    """Also on a route that forwards credentials, which are those of its own authenticators."""
    made = gateway()
    assert made.get(f"/open?a=1&{written}={KEY}&b=%20").status == 200
    assert made.backend("orders").last.target == b"/open?a=1&b=%20"
    assert KEY not in str(made.logs)

    token = {"type": "jwt", "forward_credentials": True}
    auth = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}, "api_keys": {}}
    made = Harness("orders", routes=[{"path": "/*", "upstream": "orders", "auth": token}], auth=auth)
    assert made.get(f"/?{written}={KEY}", Authorization=f"Bearer {sign(SECRET, 'HS256')}").status == 200
    assert made.backend("orders").last.target == b"/"
    assert made.backend("orders").last.headers.get(b"authorization") is not None


def test_an_authority_is_shown_no_key_of_the_gateways_either() -> None:
    """It gets the URL that the backend gets."""
    made = Harness(
        "orders",
        "authority",
        routes=[{"path": "/*", "upstream": "orders", "auth": {"type": "forward"}}],
        auth={"forward": {"default": {"url": "http://127.0.0.1:9002/auth"}}, "api_keys": {}},
    )
    made.backend("authority").answers(ok())
    made.get(f"/?a=1&api_key={KEY}")
    assert made.backend("authority").last.headers.get(b"x-forwarded-uri") == b"/?a=1"


def test_the_query_of_a_route_is_its_own_where_keys_are_not_shown_there() -> None:
    """`query: null`, or no keys at all: the parameter is the backend's."""
    made = gateway(query=None)
    made.get("/open?api_key=1")
    assert made.backend("orders").last.target == b"/open?api_key=1"


def test_the_query_can_be_turned_off() -> None:
    """Since keys in URLs end up in browser histories."""
    assert gateway(query=None).get(f"/?api_key={KEY}").status == 401


def test_another_field_and_another_parameter() -> None:
    """As configured; the usual ones are not looked at then."""
    made = gateway(header="X-Token", query="token")

    assert made.get("/", X_Token=KEY).status == 200
    assert made.get(f"/?token={KEY}").status == 200
    assert made.get("/", X_API_Key=KEY).status == 401
    made.get(f"/open?token={KEY}", X_Token=KEY)
    assert KEY not in str(made.logs)


def test_a_key_as_a_bearer_token() -> None:
    """As many APIs have it; neither the backend nor the log gets it; a route without API keys lets it pass."""
    made = gateway(header="Authorization", scheme="Bearer")

    assert made.get("/", Authorization=f"Bearer {KEY}").status == 200
    assert made.backend("orders").last.headers.get(b"authorization") is None
    assert made.backend("orders").last.headers.get(b"x-user-id") == b"Acme%20Ltd"
    for bad in (f"Bearer {KEY}x", f"Basic {KEY}", KEY, "Bearer", f"Bearer {OLD}"):
        response = made.get("/", Authorization=bad)
        assert response.status == 401
        assert (response.headers.get(b"WWW-Authenticate") or b"").startswith(b'Bearer realm="api"')
    assert KEY not in str(made.logs)
    made.get("/open", Authorization=f"Bearer {KEY}")
    assert made.backend("orders").last.headers.get(b"authorization") == f"Bearer {KEY}".encode()


@pytest.mark.parametrize("ways", [["jwt", "api_key"], ["api_key", "jwt"]])
def test_bearer_keys_beside_tokens(ways: list[str]) -> None:
    """They are told apart by their form, in whatever order the authenticators are listed, even a key with two dots."""
    route = {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"any_of": ways}}
    keys = [{"id": "acme", "key": KEY}, {"id": "dots", "key": "gw_api.example.com_0123456789"}]
    made = Harness(
        "orders",
        routes=[route],
        auth={
            "jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}},
            "api_keys": {"header": "Authorization", "scheme": "Bearer", "keys": keys},
        },
    )
    token = sign(SECRET, "HS256", said(aud=None))

    users = []
    for credential in (KEY, keys[1]["key"], token):
        assert made.get("/", Authorization=f"Bearer {credential}").status == 200
        users.append(made.backend("orders").last.headers.get(b"x-user-id"))
    assert users == [b"acme", b"dots", b"alice"]
    assert [made.get("/", Authorization=f"Bearer {bad}").status for bad in ("nobody", token + "x")] == [401, 401]


@pytest.mark.parametrize("ways", [["jwt", "api_key"], ["api_key", "jwt"]])
def test_a_bearer_token_and_a_key_in_the_query(ways: list[str]) -> None:
    """Where both are asked for, the token is not taken for a second key."""
    made = Harness(
        "orders",
        routes=[{"name": "orders", "path": "/*", "upstream": "orders", "auth": {"all_of": ways}}],
        auth={
            "jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}},
            "api_keys": {"header": "Authorization", "scheme": "Bearer", "keys": [{"id": "acme", "key": KEY}]},
        },
    )
    token = f"Bearer {sign(SECRET, 'HS256', said(aud=None))}"

    assert made.get(f"/?api_key={KEY}", Authorization=token).status == 200
    assert made.get("/?api_key=other", Authorization=token).status == 401
    assert made.get("/", Authorization=token).status == 401


def test_a_route_may_forward_it() -> None:
    """For a backend that checks it again."""
    made = gateway({"forward_credentials": True})
    made.get(f"/?api_key={KEY}", X_API_Key=KEY)

    assert made.backend("orders").last.headers.get(b"x-api-key") == KEY.encode()
    assert made.backend("orders").last.target == f"/?api_key={KEY}".encode()


def test_refusals_tell_nothing() -> None:
    """No key, an unknown, expired, empty or too long one, or two: the same answer to the octet."""
    made = gateway()
    unknown = made.get("/", X_API_Key="nobody's")
    refused = [
        answer(unknown),
        answer(made.get("/")),
        answer(made.get("/", X_API_Key=OLD)),
        answer(made.get("/", X_API_Key="")),
        answer(made.get("/", X_API_Key="x" * 600)),
        answer(made.get("/?api_key=nobody's")),
        answer(made.get(f"/?api_key={OLD}", X_API_Key=KEY)),
    ]

    assert len(set(refused)) == 1
    assert unknown.status == 401
    assert unknown.headers.get(b"www-authenticate") == b'ApiKey realm="api"'
    assert made.backend("orders").requests == []


def test_where_a_token_would_do_who_shows_nothing_is_told_so() -> None:
    """With `auth.missing`, and the challenges of both."""
    made = Harness(
        "orders",
        routes=[{"name": "orders", "path": "/*", "upstream": "orders", "auth": {"any_of": ["jwt", "api_key"]}}],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": "x" * 32}}, "api_keys": {}},
    )
    response = made.get("/")

    assert response.status == 401
    assert response.headers.get(b"gateway-reason") == b"auth.missing"
    assert response.headers.get_all(b"www-authenticate") == [b'Bearer realm="api"', b'ApiKey realm="api"']


def test_scopes_and_roles() -> None:
    """A known caller that lacks them gets 403."""
    assert gateway({"scopes": ["read"], "roles": ["buyer", "admin"]}).get("/", X_API_Key=KEY).status == 200
    assert gateway({"scopes": ["write"]}).get("/", X_API_Key=KEY).status == 403
    assert gateway({"roles": ["admin"]}).get("/", X_API_Key=KEY).status == 403


def test_a_key_is_written_down_nowhere() -> None:
    """Not in the access log, the log, the metrics or an answer; good, bad or on a route that asks for none."""
    seen: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        seen.append(repr(event))

    globalLogPublisher.addObserver(observe)
    try:
        made = gateway()
        for key in (KEY, OLD, "bad-but-secret"):
            for target, fields in ((f"/?api_key={key}", {}), ("/", {"X_API_Key": key}), (f"/open?api_key={key}", {})):
                response = made.get(target, **fields)
                seen += [repr(response.body), repr(response.headers.fields)]
    finally:
        globalLogPublisher.removeObserver(observe)
    _, metrics = made.gateway.foundation.metrics.exposition(b"", made.now() + 5)
    everything = "".join([*seen, str(made.logs), metrics.decode(), str(made.gateway.root.tree.settings)])

    for key in (KEY, OLD, "bad-but-secret"):
        assert key not in everything
