"""What one instance is told about credentials, the others know: two gateways on a real Redis."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import requests

from tests.system.backends import Backend, backend
from tests.system.gateway_process import PATIENCE, GatewayProcess, running, until
from tests.system.redis_server import RedisServer, redis_server

SECRET = "a-secret-of-forty-octets-for-the-tests-only"
ADMIN = "the-admin-token"


def configuration(redis: RedisServer, origin: Backend) -> dict[str, Any]:
    """An instance that takes tokens."""
    return {
        "redis": {"url": redis.url, "timeout": 1},
        "auth": {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
        "upstreams": [{"name": "all", "backends": [{"url": origin.url}]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "jwt"}}],
    }


def status(gateway: GatewayProcess, token_id: str) -> int:
    """Ask with a token of this id."""
    token = jwt.encode({"sub": "alice", "jti": token_id, "exp": int(time.time()) // 3600 * 3600 + 7200}, SECRET)
    return requests.get(gateway.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE).status_code


def order(gateway: GatewayProcess, method: str, path: str, **body: Any) -> requests.Response:
    """Order something over the admin listener."""
    return requests.request(
        method,
        f"http://127.0.0.1:{gateway.admin_port}{path}",
        json=body or None,
        headers={"Authorization": f"Bearer {ADMIN}"},
        timeout=PATIENCE,
    )


def instance(directory: Path, name: str, settings: dict[str, Any]) -> GatewayProcess:
    """Make an instance in a directory of its own; it takes orders."""
    (directory / name).mkdir()
    gateway = GatewayProcess(directory / name)
    admin = {"endpoint": f"tcp:{gateway.admin_port}:interface=127.0.0.1", "token": ADMIN}
    gateway.configure(**settings, admin=admin)
    return gateway


def test_what_is_revoked_here_is_refused_there(tmp_path: Path) -> None:
    """Also by an instance that starts later, and after a time without Redis."""
    with redis_server(tmp_path) as redis, backend() as origin:
        settings = configuration(redis, origin)
        one, other, late = (instance(tmp_path, name, settings) for name in ("one", "other", "late"))
        try:
            one.start()
            other.start()
            assert [status(one, "t1"), status(other, "t1"), status(other, "t2")] == [200, 200, 200]

            assert order(one, "POST", "/auth/revocations", jti="t1").status_code == 200
            assert status(one, "t1") == 401
            until(lambda: status(other, "t1") == 401, "the other instance did not hear of it")
            assert status(other, "t2") == 200

            redis.kill()
            assert order(one, "POST", "/auth/revocations", jti="t2").status_code == 200
            assert status(one, "t2") == 401
            assert status(other, "t2") == 200
            redis.start()
            until(lambda: status(other, "t2") == 401, "the order was not told when Redis was back")

            late.start()
            until(lambda: [status(late, "t1"), status(late, "t2")] == [401, 401], "who comes late does not know")
        finally:
            for gateway in (one, other, late):
                gateway.stop()


def test_orders_need_the_admin_token(tmp_path: Path) -> None:
    """And without one in the configuration there are none."""
    with (
        redis_server(tmp_path) as redis,
        backend() as origin,
        running(tmp_path, **configuration(redis, origin)) as gateway,
    ):
        assert order(gateway, "DELETE", "/auth/cache").status_code == 403
