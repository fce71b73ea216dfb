"""The files in `etc`: they are loaded by people before anything else is read."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.config import Settings, catalog, load
from gateway.config.schema.admission import AdaptiveConcurrency, Queue
from gateway.config.schema.bounds import Redis
from gateway.config.schema.resilience import CircuitBreaker, HealthCheck, Hedge, Retry

ETC = Path(__file__).parents[2] / "etc"


def test_the_sample_runs_as_it_is() -> None:
    """With no environment, in front of the two demo backends."""
    settings = load(ETC / "gateway.yaml", {})

    assert [(route.pattern, route.upstreams[0].name) for route in settings.routes] == [
        ("/api/users/*", "users"),
        ("/api/orders/*", "orders"),
        ("/api/any/*", "any"),
    ]
    assert settings.admin.metrics_public


def test_the_full_file_has_every_key() -> None:
    """Commented out where this version lacks the feature."""
    text = (ETC / "gateway.full.yaml").read_text()
    words = set(re.findall(r"[a-z0-9_]+(?=:)", text))

    assert {key.name for key in catalog.walk()} - words == set()


def test_the_full_file_says_what_is_in_force_without_it() -> None:
    """Every key at its default, but for the examples of an upstream and a route."""
    settings = load(ETC / "gateway.full.yaml", {})

    assert settings.model_copy(update={"upstreams": (), "routes": ()}) == Settings()
    (upstream,) = settings.upstreams
    assert upstream.model_dump(exclude_defaults=True, exclude={"name", "backends", "pool", "tls"}) == {}
    assert upstream.pool == type(upstream.pool)()
    assert upstream.tls == type(upstream.tls)()


def test_the_full_file_is_right_in_its_comments_too(tmp_path: Path) -> None:
    """What begins with `#:` loads once the features are there."""
    file = tmp_path / "gateway.yaml"
    file.write_text(re.sub("^#:", "", (ETC / "gateway.full.yaml").read_text(), flags=re.MULTILINE))

    settings = load(file, {}, supported_only=False)

    (upstream,), (route,) = settings.upstreams, settings.routes
    assert upstream.health_check == HealthCheck()
    assert upstream.circuit_breaker == CircuitBreaker() == settings.circuit_breaker
    assert (route.retry, route.hedge) == (Retry(), Hedge())
    assert settings.redis == Redis()
    assert settings.limits.queue == Queue() == upstream.queue == route.queue
    assert upstream.adaptive_concurrency == AdaptiveConcurrency()
