"""Redis out of settings: one store for all that name the same, and wrong files told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.composition.builders.storage import redis_store
from gateway.config.schema.bounds import Redis
from gateway.config.schema.upstreams import BackendTLS
from gateway.dialling.tls_errors import TLSSettingsError
from gateway.testing import Harness


def test_the_same_settings_are_the_same_store() -> None:
    """Defaults are settings too."""
    foundation = Harness("orders").gateway.foundation
    store = redis_store(None, foundation)

    assert redis_store(Redis(), foundation) is store
    assert redis_store(Redis(pool=2), foundation) is not store


def test_a_store_that_nobody_reaches_is_down() -> None:
    """Once it was tried; the metrics say so."""
    harness = Harness("orders")
    store = redis_store(None, harness.gateway.foundation)
    harness.gateway.foundation.carried.commit()
    failed: list[object] = []
    store.command("PING").addErrback(failed.append)
    harness.advance(2)

    assert failed
    assert not store.available
    assert harness.metric("gateway_store_up", store="redis") == 0
    assert harness.metric("gateway_store_failures_total", store="redis", reason="down") == 1


def test_an_authority_that_is_not_there_is_told_when_it_is_built(tmp_path: Path) -> None:
    """Not when the first connection is made."""
    settings = Redis(url="rediss://cache", tls=BackendTLS(ca=str(tmp_path / "none.pem")))

    with pytest.raises(TLSSettingsError):
        redis_store(settings, Harness("orders").gateway.foundation)


def shown(harness: Harness) -> list[str]:
    """The series about whether the store is up."""
    harness.advance(1)
    _, text = harness.gateway.foundation.metrics.exposition(b"", harness.now())
    return [line for line in text.decode().splitlines() if line.startswith("gateway_store_up")]


def test_a_store_that_is_in_use_no_more_is_not_down() -> None:
    """Nobody is to be woken by it."""
    limited = [{"path": "/*", "upstream": "orders", "rate_limit": {"requests": 5, "window": 60}}]
    harness = Harness(rate_limit_store="redis", routes=limited)
    assert shown(harness) == ['gateway_store_up{store="redis"} 0']

    harness.apply(rate_limit_store="memory")

    assert shown(harness) == []


def test_a_build_that_fails_changes_nothing_of_what_is_shown() -> None:
    """Its store never was in force."""
    harness = Harness()
    foundation = harness.gateway.foundation
    foundation.carried.begin()
    redis_store(None, foundation)
    foundation.carried.roll_back()

    assert shown(harness) == []
