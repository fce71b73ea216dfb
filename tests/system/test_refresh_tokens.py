"""Refresh tokens in a real Redis: one use over all instances, an end, and nothing that could be used in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.system.gateway_process import PATIENCE, GatewayProcess, running, until
from tests.system.redis_server import RedisServer, redis_server

SECRET = "s3cret"


def configuration(redis: RedisServer, key: Path) -> dict[str, Any]:
    """An instance that keeps refresh tokens in Redis."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "hash-secret"],
        input=SECRET, capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    client = {"id": "acme", "secret_hash": done.stdout.strip(), "scopes": ["read"], "refresh_tokens": True}
    oauth = {"clients": [client], "refresh_store": "redis", "refresh_expires_in": "1h", "signing_key_file": str(key)}
    return {
        "redis": {"url": redis.url, "timeout": 2},
        "auth": {"oauth": oauth},
        "upstreams": [{"name": "all", "backends": [{"url": "http://127.0.0.1:9"}]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "jwt"}}],
    }


def ask(gateway: GatewayProcess, path: str = "/oauth/token", **form: str) -> requests.Response:
    """Send a form as the client."""
    return requests.post(gateway.url + path, {"client_id": "acme", "client_secret": SECRET, **form}, timeout=PATIENCE)


def key_file(directory: Path) -> Path:
    """A key that both instances sign with."""
    file = directory / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def test_two_instances_share_refresh_tokens_and_revocations(tmp_path: Path) -> None:
    """One use in all, a second ends the family; what is revoked here is refused there; without Redis it is a 503."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with redis_server(tmp_path) as redis:
        settings = configuration(redis, key_file(tmp_path))
        with running(tmp_path / "a", **settings) as one, running(tmp_path / "b", **settings) as other:
            first = ask(one, grant_type="client_credentials").json()
            kept = redis.say("KEYS", "*")
            assert b"gateway:refresh:" in kept
            assert first["refresh_token"].encode() not in kept
            key = kept.split(b"\r\n")[2].decode()
            assert 3_590_000 < int(redis.say("PTTL", key).strip(b":\r\n")) <= 3_600_000

            second = ask(other, grant_type="refresh_token", refresh_token=first["refresh_token"])
            assert second.status_code == 200
            again = ask(one, grant_type="refresh_token", refresh_token=first["refresh_token"])
            assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
            thief = ask(one, grant_type="refresh_token", refresh_token=second.json()["refresh_token"])
            assert (thief.status_code, thief.json()["error"]) == (400, "invalid_grant")
            assert b"gateway:refresh:" not in redis.say("KEYS", "*")

            def call(gateway: GatewayProcess) -> int:
                fields = {"Authorization": f"Bearer {first['access_token']}"}
                return requests.get(f"{gateway.url}/name", headers=fields, timeout=PATIENCE).status_code

            assert [call(one), call(other)] == [502, 502]  # nobody is behind it: it was let through
            assert ask(other, "/oauth/revoke", token=first["access_token"]).status_code == 200
            assert call(other) == 401
            until(lambda: call(one) == 401, "the other instance does not hear of it")

            redis.kill()
            lost = ask(one, grant_type="client_credentials")
            assert (lost.status_code, lost.json()["type"]) == (503, "urn:gateway:reason:auth.unavailable")
            redis.start()
