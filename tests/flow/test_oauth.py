"""Tokens from the gateway's own endpoint, and the routes that they open, in a whole gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import argon2
import bcrypt
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.config import ConfigError
from gateway.identity.revocations import MOST, Revocations
from gateway.memory.client import Received
from gateway.testing import Harness

Make = Callable[..., Harness]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("s3cret")
SECRET = "a secret of more than thirty-two octets"
ACME = {"id": "acme", "secret_hash": HASH, "scopes": ["read", "write"], "roles": ["partner"]}


def with_oauth(make: Make, auth: dict[str, Any] | None = None, **oauth: Any) -> Harness:
    """A gateway that gives tokens, and asks for the scope `read` on its one route."""
    settings = {"issuer": "https://g.example.com", "audience": "api", "clients": [ACME], **oauth}
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", "scopes": ["read"]}}
    return make("orders", routes=[route], auth={"oauth": settings, **(auth or {})})


def ask(gateway: Harness, path: str = "/oauth/token", address: str = "192.0.2.1", **form: str) -> Received:
    """Send a form as `acme` would."""
    form = {"client_id": "acme", "client_secret": "s3cret", "grant_type": "client_credentials", **form}
    content = urlencode({name: value for name, value in form.items() if value}).encode()
    return gateway.request("POST", path, FORM, content, gateway.client(address))


def call(gateway: Harness, token: str) -> Received:
    """Use a token."""
    return gateway.get("/orders/7", Authorization=f"Bearer {token}")


def test_a_token_opens_the_route_that_asks_for_it(make: Make) -> None:
    """Without further configuration: the gateway verifies its own tokens."""
    gateway = with_oauth(make)

    answer = ask(gateway, scope="read").json
    response = call(gateway, answer["access_token"])

    assert response.status == 200
    told = gateway.backend("orders").last.headers
    assert told.get(b"X-User-ID") == b"acme"
    assert told.get(b"X-User-Roles") == b"partner"
    assert told.get(b"X-User-Scopes") == b"read"
    assert told.get(b"Authorization") is None


def test_basic_is_as_good_as_the_form(make: Make) -> None:
    """RFC 6749 section 2.3.1 prefers it."""
    gateway = with_oauth(make)
    shown = base64.b64encode(b"acme:s3cret").decode()

    response = gateway.request(
        "POST", "/oauth/token", {**FORM, "Authorization": f"Basic {shown}"}, b"grant_type=client_credentials"
    )

    assert response.status == 200
    assert response.json["scope"] == "read write"


def test_the_answer_may_not_be_kept(make: Make) -> None:
    """Neither by the client nor by a cache in between."""
    response = ask(with_oauth(make))

    assert response.headers.get(b"Content-Type") == b"application/json"
    assert response.headers.get(b"Cache-Control") == b"no-store"
    assert response.headers.get(b"Pragma") == b"no-cache"


def test_a_scope_that_was_not_granted_is_a_403(make: Make) -> None:
    """A token has no more scopes than the client asked for."""
    gateway = with_oauth(make)

    response = call(gateway, ask(gateway, scope="write").json["access_token"])

    assert (response.status, response.json["type"]) == (403, "urn:gateway:reason:auth.forbidden")


@pytest.mark.parametrize("form", [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_secret": ""}])
def test_a_client_that_does_not_show_who_it_is_gets_none(make: Make, form: dict[str, str]) -> None:
    """401 with a challenge; log and metrics have the reason."""
    gateway = with_oauth(make)

    response = ask(gateway, **form)

    assert (response.status, response.json["error"]) == (401, "invalid_client")
    assert response.headers.get(b"WWW-Authenticate") == b'Basic realm="oauth"'
    assert gateway.last_log["reason"] == "auth.invalid"
    assert gateway.metric("gateway_requests_total", route="oauth.token", path="/oauth/token", status="401") == 1


def test_a_token_ends(make: Make) -> None:
    """At `exp` and the leeway, even if its principal is cached."""
    gateway = with_oauth(make, expires_in="10s")
    token = ask(gateway).json["access_token"]
    assert call(gateway, token).status == 200

    gateway.advance(41)

    assert call(gateway, token).status == 401


def test_a_revoked_token_is_refused_at_once(make: Make) -> None:
    """Though it is cached and has not expired."""
    gateway = with_oauth(make)
    token, other = ask(gateway).json["access_token"], ask(gateway).json["access_token"]
    assert call(gateway, token).status == 200

    assert ask(gateway, "/oauth/revoke", token=token).status == 200

    assert (call(gateway, token).status, call(gateway, other).status) == (401, 200)


def test_refresh_tokens_outlive_a_reload(make: Make) -> None:
    """Their grants are carried over."""
    gateway = with_oauth(make, clients=[{**ACME, "refresh_tokens": True}])
    refresh = ask(gateway).json["refresh_token"]

    gateway.apply(timeouts={"request": "20s"})
    response = ask(gateway, grant_type="refresh_token", refresh_token=refresh)

    assert response.status == 200
    assert call(gateway, response.json["access_token"]).status == 200


def test_tokens_of_the_process_s_own_key_outlive_a_reload(make: Make) -> None:
    """Where no key is configured, there is one as long as the gateway runs."""
    gateway = with_oauth(make)
    token = ask(gateway).json["access_token"]

    gateway.apply(timeouts={"request": "20s"})

    assert call(gateway, token).status == 200


def key_file(directory: Path, name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """Write a private key."""
    file = directory / name
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(file)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key of each kind."""
    directory = tmp_path_factory.mktemp("keys")
    return {
        "RS256": key_file(directory, "rsa.pem", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        "ES256": key_file(directory, "ec.pem", ec.generate_private_key(ec.SECP256R1())),
    }


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_others_verify_with_the_published_keys(make: Make, keys: dict[str, str], algorithm: str) -> None:
    """Found through the metadata document (RFC 8414)."""
    gateway = with_oauth(make, signing_key_file=keys[algorithm])
    token = ask(gateway).json["access_token"]

    metadata = gateway.get("/.well-known/oauth-authorization-server")
    published = gateway.get("/oauth/jwks.json")

    assert metadata.json["issuer"] == "https://g.example.com"
    assert metadata.json["token_endpoint"] == "https://g.example.com/oauth/token"
    assert metadata.json["jwks_uri"] == "https://g.example.com/oauth/jwks.json"
    assert metadata.json["grant_types_supported"] == ["client_credentials"]
    assert published.headers.get(b"Cache-Control") == b"public, max-age=300"
    key = jwt.PyJWKSet.from_dict(published.json)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token, key, [algorithm], audience="api", issuer="https://g.example.com",
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert claims["sub"] == "acme"
    assert call(gateway, token).status == 200


def test_a_key_is_exchanged_without_a_wrong_401(make: Make, keys: dict[str, str]) -> None:
    """The one before stays published, and its tokens good, for as long as it is listed."""
    gateway = with_oauth(make, signing_key_file=keys["RS256"])
    before = ask(gateway).json["access_token"]
    oauth = gateway.configuration["auth"]["oauth"]

    changed = {**oauth, "signing_key_file": keys["ES256"], "previous_key_files": [keys["RS256"]]}
    gateway.apply(auth={"oauth": changed})

    now = ask(gateway).json["access_token"]
    assert jwt.get_unverified_header(now)["alg"] == "ES256"
    assert [key["alg"] for key in gateway.get("/oauth/jwks.json").json["keys"]] == ["ES256", "RS256"]
    assert [call(gateway, token).status for token in (before, now)] == [200, 200]

    gateway.apply(auth={"oauth": {**oauth, "signing_key_file": keys["ES256"]}})
    assert [call(gateway, token).status for token in (before, now)] == [401, 200]


@pytest.mark.parametrize("where", ["oauth", "default"])
def test_a_secret_signs_and_is_published_nowhere(make: Make, where: str) -> None:
    """HS256: one of the endpoint's own, or the one that the verifier `default` has."""
    if where == "oauth":
        gateway = with_oauth(make, secret=SECRET)
    else:
        verifier = {"algorithms": ["HS256"], "secret": SECRET, "issuer": "https://g.example.com", "audience": "api"}
        gateway = with_oauth(make, {"jwt": {"default": verifier}})
    token = ask(gateway).json["access_token"]

    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    assert call(gateway, token).status == 200
    assert gateway.get("/oauth/jwks.json").status == 404
    metadata = gateway.get("/.well-known/oauth-authorization-server").json
    assert "jwks_uri" not in metadata
    assert SECRET not in json.dumps(metadata)


def test_a_token_says_what_the_verifier_asks_for_whose_secret_signs_it(make: Make) -> None:
    """Where the endpoint is told nothing else: its tokens are accepted by the gateway itself."""
    verifier = {"algorithms": ["HS256"], "secret": SECRET, "issuer": "https://h.example.com", "audience": ["api", "b"]}
    gateway = make(
        "orders",
        routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt"}}],
        auth={"oauth": {"clients": [ACME]}, "jwt": {"default": verifier}},
    )

    token = ask(gateway).json["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == ("https://h.example.com", "api")
    assert call(gateway, token).status == 200


def test_our_own_tokens_are_not_those_of_another_verifier(make: Make) -> None:
    """A route that names an issuer of its own takes no token that any client of ours can get."""
    verifier = {"algorithms": ["HS256"], "secret": SECRET, "issuer": "https://other.example.com"}
    gateway = with_oauth(make, {"jwt": {"default": verifier}}, secret=SECRET + "2")

    assert call(gateway, ask(gateway).json["access_token"]).status == 401
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", "verifier": "oauth"}}
    gateway.apply(routes=[route])
    assert call(gateway, ask(gateway).json["access_token"]).status == 200


@pytest.mark.parametrize("issuer", ["gateway", "urn:gateway", "https://[::", "https:///gateway"])
def test_without_a_url_as_issuer_there_is_no_metadata(make: Make, issuer: str) -> None:
    """RFC 8414 section 2: the issuer is where the document is found."""
    gateway = with_oauth(make, issuer=issuer)

    assert gateway.get("/.well-known/oauth-authorization-server").status == 404
    assert call(gateway, ask(gateway).json["access_token"]).status == 200


def test_without_the_section_there_are_no_such_paths(make: Make) -> None:
    """They belong to routes then."""
    gateway = make("orders", routes=[{"path": "/*", "upstream": "orders"}])

    assert ask(gateway).body == b"ok"
    assert gateway.backend("orders").last.target == b"/oauth/token"


@pytest.mark.parametrize(
    ("oauth", "words"),
    [
        ({"clients": [{"id": "a", "secret_hash": "$argon2id$nonsense"}]}, r"auth\.oauth\.clients\[0\]\.secret_hash"),
        ({"clients": [{"id": "a", "secret_hash": "$2b$31$" + "." * 53}]}, r"clients\[0\]\.secret_hash.*cost is 31"),
        ({"clients": [{"id": "a", "secret_hash": "$2x$04$" + "." * 53}]}, r"secret_hash: expected a hash"),
        (
            {"clients": [{"id": "a", "secret_hash": "plain"}]},
            r"auth\.oauth\.clients\[0\]\.secret_hash: expected a hash",
        ),
        ({"signing_key_file": "/nowhere/key.pem"}, r"auth\.oauth\.signing_key_file: /nowhere/key\.pem: expected"),
        ({"previous_key_files": [__file__]}, r"auth\.oauth\.previous_key_files\[0\]: .*: expected a PEM private key"),
        ({"secret": ""}, "found an empty one"),
        ({"secret": SECRET, "signing_key_file": "/nowhere/key.pem"}, "one of `secret` and `signing_key_file`"),
    ],
)
def test_what_cannot_be_used_is_told_before_it_is_in_force(make: Make, oauth: dict[str, Any], words: str) -> None:
    """With the key, and without the secret or the hash."""
    with pytest.raises(ConfigError, match=words) as told:
        with_oauth(make, **oauth)

    assert "nonsense" not in str(told.value)


def test_no_secret_is_in_the_log(make: Make) -> None:
    """Nor a token, whatever was done with them."""
    gateway = with_oauth(make, clients=[{**ACME, "refresh_tokens": True}])
    answer = ask(gateway).json
    call(gateway, answer["access_token"])
    ask(gateway, client_secret="wrong-secret")
    ask(gateway, "/oauth/revoke", token=answer["access_token"])

    logged = json.dumps(gateway.logs)
    for secret in ("s3cret", "wrong-secret", answer["access_token"], answer["refresh_token"], HASH):
        assert secret not in logged
    assert gateway.logs[0]["user_id"] == "acme"


def test_ten_attempts_a_minute_for_each_client_and_address(make: Make) -> None:
    """Then 429 with what RFC 6585 asks for, on both paths; every answer says how many are left (C-21)."""
    gateway = with_oauth(make)
    for left in range(9, -1, -1):
        response = ask(gateway, client_secret="wrong")
        assert response.status == 401
        assert response.headers.get(b"X-RateLimit-Remaining") == str(left).encode()

    for path in ("/oauth/token", "/oauth/revoke"):
        response = ask(gateway, path, client_secret="wrong")
        assert (response.status, response.json["type"]) == (429, "urn:gateway:reason:limit.exceeded")
        assert response.headers.get(b"Retry-After") == b"60"
        assert response.headers.get(b"X-RateLimit-Limit") == b"10"
    assert ask(gateway, client_id="other").status == 429
    assert ask(gateway).status == 200, "a right secret passes"

    gateway.advance(61)
    assert ask(gateway, client_secret="wrong").status == 401


def test_a_secret_that_is_kept_by_bcrypt(make: Make) -> None:
    """As other servers keep it."""
    encoded = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
    gateway = with_oauth(make, clients=[{**ACME, "secret_hash": encoded}])

    assert call(gateway, ask(gateway).json["access_token"]).status == 200
    assert [ask(gateway, client_secret=secret).status for secret in ("s3cre", "s3cret!")] == [401, 401]
    assert ask(gateway, client_id="nobody").status == 401


@pytest.mark.parametrize("algorithm", ["sliding_window", "token_bucket"])
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_who_guesses_shuts_no_client_out_elsewhere(make: Make, path: str, algorithm: str) -> None:
    """Anybody knows a client's name; its right secret passes from every address, the guesser's too."""
    gateway = with_oauth(make, rate_limit={"requests": 10, "window": "60s", "algorithm": algorithm})
    for _ in range(20):
        ask(gateway, path, "198.51.100.66", client_secret="wrong")
    assert ask(gateway, path, "198.51.100.66", client_secret="wrong").status == 429

    assert ask(gateway, address="198.51.100.66").status == 200
    assert [ask(gateway, address=f"192.0.2.{number}").status for number in range(9)] == [200] * 9
    assert ask(gateway, address="192.0.2.99").status == 429, "the client's own limit is for all its addresses"


def test_clients_behind_one_address_have_ten_each(make: Make) -> None:
    """What fails counts for the address as well, whoever it names; a right secret passes."""
    gateway = with_oauth(make, clients=[ACME, {**ACME, "id": "other"}])

    assert [ask(gateway).status for _ in range(11)] == [200] * 10 + [429]
    assert [ask(gateway, client_id="other").status for _ in range(3)] == [200] * 3
    assert [ask(gateway, client_id=f"no-{number}").status for number in range(11)] == [401] * 10 + [429]
    assert ask(gateway, client_id="other", client_secret="wrong").status == 429
    assert ask(gateway, client_id="other").status == 200

    gateway.advance(61)
    assert [ask(gateway, client_id="other").status for _ in range(10)] == [200] * 10


def test_the_limit_is_as_configured(make: Make) -> None:
    """And a form that cannot be read counts for its address."""
    gateway = with_oauth(make, rate_limit={"requests": 2, "window": "1s"})

    statuses = [gateway.request("POST", "/oauth/token", FORM, b"a=1&a=2").status for _ in range(3)]

    assert statuses == [400, 400, 429]


def test_the_count_outlives_a_reload(make: Make) -> None:
    """Otherwise each reload would allow ten more."""
    gateway = with_oauth(make)
    for _ in range(10):
        ask(gateway, client_secret="wrong")

    gateway.apply(timeouts={"request": "20s"})

    assert ask(gateway, client_secret="wrong").status == 429


def test_a_revocation_that_has_no_room_is_not_said_to_be_one(make: Make) -> None:
    """503 where the deny-list is full: the client has to ask again."""
    gateway = with_oauth(make)
    token = ask(gateway).json["access_token"]
    refused = gateway.gateway.foundation.carried.get("auth revocations", Revocations)
    for number in range(MOST):
        refused.add("jti", str(number), 0.0)

    response = ask(gateway, "/oauth/revoke", token=token)

    assert (response.status, response.json["type"]) == (503, "urn:gateway:reason:auth.unavailable")


def test_endpoints_stand_at_the_server_of_the_issuer(make: Make) -> None:
    """Whatever else its URL says: what an operator wrote of a user is nobody's business."""
    gateway = with_oauth(make, issuer="https://user:word@g.example.com:8443/gateway?a=1#b")

    metadata = gateway.get("/.well-known/oauth-authorization-server").json

    assert metadata["token_endpoint"] == "https://g.example.com:8443/oauth/token"
