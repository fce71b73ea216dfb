"""Routes that ask another server about each request: token introspection and forward authentication."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from twisted.logger import LogLevel, capturedLogs, formatEvent

from gateway.dialling.fetching import MOST_AT_ONCE, MOST_WAITING
from gateway.memory.backend import Asked, FakeBackend, ok
from gateway.memory.client import Received
from gateway.testing import Harness

Make = Callable[..., Harness]

NOW = 1_780_000_000 + 1_000_000
"""The harness's Unix time when it begins."""


def active(**members: Any) -> bytes:
    """The answer for a token that is good."""
    return ok(json.dumps({"active": True, "sub": "user-7", **members}).encode())


INACTIVE = ok(b'{"active": false}')


def introspecting(make: Make, **settings: Any) -> tuple[Harness, FakeBackend]:
    """A gateway whose one route asks the authority about tokens."""
    authority = {"url": "http://127.0.0.1:9002/introspect", "client_id": "gate way", "client_secret": "s:1", **settings}
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "introspection"}}
    harness = make("orders", "authority", routes=[route], auth={"introspection": {"default": authority}})
    return harness, harness.backend("authority")


def test_a_token_that_the_authority_knows_opens_the_route(make: Make) -> None:
    """The backend gets the user and not the token; the authority is asked as RFC 7662 says."""
    gateway, authority = introspecting(make)
    authority.answers(active(scope="read write", roles=["partner"]))

    response = gateway.get("/orders/7", Authorization="Bearer tok/en+1")

    assert response.status == 200
    asked = authority.last
    assert (asked.method, asked.target) == (b"POST", b"/introspect")
    assert asked.headers.get(b"Content-Type") == b"application/x-www-form-urlencoded"
    assert parse_qs(asked.body.decode()) == {"token": ["tok/en+1"], "token_type_hint": ["access_token"]}
    shown = (asked.headers.get(b"Authorization") or b"").removeprefix(b"Basic ")
    assert base64.b64decode(shown) == b"gate+way:s%3A1"
    told = gateway.backend("orders").last.headers
    assert told.get(b"X-User-ID") == b"user-7"
    assert told.get(b"X-User-Scopes") == b"read,write"
    assert told.get(b"X-User-Roles") == b"partner"
    assert told.get(b"Authorization") is None
    assert gateway.last_log["user_id"] == "user-7"


def test_the_authority_is_asked_once_a_minute(make: Make) -> None:
    """A result is kept until the token expires at most, and a refusal for five seconds."""
    gateway, authority = introspecting(make)
    authority.answer = lambda asked: active(exp=NOW + 30) if b"token=good" in asked.body else INACTIVE

    def ask(token: str) -> int:
        return gateway.get("/orders/7", Authorization=f"Bearer {token}").status

    assert [ask("good"), ask("good"), ask("bad"), ask("bad")] == [200, 200, 401, 401]
    assert len(authority.requests) == 2
    gateway.advance(6)
    assert [ask("good"), ask("bad")] == [200, 401]
    assert len(authority.requests) == 3
    gateway.advance(25)
    assert ask("good") == 401
    assert len(authority.requests) == 4


@pytest.mark.parametrize(
    "answer",
    [
        INACTIVE,
        active(exp=NOW - 1),
        active(exp="tomorrow"),
        active(iss="https://other.example.com"),
        active(aud="other"),
        active(aud=None),
        active(sub=None),
        active(sub={}),
    ],
)
def test_a_token_that_is_not_for_us_is_a_401(make: Make, answer: bytes) -> None:
    """With one answer, whatever is wrong with the token; the backend gets no request."""
    gateway, authority = introspecting(make, issuer="https://issuer.example.com", audience=["api"])
    if b"iss" not in answer:
        document = {"iss": "https://issuer.example.com", **json.loads(answer.split(b"\r\n\r\n")[1])}
        document.setdefault("aud", ["api", "more"])
        answer = ok(json.dumps(document).encode())
    authority.answers(answer)

    response = gateway.get("/orders/7", Authorization="Bearer t")

    assert (response.status, response.json["type"]) == (401, "urn:gateway:reason:auth.invalid")
    assert response.headers.get(b"WWW-Authenticate") == b'Bearer realm="api", error="invalid_token"'
    assert gateway.backend("orders").requests == []


def test_a_machine_s_token_is_its_client_s(make: Make) -> None:
    """RFC 7662 section 2.2: `sub` is optional, so the client's id is the user."""
    gateway, authority = introspecting(make)
    authority.answers(active(sub=None, client_id="robot"))

    gateway.get("/orders/7", Authorization="Bearer t")

    assert gateway.backend("orders").last.headers.get(b"X-User-ID") == b"robot"


def test_without_a_token_nobody_is_asked(make: Make) -> None:
    """401 with a challenge."""
    gateway, authority = introspecting(make)

    response = gateway.get("/orders/7")

    assert (response.status, authority.requests) == (401, [])
    assert response.headers.get(b"WWW-Authenticate") == b'Bearer realm="api"'


def answering(answer: bytes) -> Callable[[FakeBackend], None]:
    """Make the authority answer so."""
    return lambda authority: authority.answers(answer)


def in_time(gateway: Harness) -> Received:
    """Make a request, and return the answer that is there after the authority's timeout."""
    client = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer t\r\n\r\n")
    gateway.advance(2.1)
    (response,) = client.responses(b"GET")
    assert (response.status, response.json["type"]) == (503, "urn:gateway:reason:auth.unavailable")
    assert gateway.backend("orders").requests == []
    return response


SILENT = [
    FakeBackend.refuse_connections,
    FakeBackend.swallow_connections,
    FakeBackend.stall,
    FakeBackend.reset_on_data,
    answering(b"SSH-2.0-OpenSSH_9.2\r\n"),
    answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    answering(ok(b"", status=b"500 Internal Server Error")),
]
"""Ways of not answering at all."""


@pytest.mark.parametrize(
    "fault",
    [
        *SILENT,
        answering(ok(b"", status=b"401 Unauthorized")),
        answering(ok(b"not JSON")),
        answering(ok(b"[" * 30_000)),
        answering(ok(b"{}")),
        answering(ok(b'{"active": "true"}')),
        answering(ok(b'{"active": false, "active": true, "sub": "user-7"}')),
        answering(ok(b" " * 70_000 + b'{"active": true}')),
    ],
)
def test_an_authority_that_does_not_say_lets_nobody_in(make: Make, fault: Callable[[FakeBackend], None]) -> None:
    """503 within its timeout, whatever it does instead of answering; that is not cached."""
    gateway, authority = introspecting(make)
    fault(authority)

    response = in_time(gateway)

    assert response.headers.get(b"Retry-After") == b"1"
    authority.resets = False
    authority.accept_connections()
    authority.answers(active())
    assert gateway.get("/orders/7", Authorization="Bearer t").status == 200


def test_an_authority_that_is_down_does_not_fill_the_log(make: Make) -> None:
    """The cause is logged once a minute, however many requests fail."""
    gateway, authority = introspecting(make)
    authority.refuse_connections()

    def told() -> list[str]:
        with capturedLogs() as events:
            for number in range(5):
                assert gateway.get("/orders/7", Authorization=f"Bearer {number}").status == 503
        return [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]

    (line,) = told()
    assert line.startswith("Introspection at http://127.0.0.1:9002/")
    gateway.advance(30)
    assert told() == []
    gateway.advance(31)
    assert told() == [line]


def test_a_kept_alive_connection_that_has_died_is_no_answer(make: Make) -> None:
    """The authority is asked again, on a new connection."""
    gateway, authority = introspecting(make)
    authority.answers(active())
    gateway.get("/orders/7", Authorization="Bearer one")

    def die(asked: Asked) -> bytes | None:
        authority.answers(active())
        asked.connection.reset()
        return None

    authority.answer = die
    assert gateway.get("/orders/7", Authorization="Bearer two").status == 200
    assert len(authority.connections) == 2


def test_a_client_that_leaves_takes_its_question_along(make: Make) -> None:
    """The request to the authority is cancelled."""
    gateway, authority = introspecting(make)
    authority.stall()
    client = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer t\r\n\r\n")

    client.reset()
    gateway.network.pump()

    assert authority.connection.closed is not None


def asking(make: Make, **settings: Any) -> tuple[Harness, FakeBackend]:
    """A gateway whose one route shows requests to the authority."""
    authority = {
        "url": "http://127.0.0.1:9002/verify?rd=1",
        "response_headers": ["X-Team", "Authorization"],
        **settings,
    }
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "forward"}}
    harness = make("orders", "authority", routes=[route], auth={"forward": {"default": authority}})
    return harness, harness.backend("authority")


def test_a_yes_lets_the_request_pass_with_fields_for_the_backend(make: Make) -> None:
    """The listed ones, and those with the user and roles."""
    gateway, authority = asking(make)
    authority.answers(
        ok(b"", (b"Remote-User", b"ada"), (b"Remote-Groups", b"admin, dev"), (b"X-Team", b"blue"),
           (b"Authorization", b"Basic inner"), (b"X-Other", b"1"))
    )  # fmt: skip

    response = gateway.request("POST", "/orders/7?a=1", {"Authorization": "Bearer t", "Cookie": "a=b"}, b"content")

    assert response.status == 200
    told = gateway.backend("orders").last
    assert told.body == b"content"
    assert told.headers.get(b"X-User-ID") == b"ada"
    assert told.headers.get(b"X-User-Roles") == b"admin,dev"
    assert told.headers.get_all(b"X-Team") == [b"blue"]
    assert told.headers.get_all(b"Authorization") == [b"Basic inner"]
    assert told.headers.get(b"Cookie") == b"a=b"
    assert told.headers.get(b"X-Other") is None
    assert gateway.last_log["user_id"] == "ada"


def test_who_it_is_only_the_authority_says(make: Make) -> None:
    """The client's own fields with a user do not reach the backend, in any spelling."""
    gateway, authority = asking(make, user_header="X-Who")
    authority.answers(ok(b"", (b"X-Who", b"ada")))

    gateway.request("GET", "/orders/7", {"X-Who": "root", "x_who": "root", "Remote-Groups": "admin", "X-Team": "red"})

    told = gateway.backend("orders").last.headers
    assert told.get(b"X-User-ID") == b"ada"
    assert not {b"x-who", b"x_who", b"remote-groups", b"x-team"} & set(told.index)


def test_the_authority_is_shown_what_the_request_is(make: Make) -> None:
    """As Traefik and nginx do it: a GET without content, with the chosen fields, method and URL."""
    gateway, authority = asking(make)
    headers = {"Authorization": "Bearer t", "Cookie": "a=b", "X-Secret": "1", "X-Forwarded-Uri": "/admin"}

    gateway.request("PUT", "/orders/7?a=1", headers, b"content")

    asked = authority.last
    assert (asked.method, asked.target, asked.body) == (b"GET", b"/verify?rd=1", b"")
    shown = {lower.decode(): value.decode() for lower, _, value in asked.headers.fields}
    shown.pop("connection", None)
    assert shown.pop("x-request-id") == gateway.last_log["request_id"]
    assert shown == {
        "host": "127.0.0.1:9002",
        "accept-encoding": "identity",
        "authorization": "Bearer t",
        "cookie": "a=b",
        "x-forwarded-method": "PUT",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "gateway.test",
        "x-forwarded-uri": "/orders/7?a=1",
        "x-forwarded-for": "192.0.2.1",
    }


def test_all_fields_may_be_shown(make: Make) -> None:
    """Except hop-by-hop fields, those about content, and those by which a client could say who it is."""
    gateway, authority = asking(make, request_headers=["*"])
    hidden = ("X-User-Id", "X_User_Id", "Keep-Alive", "Content-Type", "If-None-Match")
    headers = {"X-Any": "1", "Accept-Encoding": "br", **dict.fromkeys(hidden, "1")}

    gateway.request("POST", "/orders/7", headers, b"content")

    shown = authority.last.headers
    assert shown.get(b"X-Any") == b"1"
    assert shown.get_all(b"accept-encoding") == [b"identity"]  # ours
    assert not {name.lower().encode() for name in hidden} & set(shown.index)


@pytest.mark.parametrize("spelling", ["X-Team", "x-team", "X_Team"])
def test_a_client_cannot_say_what_the_authority_says(make: Make, spelling: str) -> None:
    """Even where the authority's answer does not have the field."""
    gateway, _ = asking(make)

    gateway.request("GET", "/orders/7", {spelling: "red"})

    assert gateway.backend("orders").last.headers.get(spelling.encode()) is None


@pytest.mark.parametrize("status", [b"302 Found", b"401 Unauthorized", b"403 Forbidden", b"429 Too Many Requests"])
def test_a_no_is_the_client_s_answer(make: Make, status: bytes) -> None:
    """The client gets its status, content and chosen fields; the log has the reason."""
    gateway, authority = asking(make)
    fields = ((b"Location", b"/login"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"X-Inner", b"1"))
    authority.answers(ok(b"please log in", *fields, status=status))

    response = gateway.get("/orders/7")

    assert (response.status, response.body) == (int(status[:3]), b"please log in")
    assert response.headers.get(b"Location") == b"/login"
    assert response.headers.get_all(b"Set-Cookie") == [b"a=1", b"b=2"]
    assert response.headers.get(b"X-Inner") is None
    assert response.headers.get(b"Gateway-Reason") == b"auth.refused"
    assert gateway.last_log["reason"] == "auth.refused"
    assert gateway.backend("orders").requests == []


@pytest.mark.parametrize(
    "fault",
    [
        *SILENT,
        answering(ok(b"x" * 70_000, status=b"403 Forbidden")),
        answering(ok(b"", (b"X-Team", b"a\0b"))),
    ],
)
def test_a_server_that_does_not_decide_lets_nobody_pass(make: Make, fault: Callable[[FakeBackend], None]) -> None:
    """503 within its timeout."""
    gateway, authority = asking(make)
    fault(authority)

    response = in_time(gateway)

    assert response.headers.get(b"Retry-After") == b"1"


@pytest.mark.parametrize(
    "users",
    [
        ((b"Remote-User", b"ada"), (b"Remote-User", b"root")),
        ((b"Remote-User", b"ada"), (b"Remote-User", b"ada")),
        ((b"Remote-User", b"ada"), (b"remote_user", b"root")),
        ((b"REMOTE.USER", b"root"), (b"Remote-User", b"ada")),
        ((b"Remote-User", b"\xff\xfe"),),
    ],
)
def test_a_yes_that_names_no_one_user_lets_nobody_pass(make: Make, users: tuple[tuple[bytes, bytes], ...]) -> None:
    """503: with two users in the answer, the backend could read the other one."""
    gateway, authority = asking(make, response_headers=["Remote-User", "Remote_User"])
    authority.answers(ok(b"", *users))

    response = gateway.get("/orders/7")

    assert (response.status, response.headers.get(b"Gateway-Reason")) == (503, b"auth.unavailable")
    assert gateway.backend("orders").requests == []


def test_roles_may_stand_in_several_fields(make: Make) -> None:
    """Together they are one list (RFC 9110 section 5.3)."""
    gateway, authority = asking(make)
    authority.answers(ok(b"", (b"Remote-User", b"ada"), (b"Remote-Groups", b"admin"), (b"Remote-Groups", b"dev")))

    gateway.get("/orders/7")

    assert gateway.backend("orders").last.headers.get(b"X-User-Roles") == b"admin,dev"


def test_cookies_of_one_caller_are_not_shown_for_another(make: Make) -> None:
    """The client of authorities keeps no cookies."""
    gateway, authority = asking(make)
    authority.answers(ok(b"", (b"Set-Cookie", b"session=ada")))

    gateway.get("/orders/7")
    gateway.get("/orders/7")

    assert len(authority.requests) == 2
    assert authority.last.headers.get(b"Cookie") is None


@pytest.mark.timeout(300)  # 1,100 exchanges are under way: seconds alone, a minute where much else runs
@pytest.mark.parametrize("ask", [introspecting, asking])
def test_an_authority_that_says_nothing_keeps_so_many_requests(make: Make, ask: Any) -> None:
    """So many connections and so many waiting requests; further ones get 503 at once."""
    gateway, authority = ask(make)
    authority.stall()
    clients = [
        gateway.send(f"GET /orders/7 HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {number}\r\n\r\n".encode())
        for number in range(MOST_AT_ONCE + MOST_WAITING)
    ]
    assert len(authority.connections) == MOST_AT_ONCE
    assert [client.responses() for client in clients[-3:]] == [[], [], []]

    response = gateway.get("/orders/7", Authorization="Bearer more")
    assert response.status == 503
    assert response.headers.get(b"gateway-reason") == b"auth.unavailable"
    assert len(authority.connections) == MOST_AT_ONCE

    gateway.advance(6)
    assert {client.responses()[0].status for client in clients} == {503}
    assert gateway.backend("orders").requests == []


def test_questions_share_connections(make: Make) -> None:
    """A handshake for each request would cost more than the request."""
    gateway, authority = asking(make)
    for _ in range(3):
        gateway.get("/orders/7")

    assert (len(authority.requests), len(authority.connections)) == (3, 1)


def test_connections_outlive_a_reload(make: Make) -> None:
    """As long as the authority's settings are the same."""
    gateway, authority = asking(make)
    gateway.get("/orders/7")

    gateway.apply(timeouts={"request": "20s"})
    gateway.get("/orders/7")
    assert len(authority.connections) == 1

    gateway.apply(auth={"forward": {"default": {"url": "http://127.0.0.1:9002/verify", "timeout": "3s"}}})
    gateway.get("/orders/7")
    assert len(authority.connections) == 2
    assert authority.connections[0].closed is not None
