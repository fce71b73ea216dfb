"""Settings of API keys into where they are kept and what looks for them."""

from __future__ import annotations

from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from twisted.logger import Logger

from gateway.composition.builders.storage import redis_store, sql_keys
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.problems import unusable
from gateway.config.schema.auth import ApiKey, ApiKeys
from gateway.config.schema.bounds import Redis
from gateway.identity.api_keys import KeyRecord, KeyStore, ManagedKeyStore, digester
from gateway.identity.orders import Order
from gateway.middleware.api_key import ApiKeyAuthenticator
from gateway.storage.errors import StoreUnavailable
from gateway.storage.key_memory import MemoryKeys
from gateway.storage.shared_orders import CHANNEL, REFUSED

if TYPE_CHECKING:
    from gateway.storage.sql_driver import SqlDriver

_log = Logger()

ANNOUNCED = 86_400.0
"""Seconds for which instances hear of a key that was revoked by the command."""


def api_key_authenticator(
    settings: Settings, foundation: Foundation, leaves_tokens: bool = False
) -> ApiKeyAuthenticator:
    """Make what looks for API keys; one serves all routes of a configuration.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        leaves_tokens: Whether a bearer token that may be a JWT is left to the ways beside this one.
    """
    assert settings.auth is not None and settings.auth.api_keys is not None  # `config.references` has seen to it
    keys = settings.auth.api_keys
    plain = ", ".join(key.id for key in keys.keys if key.key is not None)
    if plain:
        _log.warn("API keys stand in the configuration as they are, not as hashes: {ids}", ids=plain)
    if keys.keys and keys.store != "memory":
        _log.warn("auth.api_keys.keys are for the memory store: nobody looks at them in {store}", store=keys.store)
    store: KeyStore = memory_keys(keys) if keys.store == "memory" else managed_keys(settings, keys, foundation)
    return ApiKeyAuthenticator(
        store,
        digester(pepper(keys)),
        keys.header,
        keys.query,
        foundation.wall_clock,
        keys.scheme,
        leaves_tokens and keys.as_bearer,
    )


def managed_keys(
    settings: Settings, keys: ApiKeys, foundation: Foundation, patience: float | None = None
) -> ManagedKeyStore:
    """Return the store in Redis or SQL, the one of the configuration before where it is the same.

    Args:
        settings: The configuration.
        keys: Its section of API keys.
        foundation: What it is built on.
        patience: Seconds that a database has for an answer; None for what a request waits.
    """
    if keys.store == "redis":
        from gateway.storage.key_redis import RedisKeys

        return RedisKeys(redis_store(settings.redis, foundation), keys.prefix)
    return sql_keys(_driver(settings, keys), foundation, patience)


def _driver(settings: Settings, keys: ApiKeys) -> SqlDriver:
    """Find the module that asks the database.

    Raises:
        ConfigError: It cannot be used.
    """
    from gateway.storage.sql_driver import DriverUnusable, SqlDriver, sqlite

    if keys.driver == "sqlite3":
        return sqlite(keys.database)
    try:
        return SqlDriver(keys.driver, {name: value.get_secret_value() for name, value in keys.connect.items()})
    except DriverUnusable as error:
        raise unusable("auth.api_keys.driver", str(error)) from None


def shared_redis(settings: Settings) -> Redis | None:
    """Return the Redis over which instances tell each other about credentials, None where they do not."""
    keys = None if settings.auth is None else settings.auth.api_keys
    # `store: redis` without a `redis` section means Redis at its default address.
    return (
        Redis.unwritten() if settings.redis is None and keys is not None and keys.store == "redis" else settings.redis
    )


async def announce(settings: Settings, foundation: Foundation, key_id: str) -> bool:
    """Have all instances refuse a key that was revoked, and close its tunnels; False where they cannot be told.

    For a day: from then on the store is enough, which says at every look-up that the key is revoked.
    """
    redis = shared_redis(settings)
    if redis is None:
        return False
    order = Order(True, "key_id", key_id, foundation.wall_clock() + ANNOUNCED)
    try:
        store = redis_store(redis, foundation)
        # Instances that do not hear the message read it there later, as `gateway.storage.shared_orders` does.
        await store.command(b"ZADD", REFUSED, str(order.until), order.encode())
        await store.publish(CHANNEL, order.encode())
    except StoreUnavailable:
        return False
    return True


def memory_keys(keys: ApiKeys) -> MemoryKeys:
    """Make the store of the keys that stand in the configuration."""
    return MemoryKeys(_record(key) for key in keys.keys)


def digests(keys: ApiKeys | None) -> dict[str, bytes]:
    """Return the digests of the keys that stand in the configuration, by id; of another store none."""
    return {} if keys is None or keys.store != "memory" else {key.id: _record(key).digest for key in keys.keys}


def pepper(keys: ApiKeys) -> bytes:
    """Return the pepper; none for keys in the configuration, whose hashes are made with other tools."""
    if keys.pepper is None or keys.store == "memory":
        return b""
    return keys.pepper.get_secret_value().encode()


def _record(key: ApiKey) -> KeyRecord:
    if key.key is not None:
        digest = sha256(key.key.get_secret_value().encode()).digest()
    else:
        assert key.hash is not None
        digest = bytes.fromhex(key.hash.removeprefix("sha256:"))
    expires = inf if key.expires is None else key.expires
    return KeyRecord(key.id, digest, key.user or key.id, frozenset(key.roles), frozenset(key.scopes), expires)
