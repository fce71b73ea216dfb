"""Names and passwords of a file in a whole gateway."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import pytest

from gateway.config import ConfigError
from gateway.identity import secrets
from gateway.identity.orders import Order
from gateway.memory.client import Received
from gateway.testing import Harness

Make = Callable[..., Harness]


def hashed(password: str) -> str:
    """A hash that is cheap to compare with."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


ALICE = hashed("wonder:land")
BOB = hashed("builder")


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file with two users."""
    file = tmp_path / "htpasswd"
    file.write_text(f"# people\nalice:{ALICE}\nbob:{BOB}\n")
    return file


def with_users(make: Make, users: Path, route: dict[str, Any] | None = None, **settings: Any) -> Harness:
    """A gateway whose one route asks for a name and a password, beside one that does not."""
    auth = {"basic": {"users_file": str(users), "realm": "dash board", **settings.pop("basic", {})}}
    routes = [
        {"name": "orders", "path": "/*", "upstream": "orders", "auth": {"type": "basic", **(route or {})}},
        {"name": "open", "path": "/open", "upstream": "orders"},
    ]
    return make("orders", routes=routes, auth={**auth, **settings.pop("auth", {})}, **settings)


def shown(name: str, password: str, scheme: str = "Basic") -> str:
    """What a client shows."""
    return f"{scheme} {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def ask(gateway: Harness, name: str, password: str, address: str = "192.0.2.1", target: str = "/") -> Received:
    """Make a request with a name and a password."""
    return gateway.request("GET", target, {"Authorization": shown(name, password)}, client=gateway.client(address))


def count_comparisons(monkeypatch: pytest.MonkeyPatch, compared: list[str]) -> None:
    """Have the hashes that passwords are compared with written down."""

    def matches(secret: str, encoded: str) -> bool:
        compared.append(encoded)
        return secrets.matches(secret, encoded)

    monkeypatch.setattr("gateway.authorities.secret_checker.matches", matches)


def test_who_is_in_the_file_gets_in(make: Make, users: Path) -> None:
    """The backend learns the name and not the password; a password may have a colon in it."""
    gateway = with_users(make, users)

    assert ask(gateway, "alice", "wonder:land").status == 200

    told = gateway.backend("orders").last.headers
    assert told.get(b"X-User-ID") == b"alice"
    assert told.get(b"Authorization") is None
    assert gateway.last_log["user_id"] == "alice"
    assert "wonder" not in str(gateway.logs)
    assert gateway.metric("gateway_auth_total", method="basic", outcome="verified") == 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        shown("alice", "wrong"),
        shown("alice", ""),
        shown("nobody", "wonder:land"),
        shown("", "wonder:land"),
        shown("alice", "wonder:land\n"),
        "Basic",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"alice").decode(),
        "Basic " + base64.b64encode(b"alice:\xff").decode(),
        shown("alice", "wonder:land", "Bearer"),
    ],
)
def test_others_are_asked_for_it(make: Make, users: Path, value: str | None) -> None:
    """With the realm that browsers show, and that names and passwords are UTF-8 (RFC 7617)."""
    gateway = with_users(make, users)

    response = gateway.request("GET", "/", {} if value is None else {"Authorization": value})

    assert response.status == 401
    assert response.headers.get(b"WWW-Authenticate") == b'Basic realm="dash board", charset="UTF-8"'
    reason = b"auth.missing" if value is None or value.startswith("Bearer") else b"auth.invalid"
    assert response.headers.get(b"Gateway-Reason") == reason
    assert gateway.backend("orders").requests == []


def test_two_fields_are_refused(make: Make, users: Path) -> None:
    """A backend could read the one that was not compared."""
    gateway = with_users(make, users, {"forward_credentials": True})
    fields = f"Authorization: {shown('alice', 'wonder:land')}\r\nAuthorization: Basic eA==\r\n"

    assert b" 401 " in gateway.send(f"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()).received


def test_names_and_passwords_of_every_script(make: Make, tmp_path: Path) -> None:
    """The scheme is written as its client likes."""
    file = tmp_path / "htpasswd"
    file.write_text(f"çelik:{hashed('şifre')}\n")
    gateway = with_users(make, file)

    assert gateway.request("GET", "/", {"Authorization": shown("çelik", "şifre", "bAsIc")}).status == 200
    assert gateway.backend("orders").last.headers.get(b"X-User-ID") == b"%C3%A7elik"


def test_a_route_may_hand_the_password_on(make: Make, users: Path) -> None:
    """As for other credentials."""
    gateway = with_users(make, users, {"forward_credentials": True})
    ask(gateway, "bob", "builder")

    assert gateway.backend("orders").last.headers.get(b"Authorization") == shown("bob", "builder").encode()


def test_a_password_is_compared_once_a_minute(make: Make, users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off the reactor; what is known costs a look-up, and is no guess."""
    compared: list[str] = []
    count_comparisons(monkeypatch, compared)
    gateway = with_users(make, users, basic={"rate_limit": {"limit": 2}})

    assert [ask(gateway, "alice", "wonder:land").status for _ in range(9)] == [200] * 9
    assert compared == [ALICE]
    gateway.advance(61)
    assert ask(gateway, "alice", "wonder:land").status == 200
    assert compared == [ALICE] * 2


def test_who_guesses_is_stopped_and_shuts_nobody_out(make: Make, users: Path) -> None:
    """By 429 with Retry-After, for the user from this address; a right password passes, also from there."""
    gateway = with_users(make, users, basic={"rate_limit": {"limit": 3}})

    answers = [ask(gateway, "alice", f"guess-{number}") for number in range(5)]

    assert [answer.status for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[3].headers.get(b"Gateway-Reason") == b"limit.exceeded"
    assert int(answers[3].headers.get(b"Retry-After") or b"0") > 0
    assert ask(gateway, "bob", "guess").status == 429  # one address, many users
    assert ask(gateway, "alice", "wonder:land").status == 200
    assert ask(gateway, "alice", "guess", "192.0.2.9").status == 401
    assert gateway.metric("gateway_rate_limit_decisions_total", route="auth.basic", outcome="limited") == 3
    gateway.advance(61)
    assert ask(gateway, "alice", "guess-9").status == 401


def test_guesses_are_no_requests_of_the_route(make: Make, users: Path) -> None:
    """The fields tell of the route's own limit."""
    gateway = with_users(make, users)
    gateway.configuration["routes"][0]["rate_limit"] = {"limit": 50, "scope": "user"}
    gateway.apply()

    response = ask(gateway, "alice", "wonder:land")

    assert response.headers.get(b"X-RateLimit-Limit") == b"50"
    assert response.headers.get(b"X-RateLimit-Remaining") == b"49"
    assert ask(gateway, "bob", "builder").headers.get(b"X-RateLimit-Remaining") == b"49"


def test_who_is_unknown_costs_what_a_wrong_password_does(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One comparison with a hash of the file, the same one for the same name; also without attempts left."""
    file = tmp_path / "htpasswd"
    cheap = argon2.PasswordHasher(1, 8, 1).hash("x")
    file.write_text(f"alice:{ALICE}\ncarol:{cheap}\n")
    compared: list[str] = []
    count_comparisons(monkeypatch, compared)
    gateway = with_users(make, file, basic={"rate_limit": {"limit": 1}}, auth={"cache": {"negative_ttl": 0}})

    for name in ("alice", "nobody"):
        compared.clear()
        ask(gateway, name, "a", "192.0.2.1" if name == "alice" else "192.0.2.2")
        ask(gateway, name, "b", "192.0.2.1" if name == "alice" else "192.0.2.2")
        assert len(compared) == 2
        assert len(set(compared)) == 1
        assert set(compared) <= {ALICE, cheap}


def test_the_file_is_read_again(make: Make, users: Path) -> None:
    """A password that was changed ends the old one; who stays is not compared anew, who has gone is refused."""
    gateway = with_users(make, users)
    assert [ask(gateway, "alice", "wonder:land").status, ask(gateway, "bob", "builder").status] == [200, 200]

    users.write_text(f"alice:{hashed('new')}\nbob:{BOB}\n")
    gateway.apply()

    assert ask(gateway, "alice", "wonder:land").status == 401
    assert ask(gateway, "alice", "new").status == 200
    assert ask(gateway, "bob", "builder").status == 200
    assert gateway.metric("gateway_auth_total", method="basic", outcome="cached") == 1

    users.write_text(f"alice:{hashed('new')}\n")
    gateway.apply()
    assert ask(gateway, "bob", "builder").status == 401


@pytest.mark.parametrize(
    "content",
    ["", "# nobody yet\n", f"alice:{ALICE}\nbo", f"alice:{ALICE[:40]}", "bob:builder\n"],
    ids=["empty", "nobody", "half a line", "half a hash", "no hash"],  # a hash has its salt: another name each time
)
def test_a_file_that_is_no_good_changes_nothing(make: Make, users: Path, content: str) -> None:
    """Empty, half written, with a password as it is: told with its line, and those before stay."""
    gateway = with_users(make, users)
    users.write_text(content)

    with pytest.raises(ConfigError) as told:
        gateway.apply()

    (problem,) = told.value.problems
    assert (problem.file, problem.path) == (str(users), "auth.basic.users_file")
    assert "builder" not in problem.message
    assert ask(gateway, "bob", "builder").status == 200


def test_a_file_that_is_not_there_is_told(make: Make, tmp_path: Path) -> None:
    """By its name, before anything starts."""
    with pytest.raises(ConfigError, match=r"auth.basic.users_file: .*none: expected a file .* No such"):
        with_users(make, tmp_path / "none")


def test_a_file_of_any_size_is_not_read(make: Make, tmp_path: Path) -> None:
    """It would hold the reactor."""
    file = tmp_path / "htpasswd"
    with file.open("wb") as stream:
        stream.truncate((4 << 20) + 1)

    with pytest.raises(ConfigError, match="expected a file of 4MiB at most"):
        with_users(make, file)


def test_beside_tokens_and_keys(make: Make, users: Path) -> None:
    """Each way finds its own scheme; who shows nothing learns of all of them."""
    jwt = {"default": {"algorithms": ["HS256"], "secret": "a-secret-of-forty-octets-for-the-tests-only"}}
    keys = {"keys": [{"id": "acme", "key": "a-key-of-acme"}]}
    ways = {"type": None, "any_of": ["jwt", "basic", "api_key"]}
    gateway = with_users(make, users, ways, auth={"jwt": jwt, "api_keys": keys})

    assert ask(gateway, "bob", "builder").status == 200
    assert gateway.get("/", X_API_Key="a-key-of-acme").status == 200
    assert gateway.get("/", Authorization="Bearer eyJ.e.e").status == 401
    assert gateway.get("/").headers.get_all(b"WWW-Authenticate") == [
        b'Bearer realm="api"',
        b'Basic realm="dash board", charset="UTF-8"',
        b'ApiKey realm="api"',
    ]


def test_a_user_can_be_put_on_the_deny_list(make: Make, users: Path) -> None:
    """By name, at once."""
    gateway = with_users(make, users)
    assert ask(gateway, "bob", "builder").status == 200

    gateway.gateway.root.tree.credentials.give(Order(True, "jti", "basic:bob"))

    assert ask(gateway, "bob", "builder").status == 401
    assert ask(gateway, "alice", "wonder:land").status == 200


def test_a_client_may_not_say_who_it_is_beside_its_password(make: Make, users: Path) -> None:
    """The identity fields are the gateway's."""
    gateway = with_users(make, users)
    gateway.request("GET", "/", {"Authorization": shown("bob", "builder"), "X-User-ID": "alice", "X_User_ID": "alice"})

    headers = gateway.backend("orders").last.headers
    assert headers.get_all(b"X-User-ID") == [b"bob"]
    assert headers.get(b"X_User_ID") is None


def test_other_routes_ask_nothing_and_hand_on_what_is_shown(make: Make, users: Path) -> None:
    """A backend that has its own passwords judges them itself."""
    gateway = with_users(make, users)

    assert ask(gateway, "x", "y", target="/open").status == 200
    assert gateway.backend("orders").last.headers.get(b"Authorization") == shown("x", "y").encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [("tiers", {"user=alice": 0}), ("except", ["192.0.2.0/24"]), ("dry_run", True), ("scope", "user")],
)
def test_a_limit_on_guesses_has_no_exceptions(make: Make, users: Path, key: str, value: Any) -> None:
    """Who guesses has shown nothing by which it could be told from others; they would be passed over in silence."""
    with pytest.raises(ConfigError, match=f"auth.basic.rate_limit: expected no `{key}`"):
        with_users(make, users, basic={"rate_limit": {"limit": 10, key: value}})
