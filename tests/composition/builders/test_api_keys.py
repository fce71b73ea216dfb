"""Where the keys of a configuration are kept, and who is told about them."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.logger import capturedLogs, formatEvent

from gateway.composition.builders.api_keys import (
    announce,
    api_key_authenticator,
    managed_keys,
    memory_keys,
    pepper,
    shared_redis,
)
from gateway.config import ConfigError, Settings, from_mapping
from gateway.config.effective import as_yaml
from gateway.config.schema.auth import ApiKeys
from gateway.identity.api_keys import digester
from gateway.storage.key_redis import RedisKeys
from gateway.storage.key_sql import SqlKeys
from gateway.testing import Harness


def configured(redis: dict[str, Any] | None = None, **keys: Any) -> tuple[Settings, ApiKeys]:
    """A configuration, and its keys."""
    settings = from_mapping({"auth": {"api_keys": keys}, **({} if redis is None else {"redis": redis})})
    assert settings.auth is not None
    assert settings.auth.api_keys is not None
    return settings, settings.auth.api_keys


def test_keys_of_the_configuration_are_found_by_hash_whichever_way_they_are_written() -> None:
    """The key itself, or its hash in either case; a key without a user is its id."""
    hashed = sha256(b"two").hexdigest()
    _, keys = configured(
        keys=[{"id": "one", "key": "one"}, {"id": "two", "hash": f"sha256:{hashed.upper()}", "user": "Two Ltd"}]
    )
    store = memory_keys(keys)

    users = [record and record.user for record in (store.find(sha256(key).digest()) for key in (b"one", b"two", b"x"))]
    assert users == ["one", "Two Ltd", None]


def test_a_pepper_is_for_stores_of_our_own() -> None:
    """Hashes in a configuration are made with other tools: `sha256sum` knows of none."""
    _, memory = configured(pepper="p", keys=[{"id": "one", "key": "one"}])
    _, redis = configured(pepper="p", store="redis")

    assert digester(pepper(memory))(b"k") == sha256(b"k").digest()
    assert digester(pepper(redis))(b"k") == hmac.digest(b"p", b"k", "sha256")
    assert "p" not in repr(redis.pepper)


@pytest.mark.parametrize(("kind", "made"), [("redis", RedisKeys), ("sql", SqlKeys)])
def test_where_they_are_kept(kind: str, made: type[Any]) -> None:
    """As `store` says."""
    settings, keys = configured(store=kind)

    assert isinstance(managed_keys(settings, keys, Harness().gateway.foundation), made)


def test_a_reload_keeps_the_database_open() -> None:
    """Another file is another one."""
    foundation = Harness().gateway.foundation
    foundation.carried.stopService()  # nothing is opened: a database has threads, and those need a real reactor
    settings, keys = configured(store="sql", database="a")
    first = managed_keys(settings, keys, foundation)
    foundation.carried.commit()

    assert managed_keys(*configured(store="sql", database="a"), foundation) is first
    assert managed_keys(*configured(store="sql", database="b"), foundation) is not first


def test_a_module_that_asks_another_database() -> None:
    """With all that it connects with, as it was written; nothing of that can be read anywhere else."""
    options = {"host": "db", "port": 5433, "password": "12345", "autocommit": True}
    settings, keys = configured(store="sql", driver="tests.storage.other_sql", connect=options)
    store = managed_keys(settings, keys, Harness().gateway.foundation)

    assert isinstance(store, SqlKeys)
    assert store._driver.options == options
    assert "12345" not in repr(settings) + as_yaml(settings)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"driver": "no_such_module", "connect": {"host": "db"}}, "found none that is called no_such_module"),
        ({"driver": "json", "connect": {"host": "db"}}, "expected a DB-API 2.0 module"),
        ({"driver": "psycopg"}, "expected `connect` for psycopg, found none"),
        ({"driver": "psycopg", "database": "a", "connect": {"host": "db"}}, "found `database`"),
        ({"connect": {"host": "a-secret"}}, "expected a `database` for sqlite3"),
        ({"driver": "rm -rf"}, "expected the name of a Python module"),
    ],
)
def test_a_module_that_cannot_be_used_is_told(keys: dict[str, Any], words: str) -> None:
    """With the configuration, not by the first caller; secrets are not repeated."""
    with pytest.raises(ConfigError) as told:
        managed_keys(*configured(store="sql", **keys), Harness().gateway.foundation)

    assert words in str(told.value)
    assert "a-secret" not in str(told.value)


def test_keys_that_stand_there_as_they_are_are_warned_about() -> None:
    """By id: they are for trying things out."""
    settings, _ = configured(keys=[{"id": "one", "key": "one-secret"}, {"id": "two", "hash": "sha256:" + "0" * 64}])
    foundation = Harness().gateway.foundation
    with capturedLogs() as events:
        api_key_authenticator(settings, foundation)

    (text,) = [formatEvent(event) for event in events]
    assert text == "API keys stand in the configuration as they are, not as hashes: one"


@pytest.mark.parametrize("kind", ["redis", "sql"])
def test_keys_that_no_store_looks_at_are_warned_about(kind: str) -> None:
    """Somebody waits for them to work."""
    settings, _ = configured(store=kind, keys=[{"id": "two", "hash": "sha256:" + "0" * 64}])
    foundation = Harness().gateway.foundation
    with capturedLogs() as events:
        api_key_authenticator(settings, foundation)

    (text,) = [formatEvent(event) for event in events]
    assert text == f"auth.api_keys.keys are for the memory store: nobody looks at them in {kind}"


def test_a_prefix_tells_gateways_on_one_redis_apart() -> None:
    """Within the hash tag that keeps both hashes on one node of a cluster."""
    settings, keys = configured(store="redis", prefix="blue")
    store = managed_keys(settings, keys, Harness().gateway.foundation)

    assert isinstance(store, RedisKeys)
    assert (store._keys, store._ids) == ("blue:{apikeys}:by-digest", "blue:{apikeys}:by-id")


def test_instances_tell_each_other_over_redis() -> None:
    """The one that is configured; who keeps keys in Redis has one in any case."""
    named, _ = configured({"url": "redis://127.0.0.1:7000/0"}, store="sql")
    kept, _ = configured(store="redis")
    alone, _ = configured(store="sql")

    found = [redis and redis.url for redis in map(shared_redis, (named, kept, alone))]
    assert found == ["redis://127.0.0.1:7000/0", "redis://127.0.0.1:6379/0", None]


def test_nobody_is_told_without_redis() -> None:
    """And that is said."""
    settings, _ = configured(store="sql")
    told: list[bool] = []
    ensureDeferred(announce(settings, Harness().gateway.foundation, "acme")).addCallback(told.append)

    assert told == [False]
