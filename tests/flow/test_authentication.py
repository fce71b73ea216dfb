"""Authentication in a whole gateway: what the backend, the client, the log and the metrics see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, eventAsText

from gateway.identity.orders import Order
from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import SECRET, START, ec_key, jwk, jwks, protected, public_pem, rsa_key, said, sign

PUBLISHED = {"algorithms": ["RS256", "ES256"], "jwks_url": "http://127.0.0.1:9002/jwks", "jwks_cooldown": "30s"}


def token(**changes: Any) -> str:
    """A good token, with these changes."""
    return "Bearer " + sign(SECRET, "HS256", said(**changes))


def ask(gateway: Harness, authorization: str | None = None, path: str = "/orders/7") -> Any:
    """Make a request."""
    return gateway.request("GET", path, {} if authorization is None else {"Authorization": authorization})


def test_the_backend_is_told_who_it_is() -> None:
    """And does not get the token."""
    gateway = protected()

    assert ask(gateway, token(sub="J\u00f6rg, the 1st")).status == 200

    heard = gateway.backend("orders").last.headers
    assert heard.get_all(b"x-user-id") == [b"J%C3%B6rg%2C%20the%201st"]
    assert heard.get_all(b"x-user-roles") == [b"admin,editor"]
    assert heard.get_all(b"x-user-scopes") == [b"read,write"]
    assert b"authorization" not in heard
    assert gateway.last_log["user_id"] == "J\u00f6rg, the 1st"


def test_a_route_may_forward_the_token() -> None:
    """For a backend that verifies it again."""
    gateway = protected(forward_credentials=True)
    ask(gateway, token())

    assert gateway.backend("orders").last.headers.get(b"authorization") == token().encode()


def test_where_nobody_asks_a_credential_is_the_backends() -> None:
    """On a route without `auth` it passes unchanged."""
    gateway = protected()
    ask(gateway, "Bearer opaque", "/open/7")

    assert gateway.backend("orders").last.headers.get(b"authorization") == b"Bearer opaque"


def test_nobody_is_asked_on_the_health_paths() -> None:
    """A load balancer has no token; and no token is asked for where no route matches."""
    gateway = Harness(
        "orders",
        routes=[{"path": "/*", "upstream": "orders", "auth": {"type": "jwt"}}],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )

    assert gateway.get("/health").status == 200
    assert gateway.get("/health/live").status == 200
    assert gateway.get("/healthy").status == 401


def test_who_is_refused_is_answered_before_the_body_is_read() -> None:
    """And the connection stays open."""
    gateway = protected()
    client = gateway.client()
    response = gateway.request("POST", "/orders/7", {}, b"x" * 100, client)
    assert response.status == 401

    assert gateway.request("GET", "/orders/7", {"Authorization": token()}, client=client).status == 200


def test_fields_may_have_other_names() -> None:
    """A client's fields of these names are dropped too, in any spelling, and so are those of the usual names."""
    gateway = protected()
    names = {"user": "Remote_User", "roles": "X-Groups", "scopes": "X-User-Scopes"}
    gateway.apply(auth={**gateway.configuration["auth"], "identity_fields": names})

    gateway.request(
        "GET",
        "/orders/7",
        {
            "Authorization": token(),
            "remote-user": "root",
            "Remote.User": "root",
            "x_groups": "root",
            "X-User-ID": "root",
        },
    )
    heard = gateway.backend("orders").last.headers
    assert heard.get_all(b"remote_user") == [b"alice"]
    assert heard.get_all(b"x-groups") == [b"admin,editor"]
    assert [value for _, value in heard if value == b"root"] == []


def test_a_known_token_without_the_scope_is_forbidden() -> None:
    """403, and the challenge names the scope; the log has the user."""
    gateway = protected(scopes=["orders:write"])
    response = ask(gateway, token())

    assert response.status == 403
    assert response.headers.get(b"gateway-reason") == b"auth.forbidden"
    expected = b'Bearer realm="api", error="insufficient_scope", scope="orders:write"'
    assert response.headers.get(b"www-authenticate") == expected
    assert gateway.backend("orders").requests == []
    assert (gateway.last_log["user_id"], gateway.last_log["reason"]) == ("alice", "auth.forbidden")


def test_a_route_may_ask_for_another_issuer_and_audience() -> None:
    """R-JWT-05: they replace the verifier's; a result of one route does not count on another."""
    gateway = protected()
    routes = [
        {"name": "a", "path": "/a", "upstream": "orders", "auth": {"type": "jwt", "audience": "a"}},
        {"name": "b", "path": "/b", "upstream": "orders", "auth": {"type": "jwt", "issuer": "https://b"}},
        {"name": "c", "path": "/c", "upstream": "orders", "auth": {"any_of": ["jwt"], "audience": ["c", "a"]}},
    ]
    gateway.apply(routes=routes)

    def statuses(authorization: str) -> list[int]:
        return [ask(gateway, authorization, path).status for path in ("/a", "/b", "/c")]

    for _ in range(2):
        assert statuses(token(aud="a")) == [200, 401, 200]
        assert statuses(token(aud="api", iss="https://b")) == [401, 200, 401]
        assert statuses(token(aud="c")) == [401, 401, 200]


def test_a_route_may_take_the_tokens_of_several_issuers() -> None:
    """Each verified with its own keys."""
    verifiers = {
        "one": {"algorithms": ["HS256"], "secret": "1" * 32, "issuer": "https://one"},
        "two": {"algorithms": ["HS256"], "secret": "2" * 32, "issuer": "https://two"},
    }
    routes = [{"path": "/*", "upstream": "orders", "auth": {"type": "jwt", "verifier": ["one", "two"]}}]
    gateway = Harness("orders", routes=routes, auth={"jwt": verifiers})

    def status(secret: str, issuer: str) -> int:
        return int(ask(gateway, "Bearer " + sign(secret * 32, "HS256", said(iss=issuer))).status)

    assert [status("1", "https://one"), status("2", "https://two")] == [200, 200]
    assert [status("2", "https://one"), status("1", "https://two"), status("1", "https://three")] == [401, 401, 401]


def test_a_result_is_kept_for_a_minute_and_never_past_the_end() -> None:
    """The metrics count what was verified and what came from the cache."""
    gateway = protected()
    short = token(exp=START + 10)
    for seconds, status in ((0, 200), (9, 200), (2, 200), (30, 401)):
        gateway.advance(seconds)
        assert ask(gateway, short).status == status

    # Between its end and the end of the leeway it is verified each time.
    assert gateway.metric("gateway_auth_total", method="jwt", outcome="verified") == 2
    assert gateway.metric("gateway_auth_total", method="jwt", outcome="cached") == 1
    assert gateway.metric("gateway_auth_total", method="jwt", outcome="invalid") == 1
    ask(gateway)
    assert gateway.metric("gateway_auth_total", method="none", outcome="missing") == 1
    assert gateway.metric("gateway_errors_total", reason="auth.invalid", source="downstream") == 1


def test_another_secret_is_in_force_at_once() -> None:
    """Results that were verified by the old one are forgotten (trap 9)."""
    gateway = protected()
    assert ask(gateway, token()).status == 200
    gateway.apply(auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": "another" * 5}}})

    assert ask(gateway, token()).status == 401


def test_another_key_in_the_same_file_is_in_force_at_once(tmp_path: Path) -> None:
    """Though the configuration has not changed."""
    file = tmp_path / "jwt.pem"
    file.write_bytes(public_pem(rsa_key()))
    gateway = protected({"algorithms": ["RS256"], "public_key_file": str(file)})
    mine = "Bearer " + sign(rsa_key(), "RS256")
    assert ask(gateway, mine).status == 200
    file.write_bytes(public_pem(rsa_key("other")))
    gateway.apply()

    assert ask(gateway, mine).status == 401


def test_an_unrelated_reload_forgets_nobody() -> None:
    """Otherwise a thousand clients would have to be verified at once."""
    gateway = protected()
    ask(gateway, token())
    gateway.apply(timeouts={"connect": 1})
    ask(gateway, token())

    assert gateway.metric("gateway_auth_total", method="jwt", outcome="cached") == 1


def test_an_operator_can_refuse_a_token() -> None:
    """Though it is cached and valid; other tokens stay good."""
    gateway = protected()
    assert ask(gateway, token()).status == 200
    control = gateway.gateway.root.tree.credentials

    assert control.give(Order(True, "jti", "token-1", START + 3600)) == 1

    assert ask(gateway, token()).status == 401
    assert ask(gateway, token(jti="token-2")).status == 200
    gateway.apply(timeouts={"connect": 1})
    assert ask(gateway, token()).status == 401


# Published keys.


def published(*members: dict[str, Any], **changes: Any) -> Harness:
    """A gateway that verifies with what an issuer publishes."""
    gateway = protected({**PUBLISHED, **changes}, "issuer")
    gateway.backend("issuer").answers(ok(jwks(*members)))
    return gateway


def by(kid: str, name: str = "one") -> str:
    """A token that is signed with an RSA key."""
    return "Bearer " + sign(rsa_key(name), "RS256", header={"kid": kid})


def test_the_first_request_waits_for_the_keys() -> None:
    """They are being fetched; the backend gets the request after that."""
    gateway = protected(PUBLISHED, "issuer")
    issuer = gateway.backend("issuer")
    issuer.stall()
    client = gateway.client()
    assert gateway.request("GET", "/orders/7", {"Authorization": by("a")}, client=client).status == 0

    issuer.connection.send(ok(jwks(jwk(rsa_key(), "a"))))
    gateway.network.pump()

    assert client.responses()[0].status == 200
    assert [asked.target for asked in issuer.requests] == [b"/jwks"]


def test_without_keys_nobody_is_refused_or_let_in() -> None:
    """503 with Retry-After, when the issuer takes too long."""
    gateway = protected(PUBLISHED, "issuer")
    gateway.backend("issuer").stall()
    client = gateway.client()
    assert gateway.request("GET", "/orders/7", {"Authorization": by("a")}, client=client).status == 0
    gateway.advance(6)
    gateway.advance(6)

    (response,) = client.responses()
    assert response.status == 503
    assert response.headers.get(b"gateway-reason") == b"auth.unavailable"
    assert response.headers.get(b"retry-after") == b"1"
    assert gateway.backend("orders").requests == []
    assert gateway.metric("gateway_auth_total", method="jwt", outcome="unavailable") == 1
    assert gateway.metric("gateway_jwks_fetches_total", verifier="default", result="failure") >= 1


def test_a_client_that_goes_while_keys_come_leaves_nothing() -> None:
    """The other clients are answered."""
    gateway = protected(PUBLISHED, "issuer")
    issuer = gateway.backend("issuer")
    issuer.stall()
    goes, stays = gateway.client(), gateway.client()
    for client in (goes, stays):
        gateway.request("GET", "/orders/7", {"Authorization": by("a")}, client=client)
    goes.reset()
    gateway.network.pump()
    issuer.connection.send(ok(jwks(jwk(rsa_key(), "a"))))
    gateway.network.pump()

    assert stays.responses()[0].status == 200
    assert sorted(record["status_code"] for record in gateway.logs) == [200, 499]


def test_a_new_key_is_found_when_a_token_names_it() -> None:
    """Without a wrong 401; the old keys stay good as long as they are published."""
    gateway = published(jwk(rsa_key(), "a"))
    assert ask(gateway, by("a")).status == 200
    gateway.backend("issuer").answers(ok(jwks(jwk(rsa_key(), "a"), jwk(rsa_key("two"), "b"))))

    assert ask(gateway, by("b", "two")).status == 200
    assert ask(gateway, by("a")).status == 200
    assert gateway.metric("gateway_jwks_keys", verifier="default") == 2


def test_a_key_that_was_withdrawn_is_good_no_more() -> None:
    """Even for tokens that were verified a moment ago."""
    gateway = published(jwk(rsa_key(), "a"), jwk(rsa_key("two"), "b"))
    assert ask(gateway, by("a")).status == 200
    gateway.backend("issuer").answers(ok(jwks(jwk(rsa_key("two"), "b"), jwk(ec_key(), "c"))))
    # Something makes it ask again.
    assert ask(gateway, "Bearer " + sign(ec_key(), "ES256", header={"kid": "c"})).status == 200

    assert ask(gateway, by("a")).status == 401


def test_while_the_issuer_is_down_its_keys_are_good() -> None:
    """For an hour in this test; the issuer is asked again until it is back."""
    gateway = published(jwk(rsa_key(), "a"))
    assert ask(gateway, by("a")).status == 200
    gateway.backend("issuer").refuse_connections()
    for _ in range(60):
        gateway.advance(60)
        assert ask(gateway, "Bearer " + sign(rsa_key(), "RS256", said(exp=START + 9_999), {"kid": "a"})).status == 200
    assert gateway.metric("gateway_jwks_age_seconds", verifier="default") > 3_000
    gateway.backend("issuer").accept_connections()
    gateway.advance(61)

    assert gateway.metric("gateway_jwks_age_seconds", verifier="default") < 62


def test_a_key_without_a_name_is_followed_by_another() -> None:
    """RFC 7517 section 4.5: names are optional. With its first token the new key is good, and the old one is not."""
    gateway = published(jwk(rsa_key()))
    old, new = ("Bearer " + sign(rsa_key(name), "RS256") for name in ("one", "two"))
    assert ask(gateway, old).status == 200
    gateway.backend("issuer").answers(ok(jwks(jwk(rsa_key("two")))))

    assert ask(gateway, new).status == 200
    assert ask(gateway, old).status == 401
    assert ask(gateway, new).status == 200


def test_a_token_that_was_refused_before_its_key_came_is_taken_after() -> None:
    """Cached refusals are forgotten when the keys change."""
    gateway = published(jwk(rsa_key()))
    new = "Bearer " + sign(rsa_key("two"), "RS256")
    assert ask(gateway, new).status == 401
    gateway.backend("issuer").answers(ok(jwks(jwk(rsa_key()), jwk(rsa_key("two")))))
    assert ask(gateway, new).status == 401  # remembered, and so not asked about
    gateway.advance(300)

    assert ask(gateway, new).status == 200


def test_forged_tokens_without_a_name_do_not_have_the_issuer_asked() -> None:
    """Once in the cooldown and once early, however many there are; each is a 401."""
    gateway = published(jwk(rsa_key()))
    assert ask(gateway, "Bearer " + sign(rsa_key(), "RS256")).status == 200
    for number in range(50):
        forged = sign(rsa_key("evil"), "RS256", said(jti=str(number)))
        assert ask(gateway, "Bearer " + forged).status == 401

    assert len(gateway.backend("issuer").requests) == 3


def test_a_made_up_name_does_not_hide_a_rotation() -> None:
    """Good tokens are not refused for the rest of the cooldown."""
    gateway = published(jwk(rsa_key(), "a"))
    assert ask(gateway, by("a")).status == 200
    assert ask(gateway, by("made-up", "evil")).status == 401
    gateway.backend("issuer").answers(ok(jwks(jwk(rsa_key(), "a"), jwk(rsa_key("two"), "b"))))

    assert ask(gateway, by("b", "two")).status == 200


def test_tokens_with_made_up_keys_do_not_have_the_issuer_asked() -> None:
    """Once in the cooldown and once early, whatever they name; each is a 401."""
    gateway = published(jwk(rsa_key(), "a"))
    assert ask(gateway, by("a")).status == 200
    for number in range(50):
        assert ask(gateway, by(f"x{number}")).status == 401

    assert len(gateway.backend("issuer").requests) == 3


def test_a_reload_keeps_the_keys() -> None:
    """Where it is the same that is asked the issuer is not asked again, whatever else the verifier says now."""
    gateway = published(jwk(rsa_key(), "a"))
    assert ask(gateway, by("a")).status == 200
    gateway.apply(timeouts={"connect": 1})
    assert ask(gateway, by("a")).status == 200
    assert len(gateway.backend("issuer").requests) == 1

    gateway.apply(auth={"jwt": {"default": {**PUBLISHED, "audience": ["api"], "require": {"sub": ["alice"]}}}})
    assert ask(gateway, by("a")).status == 200
    assert len(gateway.backend("issuer").requests) == 1

    gateway.apply(auth={"jwt": {"default": {**PUBLISHED, "jwks_refresh": "1h"}}})
    assert ask(gateway, by("a")).status == 200
    assert len(gateway.backend("issuer").requests) == 2


def test_an_issuer_alone_is_enough() -> None:
    """Its metadata say where its keys are."""
    issuer = "http://127.0.0.1:9002"
    gateway = protected({"algorithms": ["RS256"], "issuer": issuer}, "issuer")
    pages = {
        b"/.well-known/openid-configuration": json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/keys"}).encode(),
        b"/keys": jwks(jwk(rsa_key(), "a")),
    }
    gateway.backend("issuer").answer = lambda asked: ok(pages[asked.target])

    assert ask(gateway, "Bearer " + sign(rsa_key(), "RS256", said(iss=issuer), {"kid": "a"})).status == 200
    assert ask(gateway, by("a")).status == 401


# Nothing of a credential comes out.


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("asked", ["/orders/7", "/orders/7?access_token={}", "/open/7?access_token={}"])
def test_a_token_is_in_no_log_no_metric_and_no_answer(good: bool, asked: str) -> None:
    """Nor a part of it that would be enough to use it."""
    gateway = protected()
    shown = sign(SECRET, "HS256", said(exp=START + 100 if good else 1))
    with capturedLogs() as events:
        response = ask(gateway, f"Bearer {shown}", asked.format(shown))
        ask(gateway, f"Bearer {shown}", asked.format(shown))
    assert response.status == (200 if good or asked.startswith("/open") else 401)

    metrics = gateway.gateway.foundation.metrics.exposition(b"", gateway.now())[1].decode()
    snapshot = gateway.gateway.root.tree
    seen = [
        "".join(eventAsText(event) + repr(event) for event in events),
        b"".join(gateway.log.lines).decode(),
        metrics,
        response.body.decode() + repr(response.headers),
        repr(snapshot.settings) + repr(snapshot.credentials),
    ]
    for part in (shown, shown.rpartition(".")[2], shown.split(".")[1], SECRET):
        assert [text for text in seen if part in text] == []
