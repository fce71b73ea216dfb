"""The token endpoint: what it does in which order, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from gateway.answering.token_endpoint import TokenEndpoint
from gateway.errors import ClientRefused, GatewayError, LimitExceeded, TokenRefused
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.identity.oauth import Client, Clients
from gateway.identity.refresh import MemoryGrants
from gateway.identity.signing import Issuer, SigningKey
from gateway.message import Request, Response
from gateway.middleware.guesses import Guesses, Words
from tests.peers import direct

SECRET = "a secret of more than thirty-two octets"
NOW = 1000.0


def exchange(**fields: str) -> Exchange:
    """An exchange with these fields."""
    nobody: Any = None
    headers = Headers([(name.encode(), value.encode()) for name, value in fields.items()])
    return Exchange(Request(b"POST", b"/oauth/token", headers), nobody, direct(), 0.0, 1.0)


class Bench:
    """An endpoint over parts that write down what they are asked."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.now = NOW
        self.right = "s3cret"
        self.over_limit = self.client_over_limit = self.paid = False
        self.denied: dict[str, float] = {}
        self.clients = {
            "acme": Client("acme", "hash-acme", ("read", "write"), ("partner",), refreshes=True),
            "plain": Client("plain", "hash-plain", ("read",)),
        }
        self.key = SigningKey.of_secret(SECRET)
        self.issuer = Issuer(self.key, (), "https://g.example.com", "api", 3600.0)
        self.grants = MemoryGrants()
        self.octets = 0
        self.endpoint = self.make()

    def make(self) -> TokenEndpoint:
        """An endpoint over these parts."""
        return TokenEndpoint(
            Clients(list(self.clients.values())),
            self.issuer,
            Guesses(self, self, Words("client", "secret", "at the token endpoint")),
            self.grants,
            60.0,
            self,
            self.denied.__setitem__,
            lambda: self.now,
            self.random,
        )

    def decoy(self, name: str) -> str:
        """What the secret of an unknown client is compared with."""
        return Clients(list(self.clients.values())).decoy(name)

    def random(self, count: int) -> bytes:
        self.octets += 1
        return bytes([self.octets]) * count

    async def matches(self, secret: str, encoded: str, decoy: bool) -> bool:
        self.events.append(("compare", encoded, decoy))
        return secret == self.right and not decoy

    async def spares(self, secret: str, encoded: str, decoy: bool) -> bool:
        self.events.append(("spare", encoded, decoy))
        return secret == self.right and not decoy

    async def admit(self, exchange: Exchange, client: str, is_right: Callable[[], Awaitable[bool]] | None) -> bool:
        self.events.append(("admit", client))
        if self.over_limit:
            if is_right is not None and await is_right():
                return True
            raise LimitExceeded()
        return self.paid

    async def proved(self, exchange: Exchange, client: str) -> None:
        self.events.append(("proved", client))
        if self.client_over_limit:
            raise LimitExceeded()

    async def failed(self, exchange: Exchange) -> None:
        self.events.append(("failed",))

    def ask(self, what: str = "token", /, **form: str) -> dict[str, Any]:
        """Send a form; return the answer, or raise the error."""
        form = {"client_id": "acme", "client_secret": "s3cret", **form}
        return self.send(what, urlencode({name: value for name, value in form.items() if value}).encode())

    def send(self, what: str, octets: bytes) -> dict[str, Any]:
        """Send a body that may be a form."""
        waiting: Deferred[Response] = ensureDeferred(getattr(self.endpoint, what)(exchange(), octets))
        found: list[Any] = []
        waiting.addBoth(found.append)
        if isinstance(found[0], Failure):
            found[0].raiseException()
        response: Response = found[0]
        assert isinstance(response.body, bytes)
        assert response.status == 200
        assert response.headers.get(b"Cache-Control") == b"no-store"
        assert response.headers.get(b"Pragma") == b"no-cache"
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    def token(self, **form: str) -> dict[str, Any]:
        """Ask for a token by the client's own credentials."""
        return self.ask(grant_type="client_credentials", **form)

    def refuses(self, what: str = "token", /, **form: str) -> str:
        """Send a form that is refused; return the error code."""
        with pytest.raises(TokenRefused) as refused:
            self.ask(what, **form)
        return refused.value.error


@pytest.fixture
def bench() -> Bench:
    """An endpoint with two clients, of which `acme` gets refresh tokens."""
    return Bench()


def test_the_answer_is_what_rfc_6749_says(bench: Bench) -> None:
    """Section 5.1."""
    answer = bench.token(scope="read")

    assert set(answer) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3600, "read")
    claims = bench.issuer.read(answer["access_token"])
    assert claims is not None
    assert (claims["sub"], claims["scope"], claims["roles"], claims["exp"]) == ("acme", "read", ["partner"], 4600)


def test_a_request_is_counted_before_anything_that_costs(bench: Bench) -> None:
    """Over the limit, a secret is compared only as far as there is time to spare, with a decoy as well.

    An answer that came at once for who is unknown would tell the names of the others.
    """
    bench.over_limit = True

    for client in ("acme", "nobody"):
        bench.events.clear()
        with pytest.raises(LimitExceeded):
            bench.token(client_id=client, client_secret="wrong")
        encoded = "hash-acme" if client == "acme" else bench.decoy("nobody")
        assert bench.events == [("admit", client), ("spare", encoded, client == "nobody")]


def test_an_attempt_without_credentials_counts_for_its_address(bench: Bench) -> None:
    """So does a form that cannot be read."""
    assert bench.refuses(client_secret="", grant_type="client_credentials") == "invalid_client"
    with pytest.raises(TokenRefused):
        bench.send("token", b"a=1&a=2")

    assert bench.events == [("failed",), ("failed",)]


def test_failed_attempts_are_counted(bench: Bench) -> None:
    """Once for the client that they name, and once for the address unless that was done in advance."""
    assert bench.refuses(client_secret="wrong", grant_type="client_credentials") == "invalid_client"
    assert bench.events == [("admit", "acme"), ("compare", "hash-acme", False), ("failed",)]

    bench.paid = True
    assert bench.refuses(client_secret="wrong", grant_type="client_credentials") == "invalid_client"
    assert bench.events[3:] == [("admit", "acme"), ("compare", "hash-acme", False)]


@pytest.mark.parametrize("path", ["token", "revoke"])
def test_a_client_s_own_limit_is_counted_when_its_secret_was_right(bench: Bench, path: str) -> None:
    """Not before, or strangers could use it up; over the limit the client gets no token."""
    bench.client_over_limit = True

    with pytest.raises(LimitExceeded):
        bench.ask(path, grant_type="client_credentials", token="token")

    assert bench.events == [("admit", "acme"), ("compare", "hash-acme", False), ("proved", "acme")]


def test_what_fails_for_another_cause_than_the_secret_is_no_failure_of_the_address(bench: Bench) -> None:
    """Its secret was right, so nobody is guessing."""
    bench.token()
    assert bench.refuses(grant_type="password") == "unsupported_grant_type"

    assert ("failed",) not in bench.events


def test_an_unknown_client_is_refused_like_a_wrong_secret(bench: Bench) -> None:
    """With the same answer, and after a comparison too."""
    errors = []
    for form in ({"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_id": "nobody", "client_secret": "x"}):
        with pytest.raises(ClientRefused) as refused:
            bench.token(**form)
        errors.append((refused.value.status, refused.value.error, refused.value.detail))

    assert len(set(errors)) == 1
    assert [event[0] for event in bench.events].count("compare") == 3
    assert [event[2] for event in bench.events if event[0] == "compare"] == [False, True, True]


def test_the_log_has_who_was_refused_and_no_secret(bench: Bench) -> None:
    """Not even a secret that a client has sent in place of its name."""
    with capturedLogs() as events:
        bench.refuses(client_secret="s3cret-2", grant_type="client_credentials")
        bench.refuses(client_id="s3cret-3", grant_type="client_credentials")

    texts = [event["log_format"].format(**event) for event in events]
    assert texts == [
        "Refused the secret of client acme at the token endpoint, from 192.0.2.1",
        "Refused an unknown client at the token endpoint, from 192.0.2.1",
    ]
    assert "s3cret" not in str(events)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "admin"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "read  write"}, "invalid_scope"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "plain"}, "unauthorized_client"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_its_code(bench: Bench, form: dict[str, str], error: str) -> None:
    """The error codes are those of RFC 6749 section 5.2."""
    assert bench.refuses(**form) == error


def test_a_client_without_refresh_tokens_gets_none(bench: Bench) -> None:
    """RFC 6749 section 4.4.3: a client with credentials of its own gets none unless the configuration says so."""
    assert "refresh_token" not in bench.token(client_id="plain")


def test_a_refresh_token_is_good_for_one_use(bench: Bench) -> None:
    """The answer has the one for the next use."""
    first = bench.token(scope="read")["refresh_token"]

    answer = bench.ask(grant_type="refresh_token", refresh_token=first)

    assert answer["scope"] == "read"
    assert answer["refresh_token"] != first
    assert bench.ask(grant_type="refresh_token", refresh_token=answer["refresh_token"])["scope"] == "read"


@pytest.mark.parametrize("how_old", [1, 2])
def test_a_used_refresh_token_ends_all_that_follow_from_it(bench: Bench, how_old: int) -> None:
    """RFC 9700 section 4.14.2: two parties have it, and either may be the thief. Other families go on."""
    bystander = bench.token()["refresh_token"]
    tokens = [bench.token(scope="read")["refresh_token"]]
    for _ in range(how_old):
        tokens.append(bench.ask(grant_type="refresh_token", refresh_token=tokens[-1])["refresh_token"])

    assert bench.refuses(grant_type="refresh_token", refresh_token=tokens[0]) == "invalid_grant"

    for token in reversed(tokens):
        assert bench.refuses(grant_type="refresh_token", refresh_token=token) == "invalid_grant"
    assert bench.ask(grant_type="refresh_token", refresh_token=bystander)["scope"] == "read write"


def test_a_refresh_token_gives_no_more_than_was_granted(bench: Bench) -> None:
    """A client may ask for fewer scopes once, and for all that were granted the next time."""
    first = bench.token(scope="read write")["refresh_token"]

    less = bench.ask(grant_type="refresh_token", refresh_token=first, scope="read")
    again = bench.ask(grant_type="refresh_token", refresh_token=less["refresh_token"])

    assert (less["scope"], again["scope"]) == ("read", "read write")
    narrow = bench.token(scope="read")["refresh_token"]
    assert bench.refuses(grant_type="refresh_token", refresh_token=narrow, scope="write") == "invalid_scope"


def test_what_a_client_has_lost_its_refresh_tokens_have_lost(bench: Bench) -> None:
    """A scope that the configuration has taken from the client is in none of its later tokens."""
    token = bench.token(scope="read write")["refresh_token"]
    bench.clients["acme"] = Client("acme", "hash-acme", ("read",), (), refreshes=True)
    bench.endpoint = bench.make()

    assert bench.ask(grant_type="refresh_token", refresh_token=token)["scope"] == "read"


def test_a_refresh_token_ends(bench: Bench) -> None:
    """After `refresh_expires_in`."""
    token = bench.token()["refresh_token"]
    bench.now += 60.0

    assert bench.refuses(grant_type="refresh_token", refresh_token=token) == "invalid_grant"


def test_a_refresh_token_of_another_client_is_used_up(bench: Bench) -> None:
    """It has leaked: it works for neither client any more."""
    bench.clients["other"] = Client("other", "hash-other", ("read",), (), refreshes=True)
    bench.endpoint = bench.make()
    token = bench.token()["refresh_token"]

    assert bench.refuses(client_id="other", grant_type="refresh_token", refresh_token=token) == "invalid_grant"
    assert bench.refuses(grant_type="refresh_token", refresh_token=token) == "invalid_grant"


def test_an_access_token_is_revoked_by_its_client(bench: Bench) -> None:
    """RFC 7009: it is put on the deny-list until it would have ended."""
    issued = bench.issuer.issue("acme", (), (), NOW, "id-1")

    assert bench.ask("revoke", token=issued.token, token_type_hint="nonsense") == {}
    assert bench.denied == {"id-1": 4600.0}


def test_another_client_s_token_cannot_be_revoked(bench: Bench) -> None:
    """RFC 7009 section 2.1."""
    issued = bench.issuer.issue("plain", (), (), NOW, "id-1")

    assert bench.refuses("revoke", token=issued.token) == "unauthorized_client"
    assert bench.denied == {}


@pytest.mark.parametrize("which", [0, 1])
def test_a_refresh_token_is_revoked_with_all_of_its_family(bench: Bench, which: int) -> None:
    """By its current token, and by one that was used before."""
    tokens = [bench.token()["refresh_token"]]
    tokens.append(bench.ask(grant_type="refresh_token", refresh_token=tokens[0])["refresh_token"])

    assert bench.ask("revoke", token=tokens[which]) == {}
    assert bench.refuses(grant_type="refresh_token", refresh_token=tokens[1]) == "invalid_grant"


def test_a_token_that_means_nothing_is_as_good_as_revoked(bench: Bench) -> None:
    """RFC 7009 section 2.2: 200 for an unknown token; without a token the request is refused."""
    assert bench.ask("revoke", token="made.up.token") == {}
    assert bench.refuses("revoke") == "invalid_request"
    assert bench.denied == {}


def test_a_token_without_a_name_cannot_be_denied(bench: Bench) -> None:
    """A token without `jti`, made by somebody who has our HS256 secret, is refused."""
    token = bench.key.sign({"client_id": "acme"})

    assert bench.refuses("revoke", token=token) == "unsupported_token_type"


def test_revoking_asks_for_the_secret_too(bench: Bench) -> None:
    """A wrong secret revokes nothing, and attempts are limited as for tokens."""
    issued = bench.issuer.issue("acme", (), (), NOW, "id-1")

    assert bench.refuses("revoke", token=issued.token, client_secret="wrong") == "invalid_client"
    assert bench.denied == {}
    bench.over_limit = True
    with pytest.raises(GatewayError):
        bench.ask("revoke", token=issued.token, client_secret="wrong")
