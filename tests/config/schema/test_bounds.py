"""Times and sizes of the whole gateway."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.config import Settings

Load = Callable[..., Settings]
Complaints = Callable[..., list[str]]


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://u:p@cache.example.com/3", "redis+sentinel://a,b/primary/0"]
)
def test_a_redis_url_of_each_kind(load_text: Load, url: str) -> None:
    """Taken as it is written."""
    redis = load_text(f"redis: {{url: '{url}'}}").redis

    assert redis is not None
    assert redis.url == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379", "redis://u:@", "redis://h:port", "redis://h/database"])
def test_what_is_no_redis_url_is_told_by_its_place(complaints: Complaints, url: str) -> None:
    """Before a connection is tried; there may be a password in it, so that it is not quoted."""
    (line,) = complaints(f"redis:\n  url: '{url}'")

    assert line.startswith("gateway.yaml:2:8: redis.url: expected")
    assert url not in line
