"""What `redis.url` says."""

from __future__ import annotations

import pytest

from gateway.config.redis_url import RedisAddress, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://10.0.0.1", RedisAddress((("10.0.0.1", 6379),))),
        ("redis://Straße.example", RedisAddress((("xn--strae-oqa.example", 6379),))),
        ("redis://cache:7000/5", RedisAddress((("cache", 7000),), database=5)),
        ("redis://[fd00::1]:7000/", RedisAddress((("fd00::1", 7000),))),
        ("redis://:p%40ss%2Fw@cache/1", RedisAddress((("cache", 6379),), password="p@ss/w", database=1)),
        ("rediss://me:secret@cache", RedisAddress((("cache", 6379),), "me", "secret", tls=True)),
        ("redis+cluster://a,b:1", RedisAddress((("a", 6379), ("b", 1)), cluster=True)),
        ("rediss+cluster://:s@a/0", RedisAddress((("a", 6379),), password="s", tls=True, cluster=True)),
        ("redis+sentinel://a,b:1/main", RedisAddress((("a", 26379), ("b", 1)), master="main")),
        (
            "rediss+sentinel://me:s@a/my%20main/3",
            RedisAddress((("a", 26379),), "me", "s", database=3, tls=True, master="my main"),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, address: RedisAddress) -> None:
    """Host, port, database, user and password; for sentinels, the name of the master."""
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://cache",
        "redis://",
        "redis:///0",
        "redis://☃.example",
        "redis://xn--a.example",
        "redis://cache/zero",
        "redis://cache/0/1",
        "redis://a,b/0",
        "redis+cluster://a,b/1",
        "redis://cache:0",
        "redis://cache:70000",
        "redis+sentinel://a",
        "redis+sentinel://a/",
        "redis://cache?timeout=1",
        "redis://hunter2@cache",
        "redis://me:hunter2@cache/zero",
    ],
)
def test_what_is_none_is_refused_without_being_repeated(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError) as caught:
        parse_redis_url(url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["redis://:hunter2@x@cache/0", "redis://hunter2@cache"])
def test_a_password_that_is_not_encoded_is_told_how_to_be(url: str) -> None:
    """It is there, and it begins as it should."""
    with pytest.raises(ValueError, match="percent-encoded"):
        parse_redis_url(url)


def test_an_address_is_shown_without_its_password() -> None:
    """In the log, and where it is looked at."""
    address = parse_redis_url("redis://me:hunter2@[fd00::1]:7000/5")

    assert str(address) == "[fd00::1]:7000"
    assert "hunter2" not in repr(address)
    assert str(parse_redis_url("redis+sentinel://a,b:1/main")) == "main of a:26379,b:1"
