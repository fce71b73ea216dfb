"""Tokens end to end: a client library, a twistd process, a backend; and other authorities on real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import jwt
import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests import pki
from tests.system.authority import Authority, authority_server
from tests.system.backends import Backend, backend
from tests.system.gateway_process import PATIENCE, GatewayProcess, running, until

SECRET = "a secret with: odd &characters=100%"


@pytest.fixture(scope="module")
def secret_hash() -> str:
    """What the command makes of the secret."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "hash-secret"],
        input=SECRET,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def origin() -> Iterator[Backend]:
    """The backend."""
    with backend() as server:
        yield server


def configuration(origin: Backend, secret_hash: str, auth: dict[str, Any] | None = None, **oauth: Any) -> Any:
    """A gateway that gives tokens, and asks for the scope `read`."""
    clients = [{"id": "acme", "secret_hash": secret_hash, "scopes": ["read", "write"]}]
    return {
        "auth": {"oauth": {"issuer": "https://g.example.com", "clients": clients, **oauth}, **(auth or {})},
        "upstreams": [{"name": "all", "backends": [{"url": origin.url}]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "jwt", "scopes": ["read"]}}],
    }


@pytest.fixture
def gateway(tmp_path: Path, origin: Backend, secret_hash: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A gateway that gives tokens."""
    # The library asks for https, and takes no other scope than asked for, unless it is told not to.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")
    with running(tmp_path, **configuration(origin, secret_hash)) as process:
        yield process


def logs(gateway: GatewayProcess, count: int) -> list[dict[str, Any]]:
    """The access log, once it has so many lines."""
    found: list[dict[str, Any]] = until(
        lambda: gateway.access_log.exists() and len(gateway.logs) >= count and gateway.logs, "the log is not written"
    )
    return found


def session(scope: list[Any] | None = None) -> OAuth2Session:
    """What a client calls with."""
    return OAuth2Session(client=BackendApplicationClient("acme", scope=scope))


def fetch(gateway: GatewayProcess, client: OAuth2Session, secret: str = SECRET, **how: Any) -> dict[str, Any]:
    """Have the library get a token."""
    token: dict[str, Any] = client.fetch_token(f"{gateway.url}/oauth/token", client_secret=secret, timeout=5, **how)
    return token


def ask(gateway: GatewayProcess, path: str = "/oauth/token", secret: str = SECRET, **form: str) -> requests.Response:
    """Send a form without the library."""
    form = {"client_id": "acme", "client_secret": secret, "grant_type": "client_credentials", **form}
    return requests.post(gateway.url + path, form, timeout=5)


def test_a_client_library_gets_a_token_and_uses_it(gateway: GatewayProcess) -> None:
    """In the form, and by Basic as RFC 6749 encodes it; with the scope that it asked for."""
    client = session(["read"])
    assert fetch(gateway, client, include_client_id=True)["token_type"] == "Bearer"
    assert client.get(f"{gateway.url}/name", timeout=5).text == "backend"

    client = session()
    token = fetch(gateway, client, auth=HTTPBasicAuth("acme", quote_plus(SECRET)))
    assert (token["scope"], token["expires_in"]) == (["read", "write"], 3600)
    assert client.get(f"{gateway.url}/name", timeout=5).text == "backend"
    assert {record["user_id"] for record in logs(gateway, 4)} == {"acme"}


def test_a_wrong_secret_and_an_unknown_client_get_none(gateway: GatewayProcess) -> None:
    """The library understands why."""
    with pytest.raises(InvalidClientError):
        fetch(gateway, session(), "wrong", include_client_id=True)
    with pytest.raises(InvalidClientError):
        OAuth2Session(client=BackendApplicationClient("nobody")).fetch_token(
            f"{gateway.url}/oauth/token", client_secret=SECRET, include_client_id=True
        )
    assert requests.get(f"{gateway.url}/name", timeout=5).status_code == 401


def test_scopes_are_narrowed(gateway: GatewayProcess) -> None:
    """The library hears what it got; a route that asks for another answers 403."""
    client = session(["write", "admin"])
    assert fetch(gateway, client, include_client_id=True)["scope"] == ["write"]
    assert client.get(f"{gateway.url}/name", timeout=5).status_code == 403
    with pytest.raises(InvalidScopeError):
        fetch(gateway, session(["admin"]), include_client_id=True)


def test_a_revoked_token_opens_nothing(gateway: GatewayProcess) -> None:
    """RFC 7009, from the next request on."""
    client = session(["read"])
    token = fetch(gateway, client, include_client_id=True)["access_token"]
    assert client.get(f"{gateway.url}/name", timeout=5).status_code == 200

    assert ask(gateway, "/oauth/revoke", token=token).status_code == 200

    assert client.get(f"{gateway.url}/name", timeout=5).status_code == 401


def test_another_service_verifies_by_the_published_keys(gateway: GatewayProcess) -> None:
    """PyJWT fetches them, as it does from any issuer."""
    token = fetch(gateway, session(), include_client_id=True)["access_token"]

    key = jwt.PyJWKClient(f"{gateway.url}/oauth/jwks.json").get_signing_key_from_jwt(token)

    assert jwt.decode(token, key, ["ES256"], issuer="https://g.example.com")["client_id"] == "acme"


def test_ten_attempts_a_minute(gateway: GatewayProcess) -> None:
    """Failed ones as well; then 429, and Retry-After says until when; a right secret passes all the same."""
    for left in range(9, -1, -1):
        response = ask(gateway, secret="wrong")
        assert (response.status_code, response.headers["X-RateLimit-Remaining"]) == (401, str(left))

    response = ask(gateway, secret="wrong")

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.json()["type"] == "urn:gateway:reason:limit.exceeded"
    assert ask(gateway).status_code == 200
    assert "wrong" not in json.dumps(logs(gateway, 12))


def test_nobody_waits_while_secrets_are_compared(gateway: GatewayProcess) -> None:
    """Argon2 has threads of its own: other requests go on meanwhile."""
    token = fetch(gateway, session(), include_client_id=True)["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    client = requests.Session()
    client.get(f"{gateway.url}/name", headers=headers, timeout=5)
    wrong = [threading.Thread(target=ask, args=(gateway,), kwargs={"secret": f"wrong-{n}"}) for n in range(6)]
    for thread in wrong:
        thread.start()

    times = []
    while any(thread.is_alive() for thread in wrong):
        begun = time.monotonic()
        assert client.get(f"{gateway.url}/name", headers=headers, timeout=5).status_code == 200
        times.append(time.monotonic() - begun)

    compared = [
        record["response_time_ms"] for record in logs(gateway, len(times) + 8) if record["route"] == "oauth.token"
    ]
    assert sorted(times)[len(times) // 2] * 1000 < max(compared) / 2


def test_a_token_ends(tmp_path: Path, origin: Backend, secret_hash: str) -> None:
    """So many seconds after it was made as its life has."""
    verifier = {"algorithms": ["HS256"], "secret": "s" * 40, "leeway": 0}
    with running(
        tmp_path, **configuration(origin, secret_hash, {"jwt": {"default": verifier}}, expires_in=2)
    ) as gateway:

        def call(token: str) -> int:
            return requests.get(
                f"{gateway.url}/name", headers={"Authorization": f"Bearer {token}"}, timeout=5
            ).status_code

        def taken() -> str | None:
            token: str = ask(gateway).json()["access_token"]
            return token if call(token) == 200 else None  # a busy machine may take longer than its life

        token = until(taken, "no token is taken")
        until(lambda: call(token) == 401, "the token does not end")


@pytest.fixture
def authority() -> Iterator[Authority]:
    """An authority in a thread."""
    with authority_server() as server:
        yield server


@pytest.mark.parametrize("way", ["introspection", "forward"])
def test_another_authority_decides(tmp_path: Path, origin: Backend, authority: Authority, way: str) -> None:
    """It lets in, turns away, is slow, and dies; nobody gets in who should not."""
    settings = {"url": f"{authority.url}/verify", "timeout": 0.5}
    if way == "introspection":
        settings |= {"client_id": "gateway", "client_secret": "s"}
    route = {"name": "all", "path": "/*", "upstream": "all", "auth": {"type": way}}
    configuration = {
        "auth": {way: {"default": settings}, "cache": {"ttl": 0, "negative_ttl": 0}},
        "upstreams": [{"name": "all", "backends": [{"url": origin.url}]}],
        "routes": [route],
    }
    with running(tmp_path, **configuration) as gateway:

        def call(token: str) -> requests.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return requests.get(f"{gateway.url}/name?a=1", headers=headers, timeout=5, allow_redirects=False)

        assert call("good").text == "backend"
        assert logs(gateway, 1)[0]["user_id"] == ("user-7" if way == "introspection" else "/name?a=1")
        no = call("bad")
        assert (no.status_code, no.text) == (302, "log in") if way == "forward" else no.status_code == 401

        authority.delay = 2.0
        begun = time.monotonic()
        assert call("good").status_code == 503
        assert 0.4 < time.monotonic() - begun < 1.5
        authority.delay = 0.0
        assert call("good").status_code == 200

        authority.die()
        assert call("good").status_code == 503
        assert logs(gateway, 5)[-1]["reason"] == "auth.unavailable"


@pytest.mark.parametrize("trusted", [True, False])
def test_an_authority_is_asked_over_tls(tmp_path: Path, origin: Backend, trusted: bool) -> None:
    """By whom `ca` trusts; where it is somebody else nobody gets in, and it is shown no token."""
    issuer = pki.Authority()
    certificate = issuer.write_identity(tmp_path / "server.pem", "127.0.0.1")
    ca = (issuer if trusted else pki.Authority("Another CA")).write(tmp_path / "ca.pem")
    route = {"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "forward"}}
    with authority_server(certificate) as authority:
        configuration = {
            "auth": {"forward": {"default": {"url": f"{authority.url}/verify", "ca": str(ca)}}},
            "upstreams": [{"name": "all", "backends": [{"url": origin.url}]}],
            "routes": [route],
        }
        with running(tmp_path, **configuration) as gateway:
            headers = {"Authorization": "Bearer good"}
            response = requests.get(f"{gateway.url}/name", headers=headers, timeout=PATIENCE)

    assert response.status_code == (200 if trusted else 503)
