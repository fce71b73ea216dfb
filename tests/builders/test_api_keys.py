"""Where the keys of a configuration are kept, and who is told about them."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred

from gateway.builders.api_keys import announce, managed_keys, memory_keys, pepper, shared_redis
from gateway.config import Settings, from_mapping
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
