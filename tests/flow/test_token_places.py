"""Tokens where they are: fields, cookies and parameters; and that they are seen nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.identity.signing import Issuer, SigningKey
from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.tokens import ISSUER, SECRET, START, ec_key, private_pem, public_pem, said, sign

Make = Callable[..., Harness]

ASSERTION = "Cf-Access-Jwt-Assertion"
FROM = ["header:Authorization", "cookie:access_token", f"header:{ASSERTION}", "query:access_token"]
VERIFIER = {"algorithms": ["HS256"], "secret": SECRET, "issuer": ISSUER, "audience": "api", "from": FROM}


def token(**claims: Any) -> str:
    """A good token, with further claims."""
    return sign(SECRET, "HS256", said(**claims))


GOOD = token()
BAD = GOOD[:-4] + ("AAAA" if GOOD[-4:] != "AAAA" else "BBBB")


def gateway(make: Make, settings: dict[str, Any] | None = None, **auth: Any) -> Harness:
    """A route that asks for a token, an open one, and one that asks for a key."""
    routes: list[dict[str, Any]] = [
        {"name": "orders", "path": "/orders/*", "auth": {"type": "jwt", **auth}},
        {"name": "open", "path": "/open/*"},
        {"name": "keyed", "path": "/keyed/*", "auth": {"type": "api_key"}},
        {"name": "login", "path": "/login/*", "auth": {"type": "none", "forward_credentials": True}},
    ]
    made = make(
        "orders",
        routes=[{"upstream": "orders", **route} for route in routes],
        auth={"jwt": {"default": settings or VERIFIER}, "api_keys": {"keys": [{"id": "acme", "key": "the-key"}]}},
        access_log={
            "fields": [
                "request_id",
                "query",
                "path",
                "request.headers.cookie",
                f"request.headers.{ASSERTION}",
                "user_id",
            ]
        },
    )
    made.backend("orders").answer = lambda asked: ok(b"")
    return made


def ask(made: Harness, place: str, shown: str, path: str = "/orders/7") -> Received:
    """Show a token in a place."""
    kind, _, name = place.partition(":")
    if kind == "query":
        return made.get(f"{path}?a=1&{name}={shown}&b=2")
    if kind == "cookie":
        return made.get(path, Cookie=f"theme=dark; {name}={shown}; lang=en")
    return made.request("GET", path, {name: f"Bearer {shown}" if name == "Authorization" else shown})


def arrived(made: Harness) -> bytes:
    """What the backend got of the last request."""
    last = made.backend("orders").last
    return b"%b\n%b" % (last.target, last.headers.encode())


@pytest.mark.parametrize("place", FROM)
def test_a_token_is_found_in_each_of_its_places(make: Make, place: str) -> None:
    """The backend learns who it is, and gets the rest of the cookies and of the query, and not the token."""
    made = gateway(make)

    for _ in range(2):  # the second time the result is remembered
        assert ask(made, place, GOOD).status == 200
    assert made.backend("orders").last.headers.get(b"x-user-id") == b"alice"
    assert GOOD.encode() not in arrived(made)
    if place.startswith("cookie"):
        assert made.backend("orders").last.headers.get(b"cookie") == b"theme=dark; lang=en"
    if place.startswith("query"):
        assert made.backend("orders").last.target == b"/orders/7?a=1&b=2"

    assert ask(made, place, BAD).status == 401
    assert ask(made, place, BAD).json["type"].endswith("auth.invalid")
    assert len(made.backend("orders").requests) == 2


def test_without_one_it_is_missing(make: Make) -> None:
    """An empty cookie, parameter or field is none; neither is another scheme."""
    made = gateway(make)

    for response in (
        made.get("/orders/7"),
        made.get("/orders/7?access_token=&a=1", Cookie='access_token=; a=1; access_token=""'),
        made.request("GET", "/orders/7", {ASSERTION: "", "Authorization": "Basic YTpi"}),
    ):
        assert response.status == 401
        assert response.json["type"].endswith("auth.missing")


def test_the_first_place_with_a_token_decides(make: Make) -> None:
    """In the order of the configuration; a bad one is not made good by the next, and the others go nowhere."""
    made = gateway(make)
    bob, carol = token(sub="bob"), token(sub="carol")

    def who(fields: dict[str, str], query: str = "") -> bytes | None:
        response = made.request("GET", f"/orders/7{query}", fields)
        if response.status != 200:
            return None
        assert not any(one.encode() in arrived(made) for one in (GOOD, bob, carol))
        return made.backend("orders").last.headers.get(b"x-user-id")

    cookie = {"Cookie": f"access_token={bob}"}
    assert who({"Authorization": f"Bearer {GOOD}", **cookie}, f"?access_token={carol}") == b"alice"
    assert who({ASSERTION: GOOD, **cookie}, f"?access_token={carol}") == b"bob"
    assert who({"Authorization": f"Bearer {BAD}", **cookie}) is None
    assert who({"Authorization": "Basic YTpi", **cookie}) == b"bob"
    assert who({"Cookie": f"access_token={BAD}", ASSERTION: GOOD}) is None


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("", [("Cookie", f"access_token={GOOD}; access_token={token(sub='eve')}")]),
        ("", [("Cookie", f"access_token={GOOD}"), ("Cookie", f"access_token={token(sub='eve')}")]),
        ("", [("Cookie", f"access_token={token(sub='eve')}; a=1; access_token={GOOD}")]),
        ("", [(ASSERTION, GOOD), (ASSERTION, GOOD)]),
        ("", [("Authorization", f"Bearer {GOOD}"), ("Authorization", f"Bearer {GOOD}")]),
        (f"?access_token={GOOD}&access_token={token(sub='eve')}", []),
        (f"?access_token={GOOD}&%61ccess_token={token(sub='eve')}", []),
    ],
)
def test_two_tokens_in_one_place_are_refused(make: Make, target: str, fields: list[tuple[str, str]]) -> None:
    """Whoever added the second must not choose: a subdomain sets cookies for its siblings."""
    made = gateway(make)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)

    client = made.send(f"GET /orders/7{target} HTTP/1.1\r\nHost: g\r\n{head}\r\n".encode())

    assert client.responses()[0].status == 401
    assert not made.backend("orders").requests


@pytest.mark.parametrize(
    "fields",
    [
        {"Cookie": f"access_token={GOOD}; access_token={GOOD}"},
        {"Cookie": f'access_token="{GOOD}"'},
        {"Cookie": f"a=1;access_token = {GOOD} ;b=2"},
        {ASSERTION.upper(): GOOD},
        {ASSERTION: f"Bearer {GOOD}"},
        {ASSERTION: f"bearer  {GOOD}"},
    ],
)
def test_one_token_in_several_spellings(make: Make, fields: dict[str, str]) -> None:
    """The same cookie twice, in quotes, with blanks; `Bearer` before a token in another field."""
    made = gateway(make)

    assert made.request("GET", "/orders/7", fields).status == 200
    assert GOOD.encode() not in arrived(made)


@pytest.mark.parametrize("place", FROM[1:])
@pytest.mark.parametrize("path", ["/open/7", "/keyed/7"])
def test_other_routes_forward_no_token_either(make: Make, place: str, path: str) -> None:
    """Nobody has verified it there, and it is a secret; `Authorization` is any backend's."""
    made = gateway(make)
    kind, _, name = place.partition(":")
    fields = {"X-API-Key": "the-key", "Cookie": f"a=1; {name if kind == 'cookie' else 'b'}={GOOD}"}
    if kind != "cookie":
        del fields["Cookie"]
    if kind == "header":
        fields[name] = GOOD
    target = f"{path}?{name}={GOOD}" if kind == "query" else path

    assert made.request("GET", target, fields).status == 200
    assert GOOD.encode() not in arrived(made)

    # A login service needs to see what it has given out: it says so.
    assert made.request("GET", target.replace(path, "/login/7"), fields).status == 200
    assert GOOD.encode() in arrived(made)


@pytest.mark.parametrize("place", FROM)
def test_a_route_may_forward_the_token_that_was_verified(make: Make, place: str) -> None:
    """And no other: what stands in the other places, nobody has looked at."""
    made = gateway(make, forward_credentials=True)
    kind, _, name = place.partition(":")
    forged = {"header:Authorization": "Bearer forged", "cookie:access_token": "forged", f"header:{ASSERTION}": "forged"}
    later = FROM[FROM.index(place) + 1 :]
    fields = {one.partition(":")[2]: value for one, value in forged.items() if one in later and "cookie" not in one}
    cookies = ["a=1", "access.token=forged"]
    if "cookie:access_token" in later:
        cookies.append("access_token=forged")
    if kind == "cookie":
        cookies.append(f"{name}={GOOD}")
    if kind == "header":
        fields[name] = f"Bearer {GOOD}" if name == "Authorization" else GOOD
    query = f"access_token={GOOD}" if kind == "query" else "access_token=forged"

    response = made.request(
        "GET", f"/orders/7?x=1&{query}", {**fields, "Cookie": "; ".join(cookies), "Cf_Access_Jwt_Assertion": "forged"}
    )

    assert response.status == 200
    assert arrived(made).count(GOOD.encode()) == 1
    assert b"forged" not in arrived(made)
    assert b"a=1" in (made.backend("orders").last.headers.get(b"cookie") or b"")


def test_a_verifier_takes_tokens_from_its_own_places_only(make: Make) -> None:
    """Also when the very token was verified in another place a moment ago."""
    other = {"algorithms": ["HS256"], "secret": "2" * 32, "issuer": "https://two", "from": f"header:{ASSERTION}"}
    one = {key: value for key, value in VERIFIER.items() if key != "from"}
    routes = [{"path": "/*", "upstream": "orders", "auth": {"type": "jwt", "verifier": ["one", "two"]}}]
    made = make("orders", routes=routes, auth={"jwt": {"one": one, "two": other}})
    second = sign("2" * 32, "HS256", said(iss="https://two"))

    for _ in range(2):
        assert ask(made, "header:Authorization", GOOD).status == 200
        assert ask(made, f"header:{ASSERTION}", second).status == 200
        assert ask(made, f"header:{ASSERTION}", GOOD).status == 401
        assert ask(made, "header:Authorization", second).status == 401


def test_an_authority_judges_tokens_from_other_places_too(make: Make) -> None:
    """It is asked about the token alone, and a JWT verifier before it leaves it what cannot be a JWT."""
    asked = {"url": "http://127.0.0.1:9002/ask", "from": ["cookie:session", "query:access_token"]}
    made = make(
        "orders",
        "authority",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"any_of": ["jwt", "introspection"]}}],
        auth={"jwt": {"default": VERIFIER}, "introspection": {"default": asked}},
    )
    made.backend("authority").answer = lambda asked: ok(json.dumps({"active": True, "sub": "olga"}).encode())

    for place in asked["from"]:
        assert ask(made, place, "opaque-one").status == 200
        assert made.backend("orders").last.headers.get(b"x-user-id") == b"olga"
        assert b"opaque-one" not in arrived(made)
    bodies = [request.body for request in made.backend("authority").requests]
    assert all(b"token=opaque-one&" in body for body in bodies), bodies
    assert ask(made, "cookie:access_token", GOOD).status == 200
    assert made.backend("orders").last.headers.get(b"x-user-id") == b"alice"


def test_our_own_tokens_may_be_elsewhere_too(make: Make, tmp_path: Path) -> None:
    """By a verifier with the public half of the key that signs them."""
    (tmp_path / "oauth.pem").write_bytes(private_pem(ec_key()))
    (tmp_path / "public.pem").write_bytes(public_pem(ec_key()))
    digest = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$PlNZOKYFK0iFkHBLtDJ09Q"
    said = {"issuer": "https://g.example.com", "audience": "api"}
    oauth = {
        **said,
        "signing_key_file": str(tmp_path / "oauth.pem"),
        "clients": [{"id": "acme", "secret_hash": digest}],
    }
    public = {"algorithms": ["ES256"], "public_key_file": str(tmp_path / "public.pem"), "from": "cookie:access_token"}
    routes = [{"path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt"}}]
    made = make("orders", routes=routes, auth={"oauth": oauth, "jwt": {"default": {**said, **public}}})
    issuer = Issuer(SigningKey.of_pem(private_pem(ec_key())), (), said["issuer"], said["audience"], 60)
    own = issuer.issue("acme", (), (), START, "token-1").token

    assert ask(made, "cookie:access_token", own).status == 200
    assert made.backend("orders").last.headers.get(b"x-user-id") == b"acme"
    assert ask(made, "header:Authorization", own).status == 401


def test_keys_and_tokens_may_share_a_place(make: Make) -> None:
    """What cannot be a JWT is left to the key; the backend gets neither."""
    keys = {"header": "X-Token", "query": "t", "keys": [{"id": "acme", "key": "the-key"}]}
    made = make(
        "orders",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"any_of": ["jwt", "api_key"]}}],
        auth={"jwt": {"default": {**VERIFIER, "from": ["header:X-Token", "query:t"]}}, "api_keys": keys},
    )

    for place in ("header:X-Token", "query:t"):
        for shown, user in ((GOOD, b"alice"), ("the-key", b"acme")):
            assert ask(made, place, shown).status == 200
            assert made.backend("orders").last.headers.get(b"x-user-id") == user
            assert shown.encode() not in arrived(made)
        assert ask(made, place, "another-key").status == ask(made, place, BAD).status == 401


def test_places_change_with_the_configuration(make: Make) -> None:
    """A place that is gone is none from then on, though results are kept; its cookie is the backend's again."""
    made = gateway(make)
    assert ask(made, "cookie:access_token", GOOD).status == 200

    made.apply(auth={"jwt": {"default": {**VERIFIER, "from": "cookie:session"}}, "api_keys": {"keys": []}})

    assert ask(made, "cookie:access_token", GOOD).status == 401
    assert ask(made, "cookie:session", GOOD).status == 200
    assert ask(made, "header:Authorization", GOOD).status == 401
    assert ask(made, "cookie:access_token", "theirs", "/open/7").status == 200
    assert b"access_token=theirs" in arrived(made)


@pytest.mark.parametrize("place", FROM)
@pytest.mark.parametrize("shown", [GOOD, BAD])
def test_in_dry_run_they_are_hidden_too(make: Make, place: str, shown: str) -> None:
    """Who shows a good one is known, nobody is refused, and the backend gets no place of the gateway's own."""
    made = gateway(make, dry_run=True)

    assert ask(made, place, shown).status == 200
    assert made.backend("orders").last.headers.get(b"x-user-id") == (b"alice" if shown == GOOD else None)
    assert (shown.encode() in arrived(made)) == (place == "header:Authorization")


def test_a_websocket_of_a_browser_shows_it_in_the_query(make: Make) -> None:
    """Scripts cannot set fields of a WebSocket: its backend gets the handshake without the token."""
    made = gateway(make)
    made.backend("orders").answer = lambda asked: (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"

    client = made.send(f"GET /orders/ws?room=1&access_token={GOOD} HTTP/1.1\r\nHost: g\r\n{upgrade}\r\n".encode())

    assert client.received.startswith(b"HTTP/1.1 101")
    assert made.backend("orders").last.target == b"/orders/ws?room=1"


def test_a_redirect_does_not_hand_it_on(make: Make) -> None:
    """Nor does an answer of the gateway's own: the target may be anybody's."""
    routes = [{"path": "/old/*", "redirect": {"host": "elsewhere.example", "status": 302}}]
    made = make("orders", routes=routes, auth={"jwt": {"default": VERIFIER}})

    response = made.get(f"/old/7?a=1&access_token={GOOD}&access.token={GOOD}")

    assert response.headers.get(b"location") == b"http://elsewhere.example/old/7?a=1"
