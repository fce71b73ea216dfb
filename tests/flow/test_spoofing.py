"""Fields that say who is calling, or that something was decided by: what of them a client can get to a backend.

Sends each field in every spelling that servers fold into one, in the head and in trailers, to routes that ask for
different things; the authority, the routes' conditions and the limits are of one configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

Make = Callable[..., Harness]

SAYS_WHO = ["X-User-ID", "X-Who", "X-Groups-Of", "Remote-User", "Remote-Groups", "X-Auth-Tenant", "X-Claimed-Org"]
"""Identity fields of default and custom names, what the authority sets, and a claim's field."""
KEY = "X-Gateway-Key"
DECISIVE = ["X-Version", "X-Customer", "X-Shard", "X-Tenant"]
"""A condition, a limit's scope, what a hash goes by, what the authority is shown."""


def spellings(name: str) -> Iterator[str]:
    """The ways to write a name that some server reads as that name."""
    yield from (name, name.upper(), name.replace("-", "_"), name.replace("-", "."), name.replace("-", "_", 1))


@pytest.fixture
def gateway(make: Make) -> Harness:
    """An open route, one that an authority guards, and what decides by fields."""
    authority = {
        "url": "http://127.0.0.1:9002/auth",
        "request_headers": ["X-Tenant", "X-Who"],
        "response_headers": ["X-Auth-Tenant"],
    }
    routes: list[dict[str, Any]] = [
        {"name": "open", "path": "/open/*"},
        {"name": "versioned", "path": "/open/*", "headers": {"X-Version": "2"}},
        {"name": "limited", "path": "/limited/*", "rate_limit": {"limit": 100, "scope": "header:X-Customer"}},
        {"name": "keyed", "path": "/keyed/*", "auth": {"type": "api_key"}},
        {"name": "guarded", "path": "/guarded/*", "auth": {"type": "forward", "forward_credentials": True}},
    ]
    harness = make(
        "orders",
        "authority",
        routes=[{"upstream": "orders", **route} for route in routes],
        upstreams=[
            {
                "name": "orders",
                "strategy": "consistent_hash",
                "hash_on": "header:X-Shard",
                "backends": [{"url": "http://127.0.0.1:9001"}],
            }
        ],
        auth={
            "identity_fields": {"user": "X-Who", "roles": "X-Groups-Of"},
            "forward": {"default": authority},
            "introspection": {
                "unused": {"url": "http://127.0.0.1:9002/ask", "claim_headers": {"X-Claimed-Org": "org"}}
            },
            "api_keys": {"header": KEY, "keys": [{"id": "acme", "key": "the-key-of-acme"}]},
        },
    )
    harness.backend("authority").answers(ok())
    return harness


def arriving(gateway: Harness, path: str, head: bytes = b"", trailers: bytes = b"") -> tuple[bytes, ...]:
    """Send a request with these lines in head and trailers; return the names that the backend gets, in lower case."""
    gateway.send(
        b"POST %b HTTP/1.1\r\nHost: a.example\r\n%bTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n%b\r\n"
        % (path.encode(), head, trailers)
    )
    last = gateway.backend("orders").last
    return tuple(name.lower() for name, _ in (*last.headers, *last.trailers))


@pytest.mark.parametrize("path", ["/open/7", "/limited/7", "/guarded/7"])
@pytest.mark.parametrize("name", [*SAYS_WHO, KEY])
def test_no_client_says_who_is_calling(gateway: Harness, path: str, name: str) -> None:
    """On no route, in no spelling, neither in the head nor in trailers."""
    for spelling in spellings(name):
        line = f"{spelling}: forged\r\n".encode()
        assert spelling.lower().encode() not in arriving(gateway, path, head=line)
        assert spelling.lower().encode() not in arriving(gateway, path, trailers=line)


def test_what_the_gateway_says_in_their_place_arrives(gateway: Harness) -> None:
    """The fields of the authority's answer, and of a key: once, without the client's."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Auth-Tenant: t1\r\nRemote-User: alice\r\n\r\n"
    gateway.backend("authority").answers(answer)
    arriving(gateway, "/guarded/7", b"X-Auth-Tenant: forged\r\nX-Who: root\r\n")
    told = gateway.backend("orders").last.headers
    assert (told.get_all(b"X-Auth-Tenant"), told.get_all(b"X-Who")) == ([b"t1"], [b"alice"])

    gateway.get("/keyed/7", **{KEY: "the-key-of-acme", "X-Who": "root"})
    assert gateway.backend("orders").last.headers.get_all(b"X-Who") == [b"acme"]


@pytest.mark.parametrize("path", ["/open/7", "/limited/7", "/guarded/7"])
@pytest.mark.parametrize("name", DECISIVE)
def test_what_something_was_decided_by_goes_on_in_that_spelling_only(gateway: Harness, path: str, name: str) -> None:
    """The backend reads the value that decided, and no trailer that came after the decision."""
    exact = name.lower().encode()
    for spelling in spellings(name):
        line = f"{spelling}: other\r\n".encode()
        assert (spelling.lower().encode() in arriving(gateway, path, head=line)) == (spelling.lower().encode() == exact)
        assert spelling.lower().encode() not in arriving(gateway, path, trailers=line)


@pytest.mark.parametrize("name", DECISIVE)
def test_no_client_has_it_taken_out_either(gateway: Harness, name: str) -> None:
    """`Connection: X-Version` does not remove a field that the route was chosen by."""
    line = f"{name}: 2\r\nX-Hop: 1\r\nConnection: {name}, x-hop\r\n".encode()
    names = arriving(gateway, "/open/7", head=line)
    assert name.lower().encode() in names
    assert b"x-hop" not in names


def test_what_is_believed_of_proxies_decides_for_them_only(make: Make) -> None:
    """A stranger's `X-Forwarded-Proto` is dropped, and decides on no route and no count before that."""
    routes = [
        {"name": "secure", "path": "/*", "upstream": "orders", "headers": {"X-Forwarded-Proto": "https"}},
        {
            "name": "plain",
            "path": "/*",
            "upstream": "orders",
            "rate_limit": {"limit": 2, "scope": "header:X-Forwarded-Host"},
        },
    ]

    def taken(trusted: str) -> str:
        gateway = make("orders", routes=routes, trusted_proxies=[trusted])
        gateway.get("/", **{"X-Forwarded-Proto": "https"})
        return str(gateway.last_log["route"])

    assert (taken("0.0.0.0/0"), taken("10.0.0.0/8")) == ("secure", "plain")

    gateway = make("orders", routes=routes, trusted_proxies=["10.0.0.0/8"])
    counted = [gateway.get("/", **{"X-Forwarded-Host": f"{n}.example"}).status for n in range(4)]
    assert counted == [200, 200, 429, 429]


def test_an_authority_is_not_shown_a_clients_word_on_who_it_is(gateway: Harness) -> None:
    """Whatever `request_headers` says: an authority may believe such fields, as a backend does."""
    arriving(gateway, "/guarded/7", b"X-Who: root\r\nX-Tenant: t1\r\nX_Tenant: t2\r\n")

    shown = gateway.backend("authority").last.headers
    assert (shown.get(b"X-Who"), shown.get(b"X-Tenant"), shown.get(b"X_Tenant")) == (None, b"t1", None)


def test_an_authority_that_is_shown_all_has_seen_all_that_the_backend_reads(make: Make) -> None:
    """`request_headers: ["*"]`: fields that could be read as another one are not forwarded, nor are trailers."""
    authority = {"url": "http://127.0.0.1:9002/auth", "request_headers": ["*"]}
    route = {"path": "/orders/*", "upstream": "orders", "auth": {"type": "forward", "forward_credentials": True}}
    gateway = make("orders", "authority", routes=[route], auth={"forward": {"default": authority}})
    gateway.backend("authority").answers(ok())

    names = arriving(gateway, "/orders/7", b"X-Tenant: t1\r\nX_Tenant: t2\r\nX.Tenant: t3\r\n", b"X-Late: 1\r\n")

    assert b"x-tenant" in names
    assert not {b"x_tenant", b"x.tenant", b"x-late"} & set(names)


def test_credentials_that_backends_judge_themselves_pass_where_nobody_asks(gateway: Harness) -> None:
    """`Authorization` and `Cookie` on open routes, in this spelling; in trailers they are never sent."""
    head = b"Authorization: Basic YTpi\r\nCookie: a=b\r\n"
    names = arriving(gateway, "/open/7", head, b"Authorization: Basic Yzpk\r\n")

    assert (names.count(b"authorization"), names.count(b"cookie")) == (1, 1)


def test_a_route_that_forwards_credentials_forwards_its_own(make: Make) -> None:
    """The key, in one spelling."""
    route = {"path": "/orders/*", "upstream": "orders", "auth": {"type": "api_key", "forward_credentials": True}}
    keys = {"header": KEY, "keys": [{"id": "acme", "key": "the-key-of-acme"}]}
    gateway = make("orders", routes=[route], auth={"api_keys": keys})

    names = arriving(gateway, "/orders/7", f"{KEY}: the-key-of-acme\r\nX_Gateway_Key: other\r\n".encode())

    assert b"x-gateway-key" in names
    assert b"x_gateway_key" not in names
