from __future__ import annotations

from typing import Any

import pytest

from gateway.config import from_mapping
from gateway.config.doubts.telemetry import levels, modules, receivers


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gateway.upstrem", ", did you mean `gateway.upstream`?"),
        ("gatway.upstream", ", did you mean `gateway.upstream`?"),
        ("gateway.nothing.like.it", ""),
    ],
)
def test_a_level_of_a_module_that_there_is_not(name: str, said: str) -> None:
    """It would silence, or show, nothing."""
    [(steps, words)] = levels(from_mapping({"log": {"levels": {name: "debug"}}}).log)

    assert (steps, words) == (("log", "levels", name), f"no module of the gateway has this name{said}")


@pytest.mark.parametrize("name", ["gateway", "gateway.upstream", "gateway.config.doubts.common", "twisted", "mine.x"])
def test_modules_and_what_is_of_others_are_not_doubted(name: str) -> None:
    """A plugin's names are its own."""
    assert list(levels(from_mapping({"log": {"levels": {name: "debug"}}}).log)) == []


def test_every_module_is_known() -> None:
    """Packages too."""
    assert {"gateway", "gateway.routing", "gateway.routing.table"} <= modules()


@pytest.mark.parametrize(
    ("said", "key", "words"),
    [
        ({"log_shipping": {"format": "loki", "url": "http://h:3100/"}}, "url", "/loki/api/v1/push"),
        ({"log_shipping": {"format": "otlp", "url": "http://h:4318"}}, "url", "/v1/logs"),
        ({"log_shipping": {"format": "elasticsearch", "url": "http://h:9200/logs"}}, "url", "/_bulk"),
        ({"tracing": {"endpoint": "http://h:4318"}}, "endpoint", "`tracing.exporter` is `none`"),
        ({"tracing": {"exporter": "zipkin", "endpoint": "http://h:9411"}}, "endpoint", "/api/v2/spans"),
        ({"tracing": {"exporter": "otlp", "endpoint": "http://h/v1/traces/"}}, "endpoint", "would be there twice"),
    ],
)
def test_an_address_where_nothing_is_taken(said: dict[str, Any], key: str, words: str) -> None:
    """Each answers 404, and everything is lost: better said before."""
    [(steps, found)] = receivers(from_mapping(said))

    assert steps == (next(iter(said)), key)
    assert words in found


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"log_shipping": {"format": "ndjson", "url": "http://h/"}},
        {"log_shipping": {"format": "loki", "url": "http://h/loki/api/v1/push?x=1"}},
        {"log_shipping": {"format": "elasticsearch", "url": "http://h/logs/_bulk?pipeline=x"}},
        {"log_shipping": {"format": "otlp", "url": "http://h/api/otlp/v1/logs"}},
        {"tracing": {"exporter": "otlp", "endpoint": "http://h/otlp"}},
        {"tracing": {"exporter": "zipkin", "endpoint": "http://h/api/v2/spans"}},
        {"tracing": {"exporter": "otlp"}},
    ],
)
def test_other_addresses_are_not_doubted(said: dict[str, Any]) -> None:
    """Receivers behind a proxy have paths of their own."""
    assert list(receivers(from_mapping(said))) == []
