"""API keys end to end: made and revoked by the command, shown to gateways under twistd, kept in a file and in Redis."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests

from tests.system.backends import Backend, backend
from tests.system.gateway_process import PATIENCE, GatewayProcess, running, until
from tests.system.redis_server import RedisServer, redis_server
from tests.system.test_protocols import websocket_echo

SOON = 2.0
"""Seconds within which a revoked key is refused everywhere; a tenth of one is usual."""


@pytest.fixture(scope="module")
def origin() -> Iterator[Backend]:
    """The backend."""
    with backend() as server:
        yield server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server."""
    with redis_server(tmp_path) as server:
        yield server


def configuration(origin: Backend, store: dict[str, Any], redis: RedisServer | None = None, **auth: Any) -> Any:
    """A gateway that asks for a key; it is patient with Redis, since the tests share a machine."""
    return {
        **({} if redis is None else {"redis": {"url": redis.url, "timeout": 1}}),
        "auth": {"api_keys": {"pepper": "a pepper", **store}, **auth},
        "upstreams": [{"name": "all", "backends": [{"url": origin.url}]}],
        "routes": [{"name": "all", "path": "/*", "upstream": "all", "auth": {"type": "api_key", "scopes": ["read"]}}],
    }


def typed(gateway: GatewayProcess, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Type a command beside a running gateway."""
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "apikey", command, "--config", str(gateway.config), *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )


def ask(gateway: GatewayProcess, key: str) -> requests.Response:
    """Ask with a key."""
    return requests.get(f"{gateway.url}/name", headers={"X-API-Key": key}, timeout=PATIENCE)


def status(gateway: GatewayProcess, key: str) -> int:
    """Ask with a key, and see only whether it is good."""
    return ask(gateway, key).status_code


def seen(response: requests.Response) -> tuple[int, dict[str, str], dict[str, Any]]:
    """All that an attacker sees, but for what is another with every request."""
    fields = {name: value for name, value in response.headers.items() if name not in ("Date", "X-Request-ID")}
    return response.status_code, fields, {**response.json(), "request_id": None}


@pytest.mark.parametrize("kind", ["redis", "sql"])
def test_from_create_to_revoke(tmp_path: Path, origin: Backend, redis: RedisServer, kind: str) -> None:
    """With Redis beside it, two gateways that have let the key in refuse it at once, with ten minutes of cache left."""
    store = {"store": kind, "database": str(tmp_path / "keys.sqlite3")}
    settings = configuration(origin, store, redis, cache={"ttl": "10m"})
    gateways = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        gateways.append(GatewayProcess(tmp_path / name, **settings))
    one, other = gateways
    try:
        one.start()
        other.start()
        key = typed(one, "create", "--id", "acme", "--scope", "read").stdout.strip()
        bystander = typed(other, "create", "--id", "other", "--scope", "read").stdout.strip()
        lacking = typed(other, "create", "--id", "lacking").stdout.strip()
        assert [status(gateway, key) for gateway in (one, other, one)] == [200, 200, 200]
        assert [status(one, bystander), status(one, lacking), status(one, key + "x")] == [200, 403, 401]

        revoked = typed(one, "revoke", "acme")
        begin = time.monotonic()
        until(lambda: [status(one, key), status(other, key)] == [401, 401], "the key is still good somewhere")

        assert time.monotonic() - begin < SOON
        assert revoked.stderr == ""
        assert status(other, bystander) == 200
        assert seen(ask(one, key)) == seen(ask(one, "gw_acme_of-nobody")) == seen(ask(other, key))
        for gateway in gateways:
            assert key not in gateway.errors + gateway.access_log.read_text()
    finally:
        for gateway in gateways:
            gateway.stop()


def test_a_websocket_ends_with_its_key(tmp_path: Path, origin: Backend, redis: RedisServer) -> None:
    """Revoked by the command beside a running gateway, which hears it over Redis: closed with 1008."""

    async def talk(gateway: GatewayProcess, key: str, bystander: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{gateway.url}/echo", headers={"X-API-Key": key}) as channel,
            session.ws_connect(f"{gateway.url}/echo", headers={"X-API-Key": bystander}) as other,
        ):
            await channel.send_str("before")
            assert await channel.receive_str() == "before"
            await asyncio.to_thread(typed, gateway, "revoke", "acme")
            message = await channel.receive(timeout=PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
            assert message.extra == "the credential was revoked"
            await other.send_str("after")
            assert await other.receive_str() == "after"

    with websocket_echo() as url:
        settings = configuration(origin, {"store": "redis"}, redis)
        settings["upstreams"] = [{"name": "all", "backends": [{"url": url}]}]
        with running(tmp_path, **settings) as gateway:
            key, bystander = (
                typed(gateway, "create", "--id", name, "--scope", "read").stdout.strip() for name in ("acme", "other")
            )
            asyncio.run(talk(gateway, key, bystander))


def test_without_redis_the_cache_is_the_bound(tmp_path: Path, origin: Backend) -> None:
    """One file, a cache of a second: nobody is told, and the key is refused all the same."""
    store = {"store": "sql", "database": str(tmp_path / "keys.sqlite3")}
    with running(tmp_path, **configuration(origin, store, cache={"ttl": "1s"})) as gateway:
        key = typed(gateway, "create", "--id", "acme", "--scope", "read").stdout.strip()
        assert status(gateway, key) == 200

        assert "another 1 s: they share no Redis" in typed(gateway, "revoke", "acme").stderr
        begin = time.monotonic()
        until(lambda: status(gateway, key) == 401, "the key is still good")

        assert time.monotonic() - begin < 1.0 + SOON


def test_a_key_that_ends(tmp_path: Path, origin: Backend) -> None:
    """Is refused from then on, whatever the cache would say."""
    store = {"store": "sql", "database": str(tmp_path / "keys.sqlite3")}
    with running(tmp_path, **configuration(origin, store, cache={"ttl": "10m"})) as gateway:
        key = typed(gateway, "create", "--scope", "read", "--expires", "5s").stdout.strip()
        assert status(gateway, key) == 200

        until(lambda: status(gateway, key) == 401, "the key has no end")


def test_redis_away_and_back(tmp_path: Path, origin: Backend, redis: RedisServer) -> None:
    """Who is known passes; of others nothing can be said: 503, soon, and no 401 for a good key."""
    settings = configuration(origin, {"store": "redis"}, redis)
    with running(tmp_path, **settings) as gateway:
        key, fresh = (typed(gateway, "create", "--scope", "read").stdout.strip() for _ in range(2))
        assert status(gateway, key) == 200

        redis.pause()
        begin = time.monotonic()
        unknown = ask(gateway, fresh)
        assert time.monotonic() - begin < 1.0 + SOON
        assert (unknown.status_code, unknown.headers["Gateway-Reason"]) == (503, "auth.unavailable")
        assert status(gateway, key) == 200

        redis.resume()
        until(lambda: status(gateway, fresh) == 200, "the store is not asked again")
