from __future__ import annotations

from gateway.config import jsonschema
from gateway.config.schema.routes import Route, SharedRoute
from gateway.config.schema.shared import can_be_off
from gateway.config.schema.upstreams import SharedUpstream, Upstream


def test_what_holds_a_section_and_may_be_absent_can_be_off() -> None:
    """A number cannot, nor what a key that takes a name could be called."""
    assert {"auth", "retry", "rate_limit", "cors", "queue"} <= can_be_off(Route) == can_be_off(SharedRoute)
    assert can_be_off(Route).isdisjoint({"upstream", "timeout", "host", "labels", "name", "group"})
    assert {"circuit_breaker", "health_check", "passive_health"} <= can_be_off(Upstream)
    assert can_be_off(Upstream).isdisjoint({"backends", "pool", "tls"})


def test_each_has_all_keys_and_shares_all_but_its_own() -> None:
    """A key that a route gets one day can be in groups that day."""
    assert set(Route.model_fields) - set(SharedRoute.model_fields) == {"name", "path", "group"}
    assert set(Upstream.model_fields) - set(SharedUpstream.model_fields) == {"name", "backends", "discovery"}


def test_editors_know_how_a_key_is_switched_off() -> None:
    """`off` where that is a word, null for every key but those that each says for itself."""
    definitions = jsonschema.json_schema()["$defs"]
    for name in ("Route", "SharedRoute"):
        properties = definitions[name]["properties"]
        assert {"const": "off"} in properties["auth"]["anyOf"]
        assert {"const": "off"} not in properties["timeout"]["anyOf"]
        assert {"type": "null"} in properties["timeout"]["anyOf"]
        assert {"type": "null"} in properties["service"]["anyOf"]
    assert "required" not in definitions["SharedRoute"]
    assert {"type": "null"} not in definitions["Route"]["properties"]["path"]["anyOf"]
    assert "path" not in definitions["SharedRoute"]["properties"]
